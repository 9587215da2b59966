/** What comes from the camera and what readers get, side by side, and what else is known of a stream. */

import { clear, el, setText } from "../dom.js";
import { bytes, delay, number, register, t, when, whenFull } from "../i18n.js";
import { codecWords, conditionWords, stateWords } from "../words.js";
import texts from "../../text/facts.js";

register(texts);

const size = (of) => (of.width ? `${of.width} × ${of.height}` : "–");
const ROWS = [
  ["codec", (of) => codecWords(of.codec)],
  ["size", size],
  ["fps", (of) => number(of.fps, 1)],
  ["kbps", (of) => number(of.kbps)],
  ["cap", (of) => (of.bitrate_kbps === undefined ? "" : number(of.bitrate_kbps))],
  ["gop", (of) => (of.gop_s === undefined ? "" : `${number(of.gop_s, 1)} s`)],
  ["delay", (of) => (of.delay_s === undefined ? "" : delay(of.delay_s))],
  ["readers", (of) => (of.readers === undefined ? "" : number(of.readers))],
  ["total", (of) => bytes(of.bytes)],
];

export class FactsPanel {
  #table = el("table", { class: "facts-table" });
  #list = el("dl", { class: "facts-list" });
  #cells = new Map();
  #columns = "";
  #entries = new Map();

  constructor() {
    this.node = el("section", { class: "panel", "aria-labelledby": "facts-title" },
      el("h2", { id: "facts-title", text: t("facts.title") }),
      el("div", { class: "scroll", tabindex: "0", role: "group", "aria-labelledby": "facts-title" }, this.#table), this.#list);
  }

  /** Shows a stream's document. */
  draw({ config, state }) {
    const { bitrate_kbps: cap, gop_s: gop, ...relayed } = state.output; // a relay has no encoder to which these apply
    const main = config.video?.mode === "relay" ? relayed : state.output;
    const columns = { source: state.source, main, ...prefixed(state.renditions) };
    this.#frame(Object.keys(columns));
    for (const [column, of] of Object.entries(columns)) {
      for (const [row, write] of ROWS) setText(this.#cells.get(`${row} ${column}`), write(of));
    }
    this.#drawList(state);
  }

  #frame(columns) {
    if (columns.join(" ") === this.#columns) return;
    this.#columns = columns.join(" ");
    this.#cells.clear();
    const head = columns.map((column) => el("th", { scope: "col", text: column.startsWith("/") ? column : t(`facts.${column}`) }));
    const body = ROWS.map(([row]) => el("tr", {}, el("th", { scope: "row", text: t(`facts.row.${row}`) }), ...columns.map((column) => this.#cell(row, column))));
    clear(this.#table).append(el("thead", {}, el("tr", {}, el("td", {}), ...head)), el("tbody", {}, ...body));
  }

  #cell(row, column) {
    const cell = el("td", { "data-testid": `fact-${row}-${column}` });
    this.#cells.set(`${row} ${column}`, cell);
    return cell;
  }

  #drawList(state) {
    const { source, faults } = state;
    const verdict = state.verdict && `${t(`facts.verdict.${state.verdict.verdict.replaceAll(" ", "_")}`)}, ${when(state.verdict.at)}`;
    const facts = {
      vendor: source.vendor,
      lost: `${number(source.packets_lost)} / ${number(source.packets)}`,
      connects: t("facts.connects.value", { connects: number(source.connects), losses: number(source.losses) }),
      damaged: number(faults.damaged_access_units),
      shed: number(faults.shed_access_units),
      cpu: `${number(state.cpu * 100, 1)} %`,
      divisor: state.rate_divisor > 1 ? `1 / ${number(state.rate_divisor)}` : null,
      motion: `${number(state.motion * 100)} %`,
      conditions: state.conditions.map(conditionWords).join(", "),
      repeated: number(state.output.repeated),
      asset: state.asset && [state.asset, state.asset_state && stateWords("asset", state.asset_state)].filter(Boolean).join(", "),
      verdict,
      labels: Object.entries(state.labels).map(([key, value]) => (value ? `${key}=${value}` : key)).join(", "),
      push: Object.entries(state.push).map(([name, push]) => `${name}: ${stateWords("push", push.state)}`).join(", "),
      since: when(state.since),
    };
    for (const [name, value] of Object.entries(facts)) this.#entry(name, value);
    const since = this.#entries.get("since");
    if (since) since.title = whenFull(state.since);
  }

  #entry(name, value) {
    let entry = this.#entries.get(name);
    if (!entry) {
      entry = el("dd", { "data-testid": `fact-${name}` });
      this.#entries.set(name, entry);
      this.#list.append(el("div", {}, el("dt", { text: t(`facts.${name}`) }), entry));
    }
    entry.parentNode.hidden = !value;
    setText(entry, value || "");
  }
}

function prefixed(renditions) {
  return Object.fromEntries(Object.entries(renditions).map(([name, of]) => [`/${name}`, of]));
}
