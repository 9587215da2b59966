/** Texts in the user's language, and times and numbers as that language writes them. */

export const LANGUAGES = ["en", "nl"];
const KEPT = "transcoder.language";

const texts = { en: {}, nl: {} };
const listeners = new Set();
let current = chosen();

/** Adds the texts of a page: `{en: {key: text}, nl: {key: text}}`. */
export function register(dictionary) {
  for (const one of LANGUAGES) Object.assign(texts[one], dictionary[one]);
}

/**
 * Returns the text of a key, with `{name}` in it replaced by the parameter of that name.
 * A parameter `count` of 1 takes the text `KEY.one`, where there is one.
 */
export function t(key, params = {}) {
  const of = texts[current];
  const text = (params.count === 1 ? of[`${key}.one`] : undefined) ?? of[key] ?? texts.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

/** Says whether there is a text of a key. */
export function has(key) {
  return key in texts.en;
}

export function language() {
  return current;
}

/** Changes the language, keeps it in this browser, and tells whoever listens. */
export function setLanguage(one) {
  if (!LANGUAGES.includes(one) || one === current) return;
  current = one;
  formats.clear();
  try {
    localStorage.setItem(KEPT, one);
  } catch {
    // a browser that keeps nothing forgets the choice
  }
  for (const listener of listeners) listener(one);
}

/** Calls a function whenever the language changes, until the returned function is called. */
export function onLanguage(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const formats = new Map();

function format(name, make) {
  if (!formats.has(name)) formats.set(name, make());
  return formats.get(name);
}

/** Returns a time (RFC 3339) in the browser's zone: the time alone where it is of today, else with the date. */
export function when(time) {
  if (!time) return "";
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  const today = date.toDateString() === new Date().toDateString();
  return format(today ? "time" : "date", () =>
    new Intl.DateTimeFormat(locale(), today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "medium" }),
  ).format(date);
}

/** Returns a time in full, with the date and the name of the zone. */
export function whenFull(time) {
  const date = new Date(time);
  if (!time || Number.isNaN(date.getTime())) return "";
  return format("full", () => new Intl.DateTimeFormat(locale(), { dateStyle: "full", timeStyle: "long" })).format(date);
}

/** Returns hours and minutes of a time. */
export function clock(time) {
  return format("clock", () => new Intl.DateTimeFormat(locale(), { timeStyle: "short" })).format(new Date(time));
}

/** Returns a number with that many digits behind the decimal sign at most; a dash where there is none. */
export function number(n, digits = 0) {
  if (typeof n !== "number" || !Number.isFinite(n)) return "–";
  return format(`number ${digits}`, () => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits })).format(n);
}

/** Returns a span of seconds in its largest unit, as in "3 min". */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]]) {
    if (s < size && size > 1) continue;
    return format(`span ${unit}`, () =>
      new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }),
    ).format(Math.floor(s / size));
  }
  return "";
}

/** Returns a delay in ms, or in s from one on; a dash where there is none. Its unit stays on its line. */
export function delay(seconds) {
  if (typeof seconds !== "number") return "–";
  return seconds < 1 ? `${number(seconds * 1000)}\u00a0ms` : `${number(seconds, 1)}\u00a0s`;
}

/** Returns a number of bytes in kB, MB or GB. */
export function bytes(n) {
  if (typeof n !== "number") return "–";
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (n >= size) return `${number(n / size, 1)} ${unit}`;
  return `${number(n)} B`;
}

/** The language as the browser's user writes it: British or American, Dutch or Flemish. */
function locale() {
  return (navigator.languages ?? []).find((one) => one.slice(0, 2) === current) ?? (current === "en" ? "en-GB" : current);
}

function chosen() {
  let kept = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {
    // a browser that keeps nothing has no choice kept
  }
  if (LANGUAGES.includes(kept)) return kept;
  return (navigator.languages ?? [navigator.language]).map((one) => one.slice(0, 2)).find((one) => LANGUAGES.includes(one)) ?? "en";
}
