/** The page of one stream: its picture, what it is, how it does, who reads it, what happened to it. */

import { canControl, events, get, onConnection, streamPath } from "../api.js";
import { announce, clear, el, setText } from "../dom.js";
import { register, t, when, whenFull } from "../i18n.js";
import { AuditPanel, EventsPanel } from "../panels/events.js";
import { FactsPanel } from "../panels/facts.js";
import { HistoryPanel } from "../panels/history.js";
import { LedgerPanel } from "../panels/ledger.js";
import { ReadersPanel } from "../panels/readers.js";
import { VideoPanel } from "../panels/video.js";
import { streamHref } from "../router.js";
import { kindOf, problemWords, tone, words } from "../states.js";
import { every } from "../timers.js";
import texts from "../../text/stream.js";

register(texts);

const STATE_MS = 2000;
const HISTORY_MS = 10000;
const AUDIT_MS = 30000;
const AFTER_EVENT_MS = 100;
/** Events after which the audit log may have another entry. */
const AUDITED = new Set(["added", "updated", "swapped", "restarted", "channel_seen", "config_reloaded", "reader_gone", "verdict"]);

/** Draws the page. */
export async function render(main, parameters, signal) {
  const path = streamPath(parameters.id);
  let first;
  try {
    first = (await get(path, { signal })).data;
  } catch (error) {
    if (error.status !== 404) throw error;
    main.append(el("h1", { text: parameters.id }), el("p", { text: t("stream.unknown") }), el("p", {}, el("a", { href: "#/", text: t("stream.to_wall") })));
    return;
  }
  const page = new StreamPage(parameters.id, path, signal);
  main.append(page.node);
  page.draw(first);
  page.run();
}

class StreamPage {
  #id;
  #path;
  #signal;
  #title = el("h1", {});
  #where = el("p", { class: "soft stream-where" });
  #badge = el("span", { class: "badge", "data-testid": "stream-state" });
  #badges = el("span", { class: "row" });
  #problem = el("div", { class: "notice notice-bad", hidden: true });
  #gone = el("div", { class: "notice notice-bad", role: "alert", hidden: true, text: t("stream.removed") });
  #facts = new FactsPanel();
  #ledger = new LedgerPanel();
  #readers;
  #events = new EventsPanel();
  #audit = new AuditPanel();
  #history;
  #video;
  #links = el("ul", { class: "stream-links" });
  #kind = "";
  #drawnBadges = null;
  #soon = 0;

