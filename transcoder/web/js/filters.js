/** The filters of the wall: state, text, site and vendor family; they stand in the page's address. */

import { el, setText } from "./dom.js";
import { t } from "./i18n.js";
import { KINDS, isTrouble } from "./states.js";
import { searched } from "./tile.js";

const STATES = ["", "trouble", ...KINDS, "masked"];
const NAMES = ["q", "state", "site", "vendor"];

export class Filters {
  #fields = {};
  #known = { site: "", vendor: "" };
  #given;
  #onChange;

  /**
   * @param {Object<string, string>} given the values in the page's address
   * @param {() => void} onChange
   */
  constructor(given, onChange) {
    this.#given = given;
    this.#onChange = onChange;
    const text = el("input", {
      type: "search", id: "filter-q", value: given.q ?? "", placeholder: t("wall.filter.q.hint"), autocomplete: "off", "data-testid": "filter-q",
      on: { input: () => this.#changed() },
    });
    this.#fields.q = text;
    for (const name of ["state", "site", "vendor"]) {
      this.#fields[name] = el("select", { id: `filter-${name}`, "data-testid": `filter-${name}`, on: { change: () => this.#changed() } });
    }
    this.#fill("state", STATES.map((one) => [one, t(one === "" ? "wall.filter.all" : `wall.filter.${one}`)]));
    this.#fill("site", [["", t("wall.filter.all")]]);
    this.#fill("vendor", [["", t("wall.filter.all")]]);
    this.clear = el("button", { type: "button", class: "quiet", text: t("wall.filter.clear"), "data-testid": "filter-clear", on: { click: () => this.#clear() } });
    this.node = el("search", { class: "wall-filters" },
      ...NAMES.map((name) => el("div", { class: `field filter-${name}` }, el("label", { for: `filter-${name}`, text: t(`wall.filter.${name}`) }), this.#fields[name])),
      this.clear,
    );
    this.clear.hidden = !this.isSet();
  }

  /** Offers the sites and vendor families that there are. */
  learn(tiles) {
    for (const name of ["site", "vendor"]) {
      const values = [...new Set(tiles.map((tile) => tile[name]).filter(Boolean))].sort();
      const kept = this.#fields[name].value || this.#given[name];
      if (kept && !values.includes(kept)) values.push(kept);
      const known = values.join("\n");
      if (known === this.#known[name]) continue;
      this.#known[name] = known;
      this.#fill(name, [["", t("wall.filter.all")], ...values.map((one) => [one, one])]);
    }
  }

  /** Says whether a tile is to be shown. */
  matches(tile, kind) {
    const { q, state, site, vendor } = this.#values();
    if (q && !q.toLowerCase().split(/\s+/).every((word) => searched(tile).includes(word))) return false;
    if (site && tile.site !== site) return false;
    if (vendor && tile.vendor !== vendor) return false;
    if (state === "trouble") return isTrouble(kind);
    if (state === "masked") return tile.masks > 0;
    return !state || state === kind;
  }

  /** Says whether any filter is set. */
  isSet() {
    return Object.values(this.#values()).some(Boolean);
  }

  #values() {
    return Object.fromEntries(NAMES.map((name) => [name, this.#fields[name].value.trim()]));
  }

  #fill(name, options) {
    const field = this.#fields[name];
    const kept = field.value || this.#given[name] || "";
    field.replaceChildren(...options.map(([value, text]) => el("option", { value, text, selected: value === kept })));
  }

  #clear() {
    for (const field of Object.values(this.#fields)) field.value = "";
    this.#given = {};
    this.#changed();
    this.#fields.q.focus();
  }

  #changed() {
    const set = Object.entries(this.#values()).filter(([, value]) => value);
    const query = new URLSearchParams(set).toString();
    history.replaceState(null, "", `#/${query && `?${query}`}`); // no hashchange comes of it
    this.clear.hidden = set.length === 0;
    setText(this.clear, t("wall.filter.clear"));
    this.#onChange();
  }
}
