/** The panel of the stream's page that changes the stream: its keys, its renditions, and what is done at once. */

import { ApiError, canControl, events, get, onConnection, send, streamPath } from "../api.js";
import { conflictBox } from "../conflict_box.js";
import { clear, el, setText } from "../dom.js";
import { Edits, same } from "../edits.js";
import { Field, at, put } from "../fields.js";
import { register, t } from "../i18n.js";
import { assign } from "../problems.js";
import { NEW_RENDITION, STREAM_KINDS, renditionKinds } from "../stream_fields.js";
import texts from "../../text/controls.js";

register(texts);

const CHANGES = new Set(["updated", "swapped", "config_reloaded", "removed", "added"]);
/** What was typed and not saved, by stream: it is there again when the page is drawn anew. */
const drafts = new Map();

/**
 * Puts the panel into a container; whoever may not change anything gets none.
 * @param {HTMLElement} container
 * @param {string|{id: string}} stream its id, or its document
 * @param {AbortSignal} signal ends it
 */
export async function controlsPanel(container, stream, signal) {
  if (!canControl()) return;
  const panel = new Panel(container, typeof stream === "string" ? stream : stream.id, signal);
  await panel.start();
}

class Panel {
  constructor(container, id, signal) {
    this.id = id;
    this.path = streamPath(id);
    this.signal = signal;
    this.edits = new Edits(new Map());
    /** @type {Map<string, Field>} */
    this.fields = new Map();
    this.conflict = conflictBox((key, whose) => this.choose(key, whose));
    this.above = el("div", {});
    this.status = el("p", { class: "controls-status", role: "status" });
    this.streamFields = el("div", { class: "controls-fields" });
    this.renditions = el("div", { class: "controls-renditions" });
    this.relay = el("p", { class: "notice notice-warn", text: t("controls.relay"), hidden: true });
    this.save = el("button", { type: "submit", class: "primary", "data-testid": "save-controls", text: t("controls.save") });
    this.discard = el("button", {
      type: "button", "data-testid": "discard-controls", text: t("controls.discard"), on: { click: () => this.forget() },
    });
    this.form = el("form", { class: "controls-form", novalidate: true, on: { submit: (event) => this.submit(event) } },
      this.relay,
      el("fieldset", {}, el("legend", { text: t("controls.stream") }), this.streamFields,
        el("p", { class: "field-hint", text: t("controls.ends") })),
      el("fieldset", {}, el("legend", { text: t("controls.renditions") }), this.renditions, this.#adder()),
      this.conflict.node, this.above,
      el("div", { class: "row controls-save" }, this.save, this.discard, this.status),
    );
    container.append(
      el("section", { class: "panel controls", "aria-labelledby": "controls-title" },
        el("h2", { id: "controls-title", text: t("controls.title") }), this.#actions(), this.form),
    );
  }

  async start() {
    const { data, etag } = await get(this.path, { signal: this.signal });
    this.etag = etag ?? data.etag;
    this.edits = drafts.get(this.id) ?? this.edits;
    for (const kind of STREAM_KINDS) this.#field(kind, this.streamFields);
    this.take(data, this.etag);
    events((event) => {
      if (CHANGES.has(event.event_type) && (event.stream === this.id || event.stream === null)) this.refresh();
    }, { signal: this.signal });
    let isFirst = true;
    onConnection(({ state }) => {
      if (state === "up" && !isFirst) this.refresh(); // events of the meantime may be lost
      isFirst = false;
    }, this.signal);
    this.signal.addEventListener("abort", () => {
      if (this.edits.isDirty) drafts.set(this.id, this.edits);
      else drafts.delete(this.id);
    });
  }

  // ---------------------------------------------------------------------------------------------- parts

  #field(kind, place) {
    const field = new Field(kind, () => this.typed(field));
    this.fields.set(kind.path, field);
    place.append(field.node);
  }

  #actions() {
    const button = (name, done) => {
      const hint = `controls-${name}-hint`;
      return el("div", { class: "controls-action" },
        el("button", {
          type: "button", "data-testid": `action-${name}`, "aria-describedby": hint, text: t(`controls.${name}`),
          on: { click: (event) => this.act(event.target, name, done) },
        }),
        el("span", { class: "field-hint", id: hint, text: t(`controls.${name}.hint`) }));
    };
    return el("div", { class: "controls-actions", role: "group", "aria-label": t("controls.actions") },
      button("keyframe", "controls.keyframed"), button("restart", "controls.restarted"));
  }

