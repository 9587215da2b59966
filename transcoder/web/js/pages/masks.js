/** The page that edits the masks of a stream on the picture that its readers see. */

import { ApiError, canControl, events, get, send, streamPath } from "../api.js";
import { conflictBox } from "../conflict_box.js";
import { clear, el, setText } from "../dom.js";
import { Edits, same } from "../edits.js";
import { number, register, t } from "../i18n.js";
import { MaskModel } from "../mask_model.js";
import { drawMasks } from "../mask_preview.js";
import { MaskStage } from "../mask_stage.js";
import { MAX_MASKS, STYLES, centre, placed } from "../polygons.js";
import { assign } from "../problems.js";
import { streamHref } from "../router.js";
import { still } from "../still.js";
import { later, pause } from "../timers.js";
import texts from "../../text/masks.js";
import conflictTexts from "../../text/controls.js";

register(texts);
register(conflictTexts);

const KEY = "masks";
const CHANGES = new Set(["updated", "config_reloaded"]);
/** Milliseconds after saving at which the picture is fetched anew: what a removed mask hid comes with the next picture. */
const LATER_MS = [400, 1200];
/** Samples of a row of the picture that is painted, at most: a blur over all of it is not to hold up a drag. */
const WIDEST = 1280;
/** Stills that are asked for while the gateway has others to make, and the milliseconds between. */
const BUSY_TRIES = 5;
const BUSY_MS = 150;
/** The height of the picture, at most: all of it is seen while one draws. */
const HIGHEST = "76vh";
/** Milliseconds after which a stream without a picture is asked for one again. */
const RETRY_MS = 2000;
/** Masks that were not saved, by stream: they are there again when the page is. */
const drafts = new Map();

/** Draws the page. */
export async function render(main, { id }, signal) {
  const page = new MasksPage(id, signal);
  main.append(page.head);
  await page.start(main);
}

class MasksPage {
  constructor(id, signal) {
    this.id = id;
    this.path = streamPath(id);
    this.signal = signal;
    this.readOnly = !canControl();
    this.picture = null;
    this.edits = new Edits(new Map());
    this.model = new MaskModel([], () => this.changed());
    this.stage = new MaskStage(this.model, { readOnly: this.readOnly, signal });
    this.stage.told = (text) => this.#say(text);
    this.conflict = conflictBox((_, whose) => this.choose(whose));
    this.title = el("span", { class: "soft" });
    this.head = el("div", { class: "mask-head" }, el("h1", { text: t("page.masks", { id }) }), this.title,
      el("a", { class: "button", href: streamHref(id), text: t("masks.back") }));
    this.above = el("div", {});
    this.status = el("p", { class: "controls-status", role: "status", "data-testid": "mask-status" });
    this.list = el("ol", { class: "mask-list" });
    this.count = el("p", { class: "soft" });
    const button = (name, action, attributes) => el("button", { type: "button", "data-testid": `mask-${name}`, text: t(`masks.${name}`), on: { click: action }, ...attributes });
    this.draw = button("draw", () => this.stage.start(), { class: "primary" });
    this.finish = button("finish", () => this.stage.finish());
    this.cancel = button("cancel", () => this.stage.cancel());
    this.undo = button("undo", () => this.stage.undo());
    this.refresh = button("refresh", () => this.load());
    this.saveButton = button("save", () => this.save(), { class: "primary" });
    this.discard = button("discard", () => this.forget());
    this.preview = el("input", { type: "checkbox", id: "mask-preview", checked: true, "data-testid": "mask-preview", on: { change: () => this.paint() } });
  }

  async start(main) {
    const { data, etag } = await get(this.path, { signal: this.signal });
    const draft = this.readOnly ? null : drafts.get(this.id);
    this.isRelay = data.config.video?.mode === "relay";
    this.#layout(main);
    if (draft) {
      this.edits = draft;
      this.model.replace(draft.get(KEY)); // before anything else is taken for what the user wants
    }
    this.take(data, etag);
    if (draft) this.#say(t("masks.kept"));
    events((event) => {
      if (CHANGES.has(event.event_type) && (event.stream === this.id || event.stream === null)) this.reread();
    }, { signal: this.signal });
    this.signal.addEventListener("abort", () => {
      if (this.edits.isDirty) drafts.set(this.id, this.edits);
      else drafts.delete(this.id);
    });
    await this.load();
  }

