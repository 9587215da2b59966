/** Labelled fields of a form, each of one key of the configuration: its value, its hint and its errors. */

import { clear, el } from "./dom.js";
import { number, register, t } from "./i18n.js";
import texts from "../text/fields.js";

register(texts);

let count = 0;

/**
 * @typedef {object} Kind one key of the configuration
 * @property {string} path as in "video.bitrate_kbps"
 * @property {"number"|"text"|"password"|"choice"|"flag"} kind
 * @property {string} label the key of its text
 * @property {string} [hint] the key of its hint
 * @property {string} [testid]
 * @property {[any, string][]} [choices] value, and the key of its text or the text itself
 * @property {any} [nothing] the value that an empty text stands for; none: the empty text is sent
 * @property {string[]} [examples] values to choose from while typing
 * @property {object} [attributes] further attributes of the input
 */

/** Makes a field; `changed` is called whenever the user has changed it. */
export class Field {
  /** @param {Kind} kind */
  constructor(kind, changed = () => {}) {
    this.kind = kind;
    this.path = kind.path;
    this.id = `field-${(count += 1)}`;
    this.input = this.#makeInput(changed);
    this.error = el("div", { id: `${this.id}-error` });
    this.note = el("div", { class: "field-hint", id: `${this.id}-note` });
    const label = el("label", { for: this.id, text: t(kind.label) });
    const hint = kind.hint ? el("div", { class: "field-hint", id: `${this.id}-hint`, text: t(kind.hint) }) : null;
    this.described = [hint?.id, this.note.id].filter(Boolean);
    const parts = kind.kind === "flag" ? [el("div", { class: "row" }, this.input, label)] : [label, this.input];
    this.node = el("div", { class: "field" }, ...parts, hint, this.note, this.error, this.list);
    this.setErrors([]);
  }

  #makeInput(changed) {
    const { kind, choices, examples, testid, attributes } = this.kind;
    const common = { id: this.id, "data-testid": testid, on: { input: changed, change: changed }, ...attributes };
    if (kind === "choice") {
      return el("select", common, ...choices.map(([value, text]) => el("option", { value: String(value), text: t(text) })));
    }
    if (kind === "flag") return el("input", { type: "checkbox", ...common });
    this.list = examples ? el("datalist", { id: `${this.id}-list` }, ...examples.map((value) => el("option", { value }))) : null;
    return el("input", {
      type: kind === "password" ? "password" : "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off",
      inputmode: kind === "number" ? "decimal" : null, list: this.list?.id, ...common,
    });
  }

  /** The value as the configuration has it; a text that is no number stays one, for the gateway to refuse. */
  get value() {
    const { kind, choices } = this.kind;
    if (kind === "flag") return this.input.checked;
    if (kind === "choice") return choices.find(([value]) => String(value) === this.input.value)?.[0];
    const text = kind === "password" ? this.input.value : this.input.value.trim();
    if (text === "" && "nothing" in this.kind) return this.kind.nothing;
    if (kind !== "number") return text;
    const plain = text.replace(",", ".");
    return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : text;
  }

  set value(value) {
    const { kind } = this.kind;
    if (kind === "flag") this.input.checked = value === true;
    else if (kind === "number") this.input.value = typeof value === "number" ? written(value) : (value ?? "");
    else this.input.value = value === null || value === undefined ? "" : String(value);
  }

  /** Shows what is wrong, and tells it with the field; none takes it away. */
  setErrors(lines) {
    clear(this.error).append(...lines.map((text) => el("p", { class: "field-error", "data-testid": "field-error", text })));
    if (lines.length) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
    this.input.setAttribute("aria-describedby", [...this.described, lines.length ? this.error.id : null].filter(Boolean).join(" "));
  }

  /** Says something about the value, such as that the gateway has another one by now. */
  setNote(text) {
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  /** Returns a value of this field in words. */
  words(value) {
    const { kind, choices } = this.kind;
    if (kind === "flag") return t(value ? "fields.yes" : "fields.no");
    if (kind === "choice") return t(choices.find(([one]) => one === value)?.[1] ?? String(value));
    if (value === null || value === undefined || value === "") return t("fields.nothing");
    return typeof value === "number" ? number(value, 3) : String(value);
  }
}

/** Returns a number as the user types it: with the decimal sign of the language, without groups of thousands. */
function written(value) {
  const sign = number(1.5, 1).includes(",") ? "," : ".";
  return String(value).replace(".", sign);
}

/** Returns the value at a path of a document, as in "video.fps". */
export function at(document, path) {
  return path.split(".").reduce(own, document);
}

/** Returns the value of a key that an object has of its own: a rendition may be called "constructor". */
function own(object, key) {
  return object !== null && typeof object === "object" && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Puts a value at a path of a document, and makes what is missing on the way. */
export function put(document, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  let place = document;
  for (const key of keys) {
    if (!own(place, key)) place[key] = {};
    place = place[key];
  }
  place[last] = value;
  return document;
}