  #adder() {
    this.newName = new Field({ path: "renditions", kind: "text", label: "controls.rendition.name", testid: "rendition-name" });
    this.newName.setNote(t("controls.rendition.hint", { stream: this.id }));
    this.fields.set("renditions", this.newName);
    const button = el("button", {
      type: "button", "data-testid": "rendition-add", text: t("controls.rendition.add"), on: { click: () => this.addRendition() },
    });
    this.newName.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it adds, and does not save
      this.addRendition();
    });
    return el("div", { class: "controls-add" }, this.newName.node, button);
  }

  /** Draws the renditions that there are; fields that stay keep their place, their value and the focus. */
  drawRenditions() {
    const names = this.names();
    const drawn = names.map((name) => `${name} ${this.edits.mine.get(`renditions.${name}`)}`).join("\n");
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    for (const path of [...this.fields.keys()]) if (path.startsWith("renditions.")) this.fields.delete(path);
    clear(this.renditions);
    if (!names.length) this.renditions.append(el("p", { class: "soft", text: t("controls.renditions.none") }));
    for (const name of names) this.renditions.append(this.#rendition(name));
    this.showValues();
  }

  #rendition(name) {
    const key = `renditions.${name}`;
    const removed = this.edits.mine.get(key) === false;
    const toggle = el("button", {
      type: "button", class: removed ? null : "danger", "data-testid": `rendition-remove-${name}`,
      text: t(removed ? "controls.rendition.undo" : "controls.rendition.remove", { name }),
      on: { click: () => this.removeRendition(name, !removed) },
    });
    if (removed) {
      return el("div", { class: "row controls-removed" }, el("span", { text: t("controls.rendition.removed", { name }) }), toggle);
    }
    const fields = el("div", { class: "controls-fields" });
    for (const kind of renditionKinds(name)) this.#field(kind, fields);
    return el("fieldset", { "data-testid": `rendition-${name}` },
      el("legend", {}, el("span", { text: t("controls.rendition", { name }) }),
        this.edits.mine.get(key) ? el("span", { class: "badge", text: t("controls.rendition.new") }) : null),
      fields, toggle);
  }

  // ---------------------------------------------------------------------------------------------- values

  /** Returns the names of the renditions that there are, or will be. */
  names() {
    const keys = [...this.edits.base.keys(), ...this.edits.mine.keys()].filter((key) => key.startsWith("renditions."));
    return [...new Set(keys.map((key) => key.split(".")[1]))];
  }

  /** Returns the values of a document by key; a rendition that is there has its name as a key, too. */
  values(config) {
    const values = new Map(STREAM_KINDS.map(({ path }) => [path, at(config, path)]));
    for (const name of Object.keys(config.renditions ?? {})) {
      values.set(`renditions.${name}`, true);
      for (const { path } of renditionKinds(name)) values.set(path, at(config, path));
    }
    return values;
  }

  /** Takes a document of the gateway; what the user has changed stays. Returns the keys that changed there. */
  take(document, etag) {
    this.etag = etag ?? document.etag;
    const changed = this.edits.take(this.values(document.config));
    this.relay.hidden = document.config.video?.mode !== "relay";
    this.drawRenditions();
    this.showValues();
    return changed;
  }

  showValues() {
    for (const [path, field] of this.fields) {
      if (path === "renditions") continue;
      const mine = this.edits.mine.has(path);
      const value = this.edits.get(path);
      // a text that means the value already, such as "1," on the way to "1,5", is left alone
      if (!field.shown || (!mine && !same(field.value, value))) field.value = value;
      field.shown = true;
      field.setNote(mine && this.edits.base.get(path) !== undefined
        ? t("controls.now", { value: field.words(this.edits.base.get(path)) }) : "");
    }
    this.conflict.show(this.edits.conflicts, (key) => this.label(key), (key, value) => this.words(key, value));
    const count = this.#count();
    this.discard.hidden = count === 0;
    setText(this.status, count ? t("controls.changed", { count }) : this.said ?? "");
  }

  /** Returns how many changes there are; a rendition that is added or removed is one. */
  #count() {
    const keys = [...this.edits.mine.keys()];
    const whole = (key) => key.startsWith("renditions.") && key.split(".").slice(0, 2).join(".");
    return new Set(keys.map((key) => (this.edits.mine.has(whole(key)) ? whole(key) : key))).size;
  }

  /** Returns the name of a key as the page shows it. */
  label(key) {
    const [, name, below] = key.split(".");
    if (!key.startsWith("renditions.")) return t(STREAM_KINDS.find(({ path }) => path === key).label);
    const rendition = t("controls.rendition", { name });
    return below ? `${rendition}: ${t(renditionKinds(name).find(({ path }) => path === key).label)}` : rendition;
  }

  words(key, value) {
    if (key.split(".").length === 2 && key.startsWith("renditions.")) return t(value ? "controls.rendition.there" : "controls.rendition.gone");
    if (value === undefined) return t("controls.rendition.gone");
    const field = this.fields.get(key) ?? new Field([...STREAM_KINDS, ...renditionKinds(key.split(".")[1])].find(({ path }) => path === key));
    return field.words(value);
  }

  typed(field) {
    this.said = "";
    field.setErrors([]);
    this.edits.set(field.path, field.value);
    this.showValues();
  }

  choose(key, whose) {
    this.edits.choose(key, whose);
    if (whose === "theirs") {
      const field = this.fields.get(key);
      if (field) field.value = this.edits.get(key);
    }
    this.drawRenditions();
    this.showValues();
    if (!this.edits.conflicts.size) this.save.focus();
  }

  forget() {
    this.edits.discard();
    this.said = "";
    this.drawRenditions();
    for (const field of this.fields.values()) field.setErrors([]);
    for (const [path, field] of this.fields) if (path !== "renditions") field.value = this.edits.get(path);
    clear(this.above);
    this.showValues();
    this.save.focus();
  }

  addRendition() {
    const name = this.newName.value;
    const key = `renditions.${name}`;
    if (this.names().includes(name) || !name || name.includes(".")) {
      this.newName.setErrors([t(name && !name.includes(".") ? "controls.rendition.exists" : "problems.name")]);
      return this.newName.input.focus();
    }
    this.newName.setErrors([]);
    this.newName.value = "";
    this.edits.set(key, true);
    for (const [part, value] of Object.entries(NEW_RENDITION)) this.edits.set(`${key}.${part}`, value);
    this.drawRenditions();
    this.showValues();
    this.fields.get(`${key}.codec`).input.focus();
  }

  removeRendition(name, removed) {
    const key = `renditions.${name}`;
    const isNew = this.edits.mine.get(key) === true;
    for (const path of [...this.edits.mine.keys()]) if (path.startsWith(`${key}.`) && isNew) this.edits.set(path, undefined);
    this.edits.set(key, removed ? (isNew ? undefined : false) : true);
    this.drawRenditions();
    this.showValues();
    (this.renditions.querySelector(`[data-testid="rendition-remove-${CSS.escape(name)}"]`) ?? this.newName.input).focus();
  }

  // ---------------------------------------------------------------------------------------------- requests

  async refresh() {
    try {
      const { data, etag } = await get(this.path, { signal: this.signal });
      this.take(data, etag);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#tell([t("controls.gone")]);
    }
  }

  /** Returns the keys to send: those that the user changed, and nothing else. */
  body() {
    const body = {};
    for (const [key, value] of this.edits.mine) {
      const [, name, below] = key.split(".");
      if (!key.startsWith("renditions.")) put(body, key, value);
      else if (!below) put(body, key, value ? (at(body, key) ?? {}) : null);
      else if (this.edits.mine.get(`renditions.${name}`) !== false) put(body, key, value);
    }
    return body;
  }

  async submit(event) {
    event.preventDefault();
    if (this.edits.conflicts.size) return this.conflict.focus(t("controls.conflict.choose"));
    clear(this.above);
    for (const field of this.fields.values()) field.setErrors([]);
    if (!this.edits.isDirty) return this.#say(t("controls.unchanged"));
    this.save.disabled = true;
    setText(this.status, t("controls.saving"));
    const sent = new Map(this.edits.mine);
    try {
      const { data, etag } = await send("PATCH", this.path, this.body(), { etag: this.etag });
      for (const [key, value] of sent) if (this.edits.mine.get(key) === value) this.edits.choose(key, "theirs");
      this.take(data, etag);
      this.#say(t("controls.saved"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 412) await this.#conflicted();
      else this.#refused(error);
    } finally {
      this.save.disabled = false;
    }
  }

  /** Reads what the stream has become, and shows it beside what the user wants. */
  async #conflicted() {
    const { data, etag } = await get(this.path, { signal: this.signal });
    const changed = this.take(data, etag);
    if (this.edits.conflicts.size) return this.conflict.focus();
    const what = changed.filter((key) => this.fields.has(key)).map((key) => `${this.label(key)}: ${this.words(key, this.edits.base.get(key))}`);
    this.#tell([t("controls.conflict.moved", { what: what.join("; ") || "–" })]);
  }

  #refused(error) {
    const { at: found, others } = assign(error, `streams.${this.id}`, this.fields.keys());
    let first = null;
    for (const [path, field] of this.fields) {
      if (!found.has(path)) continue;
      field.setErrors(found.get(path));
      first ??= field;
    }
    const known = [0, 403, 404].includes(error.status) && !error.problems.length;
    if (others.length) this.#tell([t("problems.above"), ...(known ? [t(`problems.status.${error.status}`)] : others)]);
    this.#say(found.size ? t("controls.problems", { count: found.size }) : "");
    first?.input.focus();
  }

  async act(button, name, done) {
    button.disabled = true;
    try {
      await send("POST", `${this.path}/${name}`);
      this.#say(t(done));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#tell([error.detail || error.title]);
    } finally {
      button.disabled = false;
    }
  }

  #tell(lines) {
    clear(this.above).append(el("div", { class: "notice notice-bad", role: "alert", "data-testid": "controls-problem" },
      ...lines.map((text) => el("p", { text }))));
  }

  #say(text) {
    this.said = text;
    this.showValues();
    if (text) setText(this.status, text);
  }
}