  #layout(main) {
    if (this.isRelay) main.append(el("p", { class: "notice notice-warn", text: t("masks.relay") }));
    const intro = el("p", { class: "soft", text: t(this.readOnly ? "masks.read" : "masks.intro") });
    if (this.readOnly) {
      main.append(intro, this.above, this.stage.node);
      return;
    }
    main.append(intro, this.above, this.conflict.node,
      el("div", { class: "mask-page" },
        el("section", { class: "mask-work", "aria-label": t("masks.stage") },
          el("div", { class: "row mask-tools" }, this.draw, this.finish, this.cancel, this.undo, this.refresh,
            el("span", { class: "row" }, this.preview, el("label", { for: "mask-preview", text: t("masks.preview") }))),
          this.stage.node,
          el("div", { class: "row mask-save" }, this.saveButton, this.discard, this.status),
          el("details", {}, el("summary", { text: t("masks.keys") }), el("p", { id: "mask-help", text: t("masks.help") }))),
        el("section", { class: "panel mask-side", "aria-labelledby": "mask-list-title" },
          el("h2", { id: "mask-list-title", text: t("masks.list") }), this.count, this.list,
          el("p", { class: "field-hint", text: t("masks.style.hint") }))));
  }

  // ---------------------------------------------------------------------------------------------- masks

  /** Takes a document of the gateway; masks that were changed here stay. */
  take(document, etag) {
    this.etag = etag ?? document.etag;
    setText(this.title, document.config.title ?? "");
    this.shape = document.state.source.aspect ?? 0;
    const changed = this.edits.take(new Map([[KEY, document.config.masks ?? []]]));
    if (changed.length && !this.edits.isDirty) this.model.replace(this.edits.get(KEY));
    else this.changed();
    return changed.length > 0;
  }

  /** Is called whenever the masks, the selection or what is drawn changed. */
  changed() {
    this.edits.set(KEY, this.model.masks.map(({ polygon, style }) => ({ polygon, style })));
    const conflict = this.edits.conflicts.get(KEY);
    this.stage.theirs = conflict ? conflict.theirs : null;
    this.conflict.show(this.edits.conflicts, () => t("masks.conflict"), (_, masks) => this.#words(masks));
    this.stage.draw();
    this.paint();
    this.#listed();
    const drawing = this.model.drawing !== null;
    this.draw.hidden = drawing;
    this.finish.hidden = this.cancel.hidden = !drawing;
    this.undo.disabled = drawing || !this.model.canUndo;
    this.discard.hidden = !this.edits.isDirty;
    if (this.edits.isDirty && this.said === undefined) setText(this.status, t("masks.dirty"));
    this.said = undefined;
  }

  #words(masks) {
    if (!masks?.length) return t("masks.conflict.none");
    const list = masks.map(({ polygon, style }) => {
      const [x, y] = centre(polygon);
      const where = t("masks.where", { x: number(x * 100), y: number(y * 100) });
      return t("masks.conflict.one", { style: t(`masks.style.${style}`), count: polygon.length, where });
    });
    return t("masks.conflict.some", { count: masks.length, list: list.join("; ") });
  }

  #listed() {
    const { masks, selected } = this.model;
    setText(this.count, masks.length ? t("masks.count", { count: masks.length, most: MAX_MASKS }) : t("masks.list.none"));
    while (this.list.children.length > masks.length) this.list.lastElementChild.remove();
    masks.forEach(({ polygon, style }, index) => {
      const row = this.list.children[index] ?? this.list.appendChild(this.#row(index));
      row.classList.toggle("selected", index === selected);
      const [name, corners, styles] = row.querySelectorAll("button, .mask-corners, select");
      name.setAttribute("aria-pressed", String(index === selected));
      setText(corners, t("masks.corners", { count: polygon.length }));
      if (styles.value !== style) styles.value = style;
    });
  }

  #row(index) {
    const mask = index + 1;
    return el("li", { "data-testid": `mask-row-${index}` },
      el("button", { type: "button", class: "quiet", text: t("masks.mask", { mask }), on: { click: () => this.model.select(index) } }),
      el("span", { class: "soft mask-corners" }),
      el("select", {
        "aria-label": t("masks.style", { mask }), "data-testid": `mask-style-${index}`,
        on: { change: (event) => this.model.setStyle(index, event.target.value), focus: () => this.model.selected !== index && this.model.select(index) },
      }, ...STYLES.map((style) => el("option", { value: style, text: t(`masks.style.${style}`) }))),
      el("button", {
        type: "button", class: "quiet", "aria-label": t("masks.remove", { mask }), title: t("masks.remove", { mask }), text: "✕",
        "data-testid": `mask-remove-${index}`, on: { click: () => this.#remove(index) },
      }));
  }

  #remove(index) {
    this.model.remove(index);
    this.#say(t("masks.said.removed"));
    (this.list.children[Math.min(index, this.model.masks.length - 1)]?.querySelector("button") ?? this.draw).focus();
  }

  choose(whose) {
    this.edits.choose(KEY, whose);
    if (whose === "theirs") this.model.replace(this.edits.get(KEY));
    else this.changed();
    this.saveButton.focus();
  }

  forget() {
    this.edits.discard();
    this.model.replace(this.edits.get(KEY));
    this.#say("");
    this.saveButton.focus();
  }

  // ---------------------------------------------------------------------------------------------- picture

  /** Fetches the picture that readers see, and says why there is none. */
  async load() {
    try {
      const picture = await this.#still();
      this.picture?.close();
      this.picture = picture;
      clear(this.above);
      this.#arrange();
      this.stage.draw();
      this.#paint();
      return true;
    } catch (error) {
      if (this.signal.aborted) return false;
      if (!(error instanceof ApiError)) throw error;
      const reason = error.status ? error.detail || error.title : t("problems.status.0");
      clear(this.above).append(el("p", { class: "notice notice-warn", role: "status", text: t("masks.no_picture", { reason }) }));
      this.#arrange();
      this.paint();
      clearTimeout(this.retry);
      if (!this.picture && !this.isRelay && error.status !== 404) this.retry = setTimeout(() => this.signal.aborted || this.load(), RETRY_MS);
      return false;
    }
  }

  async #still() {
    for (let tries = 1; ; tries += 1) {
      try {
        return await still(this.id, this.signal);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 429 || tries === BUSY_TRIES) throw error;
        await pause(BUSY_MS);
      }
    }
  }

  /** Has the picture painted with the next frame of the screen. */
  paint() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      if (!this.signal.aborted) this.#paint();
    });
  }

  /** Gives the stage the shape of the picture. */
  #arrange() {
    const { canvas } = this.stage;
    const scale = Math.min(1, WIDEST / (this.picture?.width ?? WIDEST));
    const [width, height] = this.picture ? [this.picture.width, this.picture.height].map((length) => Math.round(length * scale)) : [1280, 720];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    this.stage.content = placed(this.shape, width / height);
    this.stage.node.style.aspectRatio = `${width} / ${height}`;
    this.stage.node.style.maxWidth = `calc(${HIGHEST} * ${width / height})`;
  }

  /** Paints the picture, with those masks that are not in it yet. */
  #paint() {
    const { canvas } = this.stage;
    const { width, height } = canvas;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (this.picture) {
      context.drawImage(this.picture, 0, 0, width, height);
    } else {
      context.fillStyle = "#777";
      context.fillRect(0, 0, width, height);
    }
    if (this.readOnly || !this.preview.checked) return;
    const saved = this.edits.base.get(KEY) ?? [];
    drawMasks(context, this.model.masks.filter((mask) => !saved.some((one) => same(one, mask))), this.stage.content);
  }

  // ---------------------------------------------------------------------------------------------- requests

  async reread() {
    try {
      const { data, etag } = await get(this.path, { signal: this.signal });
      if (this.take(data, etag)) await this.load();
    } catch (error) {
      if (!(error instanceof ApiError) && !this.signal.aborted) throw error;
    }
  }

  async save() {
    clear(this.above);
    if (this.model.drawing) this.model.drawing.points.length ? this.stage.finish() : this.model.cancel();
    if (this.model.drawing) return; // it has too few corners, which was said
    if (this.edits.conflicts.size) return this.conflict.focus(t("controls.conflict.choose"));
    if (!this.edits.isDirty) return this.#say(t("masks.unchanged"));
    const flat = this.model.problem;
    if (flat >= 0) return this.#problem([t("masks.flat", { mask: flat + 1 })], flat);
    this.saveButton.disabled = true;
    this.#say(t("masks.saving"));
    const begun = performance.now();
    try {
      await this.#send();
      const seen = await this.load();
      const took = performance.now() - begun;
      this.stage.node.dataset.savedMs = String(Math.round(took));
      this.#say(seen ? t("masks.saved", { seconds: number(took / 1000, 1) }) : t("masks.saved.blind"));
      if (seen) for (const ms of LATER_MS) later(() => this.load(), ms, this.signal);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#refused(error);
    } finally {
      this.saveButton.disabled = false;
    }
  }

  /** Sends the masks; where something else of the stream was changed meanwhile, once more with the new tag. */
  async #send() {
    for (let attempt = 0; ; attempt += 1) {
      const sent = this.edits.get(KEY);
      try {
        const { data, etag } = await send("PATCH", this.path, { masks: sent }, { etag: this.etag });
        if (same(sent, this.edits.get(KEY))) this.edits.choose(KEY, "theirs");
        this.take(data, etag);
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 412 || attempt > 2) throw error;
        const { data, etag } = await get(this.path, { signal: this.signal });
        this.take(data, etag);
        if (this.edits.conflicts.size) throw error;
      }
    }
  }

  #refused(error) {
    this.#say("");
    if (error.status === 412) return this.conflict.focus(t("masks.theirs"));
    const { at, others } = assign(error, `streams.${this.id}`, [KEY]);
    const known = [0, 403, 404].includes(error.status) && !error.problems.length;
    const mask = /masks\[(\d+)\]/.exec(error.problems.join(" "))?.[1];
    this.#problem(known ? [t(`problems.status.${error.status}`)] : [...(at.get(KEY) ?? []), ...others], mask === undefined ? -1 : Number(mask));
  }

  #problem(lines, mask) {
    clear(this.above).append(el("div", { class: "notice notice-bad", role: "alert" },
      el("p", { text: t("problems.above") }), ...lines.map((text) => el("p", { "data-testid": "field-error", text }))));
    if (mask >= 0) this.model.select(mask);
  }

  #say(text) {
    this.said = text;
    setText(this.status, text || (this.edits.isDirty ? t("masks.dirty") : ""));
  }
}