  constructor(id, path, signal) {
    this.#id = id;
    this.#path = path;
    this.#signal = signal;
    this.#video = new VideoPanel(id, signal);
    this.#history = new HistoryPanel(signal);
    this.#readers = new ReadersPanel(() => this.#refresh());
    const controls = el("div", { class: "stream-controls" });
    const masks = canControl() ? el("a", { class: "button", href: streamHref(id, "masks"), "data-testid": "to-masks", text: t("stream.masks") }) : null;
    this.node = el("div", { class: "stream" },
      el("div", { class: "stream-head" },
        el("div", {}, el("p", { class: "stream-back" }, el("span", { class: "soft", "aria-hidden": "true", text: "← " }), el("a", { href: "#/", text: t("stream.to_wall") })), this.#title, this.#where),
        el("div", { class: "row" }, this.#badge, this.#badges, masks)),
      this.#gone, this.#problem,
      el("div", { class: "stream-top" }, this.#video.node, this.#facts.node),
      this.#history.node, this.#readers.node, controls, this.#ledger.node,
      el("div", { class: "stream-logs" }, this.#events.node, this.#audit.node),
      el("section", { class: "panel", "aria-labelledby": "links-title" }, el("h2", { id: "links-title", text: t("stream.links") }), this.#links));
    if (canControl()) this.#control(controls);
  }

  /** Puts in the panel that changes the stream. */
  async #control(container) {
    try {
      const { controlsPanel } = await import("./controls.js");
      if (!this.#signal.aborted) await controlsPanel(container, this.#id, this.#signal);
    } catch (error) {
      if (!this.#signal.aborted) console.warn(error);
    }
  }

  run() {
    const signal = this.#signal;
    events((event) => this.#onEvent(event), { stream: this.#id, signal });
    onConnection(({ state }) => {
      this.node.classList.toggle("stale", state !== "up");
      if (state === "up") this.#all();
    }, signal);
    document.addEventListener("visibilitychange", () => !document.hidden && this.#all(), { signal });
    every(() => this.#refresh(), STATE_MS, signal);
    every(() => this.#read("/history", (data) => this.#history.draw(data)), HISTORY_MS, signal);
    every(() => this.#readAudit(), AUDIT_MS, signal);
    signal.addEventListener("abort", () => clearTimeout(this.#soon));
    this.#drawLinks();
  }

  draw(document) {
    const { state } = document;
    const kind = kindOf(state);
    setText(this.#title, state.title || this.#id);
    setText(this.#where, [state.title ? this.#id : null, state.site].filter(Boolean).join(" · "));
    setText(this.#badge, words(kind, state.since));
    this.#badge.className = `badge ${tone(kind)}`;
    this.#badge.title = whenFull(state.since);
    if (this.#kind && this.#kind !== kind) announce(`${this.#id}: ${words(kind, state.since)}`);
    this.#kind = kind;
    this.#drawBadges(document);
    this.#drawProblem(state);
    this.#video.draw(document);
    this.#facts.draw(document);
  }

  #drawBadges({ config, state }) {
    const masks = config.masks?.length ?? 0;
    const relayed = config.video?.mode === "relay" ? t("stream.relayed") : null;
    const texts = [relayed, masks ? t("stream.masked", { count: masks }) : null, ...state.conditions.map((name) => t(`condition.${name}`))].filter(Boolean);
    const drawn = texts.join("\n");
    if (drawn === this.#drawnBadges) return;
    this.#drawnBadges = drawn;
    clear(this.#badges).append(...texts.map((text) => el("span", { class: "badge", text })));
  }

  #drawProblem(state) {
    this.#problem.hidden = !state.problem_code;
    const next = state.next_attempt_at ? t("stream.next_attempt", { time: when(state.next_attempt_at) }) : "";
    const text = [problemWords(state.problem_code), next].filter(Boolean).join(". ");
    const own = (canControl() && state.problem) || ""; // others are told the meaning of the code, which is said already
    if (this.#problem.dataset.text === `${text}\n${own}`) return;
    this.#problem.dataset.text = `${text}\n${own}`;
    clear(this.#problem).append(el("p", { text }), ...(own ? [el("p", { class: "mono soft", text: own })] : []));
  }

  #onEvent(event) {
    this.#events.add([event]);
    if (event.event_type === "removed") this.#gone.hidden = false;
    if (event.event_type === "added") this.#gone.hidden = true;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => {
      this.#refresh();
      if (AUDITED.has(event.event_type)) this.#readAudit();
    }, AFTER_EVENT_MS);
  }

  #all() {
    this.#refresh();
    this.#read("/history", (data) => this.#history.draw(data));
    this.#read("/events", (data) => this.#events.add(data.events));
    this.#readAudit();
  }

  #refresh() {
    this.#read("", (data) => this.draw(data));
    this.#read("/ledger", (data) => this.#ledger.draw(data));
    this.#read(`/api/v1/sessions?stream=${encodeURIComponent(this.#id)}`, (data) => this.#readers.draw(data, this.#id));
  }

  #readAudit() {
    this.#read("/audit", (data) => this.#audit.draw(data));
  }

  #asking = new Set();

  /** Reads a document and shows it; a question that has no answer yet is not asked again. */
  async #read(below, show) {
    const path = below.startsWith("/api/") ? below : `${this.#path}${below}`;
    if (this.#asking.has(path) || this.#signal.aborted) return;
    this.#asking.add(path);
    try {
      const { data } = await get(path, { signal: this.#signal });
      if (!this.#signal.aborted) show(data);
    } catch (error) {
      if (this.#signal.aborted) return;
      if (error.status === 404 && below === "") this.#gone.hidden = false;
      else if (error.status === undefined) console.warn(error);
    } finally {
      this.#asking.delete(path);
    }
  }

  async #drawLinks() {
    let port = null;
    try {
      port = (await get("/api/v1/info", { signal: this.#signal })).data.rtsp_port;
    } catch {
      // the links to the API are shown without it
    }
    const host = location.hostname.includes(":") ? `[${location.hostname.replace(/[[\]]/g, "")}]` : location.hostname;
    const link = (href, key, text = href) => el("li", {}, el("span", { class: "soft", text: t(key) }), el("a", { href, class: "mono", text }));
    const rtsp = `rtsp://${host}:${port}/${this.#id}`;
    clear(this.#links).append(
      port ? link(rtsp, "stream.link.rtsp") : "",
      link(`${this.#path}/snapshot.jpg`, "stream.link.snapshot"),
      link(`${this.#path}/live.mp4`, "stream.link.mp4"),
      link(this.#path, "stream.link.document"),
      link(`${this.#path}/ledger`, "stream.link.ledger"),
      link(`${this.#path}/verdicts`, "stream.link.verdicts"),
    );
  }
}
