/** The picture of a stream: live, or a still picture once a second where the user or the browser wants no live one. */

import { clear, el, setText } from "../dom.js";
import { t } from "../i18n.js";
import { fetchPicture, showPicture, dropPicture } from "../pictures.js";

const STILL_MS = 1000;
const STILL_WIDTH = 1280;
/** The states after which live.js tries no more. */
const FINAL = new Set(["unsupported", "ended", "gone"]);

export class VideoPanel {
  #stream;
  #signal;
  #rendition = null;
  #names = "";
  #wantsLive = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  #stop = null;
  #still = 0;
  #fetching = false;
  #isServed = null;
  #hasPictures = false;
  #isRelayed = false;
  #image = el("img", { class: "video-still", alt: "", decoding: "async", hidden: true });
  #place = el("div", { class: "video-live" });
  #state = el("span", { class: "badge on-picture", role: "status", "data-testid": "live-state" });
  #note = el("p", { class: "video-note soft", hidden: true });
  #none = el("p", { class: "tile-none" });
  #toggle;
  #large;
  #choice;
  #label;

  constructor(stream, signal) {
    this.#stream = stream;
    this.#signal = signal;
    this.#toggle = el("button", { type: "button", "data-testid": "live-toggle", on: { click: () => this.#switch(!this.#wantsLive) } });
    this.#choice = el("select", { id: "video-output", on: { change: () => this.#choose(this.#choice.value) } });
    this.#label = el("div", { class: "row" }, el("label", { for: "video-output", text: t("video.output") }), this.#choice);
    this.#label.hidden = true;
    const frame = el("div", { class: "video-frame" }, this.#none, this.#image, this.#place, this.#state);
    this.#large = el("button", { type: "button", text: t("video.large"), on: { click: () => (document.fullscreenElement ? document.exitFullscreen() : frame.requestFullscreen()).catch(() => {}) } });
    this.node = el("section", { class: "panel video-panel", "aria-label": t("video.title") },
      frame, el("div", { class: "row video-bar" }, this.#toggle, this.#large, this.#label), this.#note);
    document.addEventListener("visibilitychange", () => !document.hidden && this.#stills(), { signal });
    signal.addEventListener("abort", () => this.#end());
  }

  /** Takes the stream's document: which outputs there are, whether it is served at all, and whether there are still pictures of it. */
  draw({ state, config }) {
    this.#isRelayed = config.video?.mode === "relay"; // nobody decodes it, so that there is no still picture
    setText(this.#none, t(this.#isRelayed ? "video.none.relayed" : "video.none"));
    setText(this.#note, t(this.#isRelayed ? "video.unsupported.relayed" : "video.unsupported"));
    const names = Object.keys(state.renditions);
    if (names.join() !== this.#names) {
      this.#names = names.join();
      clear(this.#choice).append(...["", ...names].map((name) => el("option", { value: name, text: name || t("video.main"), selected: name === (this.#rendition ?? "") })));
      this.#label.hidden = names.length === 0;
      if (this.#rendition && !names.includes(this.#rendition)) this.#choose("");
    }
    this.#hasPictures = state.output.pictures > 0 && !this.#isRelayed;
    const isServed = state.state !== "disabled";
    if (this.#isServed === isServed) return;
    this.#isServed = isServed;
    if (isServed) this.#start();
    else this.#end();
    this.#toggle.hidden = this.#large.hidden = !isServed;
  }

  #choose(name) {
    this.#rendition = name || null;
    this.#start();
  }

  #switch(live) {
    this.#wantsLive = live;
    this.#start();
  }

  async #start() {
    this.#end();
    if (this.#signal.aborted || !this.#isServed) return;
    this.#note.hidden = true;
    setText(this.#toggle, this.#wantsLive ? t("video.pause") : t("video.play"));
    this.#say(this.#wantsLive ? "connecting" : "still");
    this.#stills(true);
    if (!this.#wantsLive) return;
    let live;
    try {
      live = await import("../live.js");
    } catch {
      return this.#say("still");
    }
    if (this.#signal.aborted || !this.#wantsLive || this.#stop) return;
    const video = el("video", { class: "video-element", autoplay: true, playsinline: true, "aria-label": t("video.of", { id: this.#stream }), "data-testid": "live-video" });
    video.muted = true;
    clear(this.#place).append(video);
    video.hidden = true;
    const rendition = this.#rendition ?? undefined;
    const stop = live.play(video, { stream: this.#stream, rendition, onState: (name) => video.isConnected && this.#onState(name, video) });
    this.#stop = () => stop();
  }

  #onState(name, video) {
    this.#say(name);
    const plays = name === "playing" || name === "slow";
    if (plays) {
      video.hidden = false;
      clearTimeout(this.#still);
      return;
    }
    if (FINAL.has(name)) this.#giveUp(name);
    else this.#stills(video.hidden);
  }

  /** Goes on with still pictures, and offers to try the live one again. */
  #giveUp(name) {
    this.#wantsLive = false;
    this.#end();
    setText(this.#toggle, t("video.play"));
    this.#note.hidden = name !== "unsupported";
    this.#stills();
  }

  #say(name) {
    setText(this.#state, t(`live.${name}`));
    this.node.dataset.state = name;
  }

  /** Shows a still picture, and one every second as long as there is no live one. */
  async #stills(now = true) {
    clearTimeout(this.#still);
    if (this.#signal.aborted || this.#plays() || !this.#isServed || document.hidden) return;
    if (now && !this.#fetching && this.#hasPictures) {
      this.#fetching = true;
      const rendition = this.#rendition ?? undefined;
      const picture = await fetchPicture(this.#stream, { rendition, width: STILL_WIDTH, signal: this.#signal });
      this.#fetching = false;
      if (this.#signal.aborted) return;
      if (picture && rendition === (this.#rendition ?? undefined)) {
        showPicture(this.#image, picture);
        this.#image.hidden = false;
        this.#none.hidden = true;
        this.#image.alt = t("video.still.of", { id: this.#stream });
      }
    }
    clearTimeout(this.#still);
    this.#still = setTimeout(() => this.#stills(), STILL_MS);
  }

  #plays() {
    return ["playing", "slow"].includes(this.node.dataset.state);
  }

  #end() {
    clearTimeout(this.#still);
    const stop = this.#stop;
    this.#stop = null;
    stop?.();
    clear(this.#place);
    if (this.#isServed && !this.#signal.aborted) return;
    dropPicture(this.#image);
    this.#image.hidden = true;
    this.#none.hidden = false;
    setText(this.#state, t("state.disabled"));
    this.node.dataset.state = "disabled";
  }
}
