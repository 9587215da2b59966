/** What was stripped, by layer and kind, with counts that run. */

import { el, setText } from "../dom.js";
import { bytes, number, register, t, when, whenFull } from "../i18n.js";
import { Rows } from "../rows.js";
import { kindWords, layerWords } from "../words.js";
import texts from "../../text/ledger.js";

register(texts);

const COLUMNS = ["layer", "kind", "count", "rate", "bytes", "first", "last"];
const NUMBERS = new Set(["count", "rate", "bytes"]);

export class LedgerPanel {
  #body = el("tbody", {});
  #rows = new Rows(this.#body, (entry) => `${entry.layer} ${entry.kind}`, row);
  #empty = el("p", { class: "soft", text: t("ledger.none") });
  #table;

  constructor() {
    const head = COLUMNS.map((name) => el("th", { scope: "col", class: NUMBERS.has(name) ? "number" : null, text: t(`ledger.${name}`) }));
    this.#table = el("div", { class: "scroll ledger-table", tabindex: "0", role: "group", "aria-labelledby": "ledger-title", hidden: true },
      el("table", {}, el("thead", {}, el("tr", {}, ...head)), this.#body));
    this.node = el("section", { class: "panel", "aria-labelledby": "ledger-title" },
      el("h2", { id: "ledger-title", text: t("ledger.title") }), el("p", { class: "soft", text: t("ledger.what") }), this.#table, this.#empty);
  }

  /** Shows the entries of the ledger; the order is of layers and kinds, so that no row moves while it is read. */
  draw(entries) {
    const order = [...entries].sort((a, b) => a.layer.localeCompare(b.layer) || a.kind.localeCompare(b.kind));
    this.#rows.show(order);
    this.#table.hidden = order.length === 0;
    this.#empty.hidden = order.length > 0;
  }
}

function row(entry) {
  const cells = Object.fromEntries(COLUMNS.map((name) => [name, el("td", { class: NUMBERS.has(name) ? "number" : null })]));
  const name = entry.name ? el("span", { class: "soft", text: ` “${entry.name}”` }) : null;
  cells.layer.append(el("span", { text: layerWords(entry.layer), title: entry.layer }));
  cells.kind.append(el("span", { class: "mono", text: kindWords(entry.kind) }), ...(name ? [name] : []));
  cells.first.textContent = when(entry.first_seen);
  cells.first.title = whenFull(entry.first_seen);
  const update = (now) => {
    setText(cells.count, number(now.count));
    setText(cells.rate, number(now.rate, 1));
    setText(cells.bytes, bytes(now.bytes));
    setText(cells.last, when(now.last_seen));
  };
  return { node: el("tr", { "data-testid": "ledger-row" }, ...COLUMNS.map((one) => cells[one])), update };
}
