export default {
  en: {
    "fields.yes": "yes",
    "fields.no": "no",
    "fields.nothing": "nothing given",
  },
  nl: {
    "fields.yes": "ja",
    "fields.no": "nee",
    "fields.nothing": "niets opgegeven",
  },
};
