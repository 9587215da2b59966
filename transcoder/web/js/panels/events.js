/** The last events of a stream, the newest first, and its entries in the audit log. */

import { el } from "../dom.js";
import { register, t, when, whenFull } from "../i18n.js";
import { Rows } from "../rows.js";
import { actionWords, eventDetail, eventWords, kindWords, layerWords } from "../words.js";
import texts from "../../text/events.js";

register(texts);

const MAX_EVENTS = 100;

export class EventsPanel {
  #events = new Map();
  #body = el("tbody", {});
  #rows = new Rows(this.#body, (event) => `${event.sequence} ${event.ts}`, eventRow);
  #empty = el("p", { class: "soft", text: t("events.none") });
  #table;

  constructor() {
    this.#table = table(["time", "event", "detail"], this.#body, "events-title");
    this.node = el("section", { class: "panel", "aria-labelledby": "events-title" },
      el("h2", { id: "events-title", text: t("events.title") }), this.#table, this.#empty);
    this.add([]);
  }

  /** Adds events; those that are there already are not shown twice. */
  add(events) {
    for (const event of events) this.#events.set(`${event.sequence} ${event.ts}`, event);
    const kept = [...this.#events.values()].sort((a, b) => Date.parse(b.ts) - Date.parse(a.ts) || b.sequence - a.sequence).slice(0, MAX_EVENTS);
    this.#events = new Map(kept.map((event) => [`${event.sequence} ${event.ts}`, event]));
    this.#rows.show(kept);
    this.#table.hidden = kept.length === 0;
    this.#empty.hidden = kept.length > 0;
  }
}

export class AuditPanel {
  #body = el("tbody", {});
  #rows = new Rows(this.#body, (entry) => String(entry.number), auditRow);
  #empty = el("p", { class: "soft", text: t("audit.none") });
  #table;

  constructor() {
    this.#table = table(["time", "who", "action", "changes"], this.#body, "audit-title");
    this.#table.hidden = true;
    this.node = el("section", { class: "panel", "aria-labelledby": "audit-title" },
      el("h2", { id: "audit-title", text: t("audit.title") }), this.#table, this.#empty);
  }

  /** Shows the document of the entries. */
  draw({ entries }) {
    this.#rows.show(entries);
    this.#table.hidden = entries.length === 0;
    this.#empty.hidden = entries.length > 0;
  }
}

function table(names, body, labelledBy) {
  const head = names.map((name) => el("th", { scope: "col", text: t(`events.${name}`) }));
  return el("div", { class: "scroll scroll-long", tabindex: "0", role: "group", "aria-labelledby": labelledBy },
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), body));
}

function time(at) {
  return el("td", { class: "time" }, el("time", { datetime: at, title: whenFull(at), text: when(at) }));
}

function eventRow(event) {
  return {
    node: el("tr", { "data-testid": "event-row", "data-event": event.event_type }, time(event.ts),
      el("td", { text: eventWords(event) }), el("td", { class: "wrap", text: eventDetail(event) })),
  };
}

function auditRow(entry) {
  const who = [t(`audit.interface.${entry.interface}`), entry.name].filter(Boolean).join(": ");
  const seen = entry.action === "channel_seen" && entry.detail ? `${layerWords(entry.detail.layer)}: ${kindWords(entry.detail.kind)}` : "";
  return {
    node: el("tr", { "data-testid": "audit-row", "data-number": entry.number }, time(entry.at), el("td", { text: who }),
      el("td", { text: actionWords(entry.action) }), el("td", { class: "wrap mono", text: seen || entry.changes.join(", ") })),
  };
}
