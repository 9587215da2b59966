/** The wall: every stream as a tile. */

import { connection, events, get, onConnection } from "../api.js";
import { announce, clear, el, setText } from "../dom.js";
import { number, register, t } from "../i18n.js";
import { Filters } from "../filters.js";
import { pictures } from "../pictures.js";
import { Tile } from "../tile.js";
import { isTrouble, words } from "../states.js";
import { every, later } from "../timers.js";
import texts from "../../text/wall.js";

register(texts);

const POLL_MS = 2000;
/** After an event the numbers are asked for at once, and again when the gateway has made new ones (once a second). */
const AFTER_EVENT_MS = [60, 1100];
const STATE_EVENTS = new Set(["added", "updated", "removed", "swapped", "source_lost", "source_recovered", "source_encrypted", "source_unreadable", "overload", "format_changed", "restarted", "config_reloaded"]);
const MAX_LIVE = 6;
const PICTURE_WIDTHS = [240, 320, 480, 640];

/** Draws the page. */
export async function render(main, parameters, signal) {
  const wall = new Wall(parameters, signal);
  main.append(wall.node);
  await wall.run();
}

class Wall {
  #signal;
  #tiles = new Map();
  #inView = new Set();
  #live = [];
  #filters;
  #list = el("ul", { class: "wall-tiles", "aria-label": t("wall.tiles") });
  #count = el("p", { class: "soft", role: "status", "data-testid": "wall-count" });
  #empty = el("div", { class: "wall-empty", hidden: true });
  #summary = el("dl", { class: "wall-summary" });
  #numbers = {};
  #observer;
  #feed;
  #asking = null;
  #again = false;
  #wanted = 0;

