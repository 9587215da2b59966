/** Who reads the stream, with a button that ends a reader, and who went and why. */

import { canControl, send } from "../api.js";
import { announce, el, setText } from "../dom.js";
import { bytes, number, register, span, t, when, whenFull } from "../i18n.js";
import { Rows } from "../rows.js";
import { reasonWords } from "../words.js";
import texts from "../../text/readers.js";

register(texts);

const MAX_ENDED = 20;
const NUMBERS = new Set(["sent", "dropped"]);
const PRESENT = ["peer", "user", "transport", "path", "since", "sent", "dropped"];
const ENDED = ["ended", "peer", "user", "transport", "reason", "after", "sent", "dropped"];

export class ReadersPanel {
  #body = el("tbody", {});
  #endedBody = el("tbody", {});
  #rows;
  #endedRows = new Rows(this.#endedBody, (one) => `${one.session?.id} ${one.ended}`, ended);
  #table;
  #empty = el("p", { class: "soft", text: t("readers.none") });
  #error = el("p", { class: "field-error", role: "alert", hidden: true });
  #endedPart;

  /** @param {() => void} onEnded is called when a reader was ended */
  constructor(onEnded) {
    this.#rows = new Rows(this.#body, (one) => one.id, (one) => present(one, (button) => this.#end(one, button, onEnded)));
    const names = [...PRESENT, ...(canControl() ? ["end"] : [])];
    this.#table = table(names, this.#body, t("readers.title"));
    this.#endedPart = el("details", {}, el("summary", { text: t("readers.ended.title") }), table(ENDED, this.#endedBody, t("readers.ended.title")));
    this.node = el("section", { class: "panel", "aria-labelledby": "readers-title" },
      el("h2", { id: "readers-title", text: t("readers.title") }), this.#error, this.#table, this.#empty, this.#endedPart);
  }

  /** Shows the sessions of the stream, and those that ended. */
  draw({ sessions, ended: gone }, stream) {
    this.#rows.show(sessions);
    this.#table.hidden = sessions.length === 0;
    this.#empty.hidden = sessions.length > 0;
    const ours = gone.filter((one) => one.session?.stream === stream).slice(0, MAX_ENDED);
    this.#endedRows.show(ours);
    this.#endedPart.hidden = ours.length === 0;
  }

  async #end(one, button, onEnded) {
    button.disabled = true;
    this.#error.hidden = true;
    try {
      await send("DELETE", `/api/v1/sessions/${encodeURIComponent(one.id)}`);
      announce(t("readers.was_ended", { reader: one.peer ?? one.id }));
      this.node.querySelector("h2").setAttribute("tabindex", "-1");
      this.node.querySelector("h2").focus({ preventScroll: true }); // the button goes, and the focus with it
      onEnded();
    } catch (error) {
      button.disabled = false;
      this.#error.hidden = false;
      setText(this.#error, error.detail || error.title || String(error));
    }
  }
}

function table(names, body, label) {
  const head = names.map((name) => el("th", { scope: "col", class: NUMBERS.has(name) ? "number" : null }, el("span", { class: name === "end" ? "visually-hidden" : null, text: t(`readers.${name}`) })));
  return el("div", { class: "scroll readers-table", tabindex: "0", role: "group", "aria-label": label }, el("table", {}, el("thead", {}, el("tr", {}, ...head)), body));
}

function cellsOf(names) {
  return Object.fromEntries(names.map((name) => [name, el("td", { class: NUMBERS.has(name) ? "number" : null })]));
}

function fill(cells, session) {
  setText(cells.peer, session?.peer ?? "–");
  setText(cells.user, session?.user ?? "–");
  setText(cells.transport, session ? transport(session.transport) : "–");
  setText(cells.sent, session ? bytes(session.bytes) : "–");
  setText(cells.dropped, session ? number(session.dropped) : "–");
}

function present(session, onEnd) {
  const cells = cellsOf(PRESENT);
  cells.since.title = whenFull(session.since);
  cells.path.append(el("span", { class: "mono", text: session.path }));
  const node = el("tr", { "data-testid": "reader-row", "data-transport": session.transport }, ...PRESENT.map((name) => cells[name]));
  if (canControl()) {
    const button = el("button", { type: "button", class: "danger small", "data-testid": "end-reader", text: t("readers.end"),
      "aria-label": t("readers.end.of", { reader: session.peer ?? session.id }), on: { click: () => onEnd(button) } });
    node.append(el("td", {}, button));
  }
  const update = (now) => {
    fill(cells, now);
    setText(cells.since, `${when(now.since)} (${span(now.age_s)})${now.playing ? "" : ` · ${t("readers.paused")}`}`);
  };
  return { node, update };
}

function ended(one) {
  const cells = cellsOf(ENDED);
  fill(cells, one.session);
  if (one.peer) setText(cells.peer, one.peer);
  setText(cells.ended, when(one.ended));
  setText(cells.reason, reasonWords(one.reason) + (one.count > 1 ? ` (${number(one.count)}×)` : ""));
  setText(cells.after, one.session ? span(one.session.age_s) : "–");
  return { node: el("tr", { "data-testid": "ended-row" }, ...ENDED.map((name) => cells[name])) };
}

function transport(name) {
  return { tcp: "RTSP, TCP", udp: "RTSP, UDP", multicast: "Multicast", web: "Web" }[name] ?? name;
}
