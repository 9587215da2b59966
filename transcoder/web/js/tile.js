/** One tile of the wall: a picture, a name, a state, five numbers. */

import { canControl } from "./api.js";
import { clear, el, setText } from "./dom.js";
import { delay, number, t, whenFull } from "./i18n.js";
import { dropPicture, showPicture } from "./pictures.js";
import { streamHref } from "./router.js";
import { kindOf, problemWords, tone, words } from "./states.js";

export class Tile {
  #image = el("img", { alt: "", decoding: "async", class: "tile-picture", hidden: true });
  #none = el("p", { class: "tile-none" });
  #state;
  #name = el("span", {});
  #site = el("p", { class: "tile-site soft" });
  #badges = el("span", { class: "tile-badges" });
  #problem = el("p", { class: "tile-problem" });
  #live;
  #liveBox = el("div", { class: "tile-live" });
  #numbers = {};
  #stop = null;
  #drawn = "";
  #since = null;

  /**
   * @param {string} id
   * @param {(tile: Tile) => void} onLive is told when a tile begins to show live pictures
   */
  constructor(id, onLive) {
    this.id = id;
    /** The document that is shown. */
    this.document = null;
    this.kind = "";
    this.#state = el("span", { class: "badge tile-state", "data-testid": `tile-state-${id}` });
    this.#live = el("button", {
      type: "button", class: "tile-live-button",
      on: { click: () => (this.#stop ? this.stop() : onLive(this)) },
    });
    this.#drawButton();
    const numbers = el("dl", { class: "tile-numbers" });
    for (const name of ["fps", "kbps", "delay", "readers"]) {
      this.#numbers[name] = el("dd", {});
      numbers.append(el("div", {}, el("dt", { text: t(`wall.number.${name}`) }), this.#numbers[name]));
    }
    this.node = el("li", { class: "tile", "data-testid": `tile-${id}`, "data-id": id },
      el("div", { class: "tile-text" },
        el("h2", { class: "tile-name" }, el("a", { href: streamHref(id) }, this.#name)),
        this.#site, this.#problem, numbers),
      el("div", { class: "tile-frame" }, this.#none, this.#image, this.#liveBox,
        el("div", { class: "tile-top" }, this.#state, this.#badges), this.#live),
    );
  }

  /** Shows a document; only what differs is touched. Returns whether the kind of state changed. */
  update(tile) {
    this.document = tile;
    const kind = kindOf(tile);
    const changed = this.kind !== "" && this.kind !== kind;
    this.kind = kind;
    setText(this.#name, tile.title || tile.id);
    setText(this.#site, [tile.title ? tile.id : null, tile.site].filter(Boolean).join(" · "));
    setText(this.#state, words(kind, tile.since));
    const state = `badge tile-state ${tone(kind)}`;
    if (this.#state.className !== state) this.#state.className = state;
    if (this.#since !== tile.since) this.#state.title = whenFull((this.#since = tile.since));
    const problem = tile.state === "playing" ? "" : problemWords(tile.problem_code);
    setText(this.#problem, problem);
    this.#problem.title = (canControl() && tile.problem) || "";
    this.#drawBadges(tile);
    setText(this.#none, t(tile.relayed && kind === "playing" ? "wall.relayed.none" : "wall.no_picture"));
    const plays = tile.state === "playing";
    setText(this.#numbers.fps, number(tile.fps, 1));
    setText(this.#numbers.kbps, number(tile.kbps));
    setText(this.#numbers.delay, plays ? delay(tile.delay_s) : "–");
    setText(this.#numbers.readers, number(tile.readers));
    if (this.node.dataset.kind !== kind) this.node.dataset.kind = kind;
    this.#live.hidden = kind === "disabled";
    if (kind === "disabled") this.drop();
    return changed;
  }

  #drawBadges(tile) {
    const badges = tile.relayed ? [t("wall.relayed")] : [];
    if (tile.masks) badges.push(t("wall.masks", { count: tile.masks }));
    for (const name of tile.renditions ?? []) badges.push(`/${name}`); // as in its URL
    const drawn = badges.join("\n");
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    clear(this.#badges).append(...badges.map((text) => el("span", { class: "badge on-picture", text })));
  }

  /** Shows a picture. */
  show(picture) {
    if (this.kind === "disabled") return;
    showPicture(this.#image, picture);
    if (!this.#image.hidden) return;
    this.#image.hidden = false;
    this.#none.hidden = true;
    this.#image.alt = t("wall.picture", { id: this.id });
  }

  /** Lets go of the picture and of the live picture: the tile is out of view. */
  drop() {
    this.stop();
    dropPicture(this.#image);
    this.#image.hidden = true;
    this.#none.hidden = false;
  }

  /** Shows live pictures with the given function of js/live.js. */
  play(play) {
    const video = el("video", { class: "tile-picture", autoplay: true, playsinline: true, tabindex: "-1", "aria-label": t("wall.live.video", { id: this.id }) });
    video.muted = true;
    video.hidden = true;
    const state = el("span", { class: "badge on-picture" });
    clear(this.#liveBox).append(video, state);
    const stop = play(video, {
      stream: this.id,
      onState: (name) => {
        setText(state, t(`live.${name}`));
        this.node.dataset.live = name;
        video.hidden = name === "unsupported" || (video.hidden && name === "connecting");
        if (name === "gone" || name === "ended") this.stop();
      },
    });
    this.#stop = () => stop();
    this.#drawButton();
  }

  #drawButton() {
    const key = this.#stop ? "wall.stop" : "wall.live";
    setText(this.#live, t(key));
    this.#live.setAttribute("aria-label", t(`${key}.of`, { id: this.id }));
  }

  /** Ends the live picture. */
  stop() {
    if (!this.#stop) return;
    const stop = this.#stop;
    this.#stop = null;
    stop();
    clear(this.#liveBox);
    delete this.node.dataset.live;
    this.#drawButton();
  }
}

/** Returns the text that a search looks into. */
export function searched(tile) {
  return [tile.id, tile.title, tile.site, tile.vendor].filter(Boolean).join(" ").toLowerCase();
}