  constructor(parameters, signal) {
    this.#signal = signal;
    this.#filters = new Filters(parameters, () => this.#filter());
    for (const name of ["online", "trouble", "readers", "kbps_in", "kbps_out", "cpu"]) {
      this.#numbers[name] = el("dd", { text: "–" });
      this.#summary.append(el("div", { "data-name": name }, el("dt", { text: t(`wall.total.${name}`) }), this.#numbers[name]));
    }
    this.node = el("div", { class: "wall" },
      el("div", { class: "wall-head" }, el("h1", { text: t("page.wall") }), this.#summary),
      el("div", { class: "wall-bar" }, this.#filters.node, this.#count),
      this.#empty, this.#list);
    this.#feed = pictures((id, picture) => this.#show(id, picture), signal);
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "120px" });
    signal.addEventListener("abort", () => this.#end());
  }

  async run() {
    events((event) => this.#onEvent(event), { signal: this.#signal });
    onConnection(({ state }) => {
      this.node.classList.toggle("stale", state !== "up");
      if (state === "up") this.#refresh();
    }, this.#signal);
    document.addEventListener("visibilitychange", () => !document.hidden && this.#refresh(), { signal: this.#signal });
    every(() => this.#refresh(), POLL_MS, this.#signal);
    await this.#refresh();
  }

  /** Asks for the numbers; one request at a time. */
  #refresh() {
    if (this.#asking) {
      this.#again = true;
      return this.#asking;
    }
    this.#asking = this.#ask().finally(() => {
      this.#asking = null;
      if (this.#again && !this.#signal.aborted) {
        this.#again = false;
        if (connection().state === "up") this.#refresh();
      }
    });
    return this.#asking;
  }

  async #ask() {
    try {
      const { data } = await get("/api/v1/wall", { signal: this.#signal });
      if (!this.#signal.aborted) this.#draw(data);
    } catch (error) {
      if (this.#signal.aborted || error.status === 0 || error.status === 401) return;
      this.#say(error.detail || error.title);
    }
  }

  #draw({ tiles, gateway }) {
    const changed = [];
    const present = new Set();
    let before = null;
    for (const document of tiles) {
      present.add(document.id);
      let tile = this.#tiles.get(document.id);
      if (!tile) {
        tile = new Tile(document.id, (one) => this.#play(one));
        this.#tiles.set(document.id, tile);
        this.#list.insertBefore(tile.node, before ? before.node.nextSibling : this.#list.firstChild);
        this.#observer.observe(tile.node);
      }
      if (tile.update(document)) changed.push(tile);
      before = tile;
    }
    for (const [id, tile] of this.#tiles) if (!present.has(id)) this.#remove(id, tile);
    this.#filters.learn(tiles);
    this.#filter();
    this.#total(gateway, tiles);
    if (changed.length > 3) announce(t("wall.changed", { count: changed.length }));
    else if (changed.length) announce(changed.map((tile) => `${tile.id}: ${words(tile.kind, tile.document.since)}`).join(", "));
  }

  #remove(id, tile) {
    this.#observer.unobserve(tile.node);
    tile.drop();
    tile.node.remove();
    this.#tiles.delete(id);
    this.#inView.delete(id);
  }

  #total(gateway, tiles) {
    const trouble = [...this.#tiles.values()].filter((tile) => isTrouble(tile.kind)).length;
    const { online, readers, cpu } = gateway;
    setText(this.#numbers.online, t("wall.of", { n: number(online), of: number(tiles.length) }));
    setText(this.#numbers.trouble, number(trouble));
    this.#numbers.trouble.parentNode.classList.toggle("bad", trouble > 0);
    setText(this.#numbers.readers, number(readers));
    setText(this.#numbers.kbps_in, `${number(gateway.kbps_in / 1000, 1)} Mbit/s`);
    setText(this.#numbers.kbps_out, `${number(gateway.kbps_out / 1000, 1)} Mbit/s`);
    setText(this.#numbers.cpu, number(cpu, 2));
  }

  #filter() {
    let shown = 0;
    for (const tile of this.#tiles.values()) {
      const matches = this.#filters.matches(tile.document, tile.kind);
      if (tile.node.hidden === matches) tile.node.hidden = !matches;
      if (matches) shown += 1;
    }
    setText(this.#count, this.#filters.isSet() ? t("wall.shown", { n: number(shown), of: number(this.#tiles.size) }) : "");
    this.#say(this.#tiles.size === 0 ? t("wall.none") : shown === 0 ? t("wall.nothing") : "");
  }

  #say(text) {
    this.#empty.hidden = !text;
    if (this.#empty.textContent !== text) clear(this.#empty).append(el("p", { text }));
  }

  #onEvent(event) {
    if (!STATE_EVENTS.has(event.event_type)) return;
    const tile = this.#tiles.get(event.stream);
    if (tile && event.event_type === "source_lost") {
      tile.update({ ...tile.document, state: "away", status: "offline", since: event.ts });
    }
    for (const after of AFTER_EVENT_MS) later(() => this.#refresh(), after, this.#signal);
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const { id } = target.dataset;
      if (isIntersecting) this.#inView.add(id);
      else if (this.#inView.delete(id)) this.#tiles.get(id)?.drop();
    }
    clearTimeout(this.#wanted);
    this.#wanted = setTimeout(() => this.#want(), 100);
  }

  /** Asks for pictures of the tiles in view, as wide as they are shown. */
  #want() {
    const ids = [...this.#tiles.keys()].filter((id) => this.#inView.has(id) && this.#tiles.get(id).kind !== "disabled");
    const shown = (this.#list.firstElementChild?.clientWidth ?? 320) * Math.min(devicePixelRatio, 2);
    this.#feed.want(ids, PICTURE_WIDTHS.find((width) => width >= shown * 0.9) ?? PICTURE_WIDTHS.at(-1));
  }

  #show(id, picture) {
    if (this.#inView.has(id)) this.#tiles.get(id)?.show(picture);
  }

  async #play(tile) {
    const { play } = await import("../live.js").catch(() => ({})); // the gateway may have gone since
    if (this.#signal.aborted || !play) return;
    this.#live = this.#live.filter((one) => one.node.dataset.live && one !== tile);
    while (this.#live.length >= MAX_LIVE) this.#live.shift().stop();
    this.#live.push(tile);
    tile.play(play);
  }

  #end() {
    clearTimeout(this.#wanted);
    this.#observer.disconnect();
    this.#inView.clear(); // a picture may still come
    for (const tile of this.#tiles.values()) tile.drop();
  }
}
