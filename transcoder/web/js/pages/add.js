/** The page that adds a stream: the camera's address and login, what a probe tells of it, the stream's id. */

import { ApiError, canControl, get, send } from "../api.js";
import { proposedId, splitLogin } from "../camera_url.js";
import { clear, el, setText } from "../dom.js";
import { Field } from "../fields.js";
import { register, t } from "../i18n.js";
import { assign } from "../problems.js";
import { navigate } from "../router.js";
import { problemWords } from "../states.js";
import { codecWords } from "../words.js";
import texts from "../../text/add.js";

register(texts);

/** Milliseconds of a probe at most: the gateway asks for 25 s at the longest, and waits its turn. */
const PROBE_MS = 45000;
const KINDS = [
  { path: "source.url", kind: "text", label: "add.url", hint: "add.url.hint", testid: "add-url", attributes: { inputmode: "url", required: true } },
  { path: "source.username", kind: "text", label: "add.user", testid: "add-user", nothing: null },
  {
    path: "source.password", kind: "password", label: "add.password", hint: "add.password.hint", testid: "add-password", nothing: null,
    attributes: { autocomplete: "new-password" },
  },
  { path: "id", kind: "text", label: "add.id", hint: "add.id.hint", testid: "add-id" },
  { path: "title", kind: "text", label: "add.name", hint: "add.name.hint", testid: "add-title", nothing: null },
  { path: "site", kind: "text", label: "add.site", hint: "add.site.hint", testid: "add-site", nothing: null },
];

/** Draws the page. */
export async function render(main, parameters, signal) {
  main.append(el("h1", { text: t("page.add") }));
  if (!canControl()) {
    main.append(el("p", { class: "notice", text: t("add.read") }));
    return;
  }
  const page = new AddPage(signal);
  main.append(page.form);
  await page.start();
}

class AddPage {
  constructor(signal) {
    this.signal = signal;
    this.taken = new Set();
    this.channel = null;
    this.isIdTyped = false;
    this.fields = new Map(KINDS.map((kind) => [kind.path, new Field(kind, () => this.typed(kind.path))]));
    this.found = el("div", { class: "add-found" });
    this.above = el("div", {});
    this.status = el("p", { class: "controls-status", role: "status" });
    this.probeButton = el("button", { type: "button", "data-testid": "add-probe", text: t("add.probe"), on: { click: () => this.probe() } });
    this.saveButton = el("button", { type: "submit", class: "primary", "data-testid": "add-save", text: t("add.save") });
    const nodes = (...paths) => paths.map((path) => this.fields.get(path).node);
    this.form = el("form", { class: "panel add", novalidate: true, on: { submit: (event) => this.save(event) } },
      el("fieldset", {}, el("legend", { text: t("add.camera") }),
        el("div", { class: "add-camera" }, ...nodes("source.url", "source.username", "source.password")),
        el("div", { class: "row" }, this.probeButton, this.status),
        this.found),
      el("fieldset", {}, el("legend", { text: t("add.stream") }), el("div", { class: "controls-fields" }, ...nodes("id", "title", "site"))),
      this.above,
      el("div", { class: "row" }, this.saveButton, el("a", { class: "button", href: "#/", text: t("add.cancel") })));
    this.fields.get("source.url").input.addEventListener("change", () => this.#takeLogin());
    this.fields.get("source.url").input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // the camera is looked at before anything is added
      this.probe();
    });
  }

  async start() {
    const { data } = await get("/api/v1/streams", { signal: this.signal });
    this.taken = new Set(data.streams.map(({ id }) => id));
    this.propose();
  }

  value(path) {
    return this.fields.get(path).value;
  }

  typed(path) {
    this.fields.get(path).setErrors([]);
    if (path === "source.url") this.channel = null;
    if (path === "id") this.isIdTyped = this.value("id") !== "";
    else this.propose();
  }

  /** Proposes an id as long as the user has given none. */
  propose() {
    if (this.isIdTyped) return;
    const { channel, stream } = this.channel ?? {};
    this.fields.get("id").value = proposedId({ title: this.value("title"), url: this.value("source.url"), channel, stream }, this.taken);
  }

  /** Moves a login in the address to its own fields, where it is not read over a shoulder. */
  #takeLogin() {
    const { url, username, password } = splitLogin(this.value("source.url"));
    this.fields.get("source.url").value = url;
    if (username !== null) this.fields.get("source.username").value = username;
    if (password !== null) this.fields.get("source.password").value = password;
    this.propose();
  }

  source() {
    this.#takeLogin();
    const source = { url: this.value("source.url") };
    if (this.value("source.username") !== null) source.username = this.value("source.username");
    if (this.value("source.password") !== null) source.password = this.value("source.password");
    return source;
  }

  // ---------------------------------------------------------------------------------------------- probe

  async probe() {
    const url = this.fields.get("source.url");
    this.#clearErrors();
    if (!this.value("source.url")) {
      url.setErrors([t("add.no_url")]);
      return url.input.focus();
    }
    clear(this.found);
    this.probeButton.disabled = true;
    this.#say(t("add.probing"));
    try {
      const { data } = await send("POST", "/api/v1/probe", { source: this.source(), channels: true }, { signal: this.signal, timeoutMs: PROBE_MS });
      this.#show(data);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#say("");
      this.#refused(error, "streams.probe");
    } finally {
      this.probeButton.disabled = false;
    }
  }

  #show(probe) {
    if (!probe.reachable) {
      this.#say("");
      this.found.append(el("div", { class: "notice notice-bad", role: "alert", "data-testid": "add-unreachable" },
        el("p", { text: problemWords(probe.code) || t("add.unreachable") }), el("p", { class: "mono soft", text: probe.reason }),
        el("p", { text: t(probe.code === "login" ? "add.wrong_login" : "add.unprobed") })));
      if (probe.code === "login") this.fields.get("source.password").input.focus();
      return;
    }
    this.#say(t("add.probed"));
    this.found.append(
      el("h2", { id: "add-found", text: t("add.found") }),
      el("dl", { class: "add-facts", "data-testid": "add-facts" }, ...facts(probe).flatMap(([key, value]) => [el("dt", { text: t(key) }), el("dd", {}, value)])),
      this.#channels(probe.channels));
  }

  #channels(channels) {
    if (!channels.length) return null;
    const asked = channels.find((one) => one.asked) ?? channels[0];
    this.#choose(asked);
    return el("fieldset", { class: "add-channels" }, el("legend", { text: t("add.channels") }),
      channels.length > 1 ? el("p", { class: "field-hint", text: t("add.channels.choose") }) : null,
      ...channels.map((one, index) => {
        const id = `add-channel-${index}`;
        const facts = [one.codec ? codecWords(one.codec) : null, one.size].filter(Boolean).join(", ");
        return el("div", { class: "add-channel" },
          el("input", {
            type: "radio", name: "channel", id, value: String(index), checked: one === asked,
            "data-testid": `add-channel-${one.channel}-${one.stream}`, on: { change: () => this.#choose(one) },
          }),
          el("label", { for: id }, channelName(one)), el("span", { class: "soft", text: facts }));
      }));
  }

  #choose(channel) {
    this.channel = channel;
    this.fields.get("source.url").value = channel.url;
    this.propose();
  }

  // ---------------------------------------------------------------------------------------------- save

  async save(event) {
    event.preventDefault();
    this.#clearErrors();
    const body = { id: this.value("id"), source: this.source() };
    for (const key of ["title", "site"]) if (this.value(key) !== null) body[key] = this.value(key);
    if (!body.source.url) {
      this.fields.get("source.url").setErrors([t("add.no_url")]);
      return this.fields.get("source.url").input.focus();
    }
    this.saveButton.disabled = true;
    this.#say(t("add.saving"));
    try {
      await send("POST", "/api/v1/streams", body);
      this.fields.get("source.password").value = "";
      navigate(`/stream/${encodeURIComponent(body.id)}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#say("");
      this.#refused(error, `streams.${body.id}`);
    } finally {
      this.saveButton.disabled = false;
    }
  }

  #clearErrors() {
    clear(this.above);
    for (const field of this.fields.values()) field.setErrors([]);
  }

  #refused(error, prefix) {
    const { at, others } = assign(error, prefix, [...this.fields.keys(), "source"]);
    const urls = [...(at.get("source") ?? []), ...(at.get("source.url") ?? [])];
    if (urls.length) at.set("source.url", urls);
    // what is said of no key is said of the id: that it is taken, or no id
    if (others.length && (error.status === 409 || (error.status === 422 && error.problems.length && !this.#isId()))) {
      at.set("id", error.status === 409 ? [t("problems.exists")] : [t("problems.name")]);
      others.length = 0;
    }
    let first = null;
    for (const [path, field] of this.fields) {
      if (!at.has(path)) continue;
      field.setErrors(at.get(path));
      first ??= field;
    }
    const known = [0, 403].includes(error.status) && !error.problems.length;
    if (others.length) {
      this.above.append(el("div", { class: "notice notice-bad", role: "alert", "data-testid": "add-problem" },
        el("p", { text: t("problems.above") }),
        ...(known ? [t(`problems.status.${error.status}`)] : others).map((text) => el("p", { text }))));
    }
    first?.input.focus();
  }

  #isId() {
    return /^[a-z0-9][a-z0-9_-]{0,62}$/.test(this.value("id"));
  }

  #say(text) {
    setText(this.status, text);
  }
}

/** Returns the facts of a probe: the key of each name, and its value as text or node. */
function facts(probe) {
  const guess = probe.findings?.vendor_guess ?? {};
  const isKnown = guess.family && guess.family !== "unknown";
  const rows = [
    ["add.vendor", isKnown
      ? t("add.vendor.guess", { family: guess.maker || guess.family, confidence: t(`add.confidence.${guess.confidence || "medium"}`) })
      : t("add.vendor.unknown")],
    ["add.codec", codecWords(probe.codec)],
    ["add.size", probe.size ?? t("add.size.unknown")],
  ];
  if (probe.server) rows.push(["add.server", el("span", { class: "mono", text: probe.server })]);
  const media = probe.media.map((one) => el("li", {},
    `${one.kind} ${one.encodings.join(", ")} `, el("span", { class: "soft", text: t(one.selected ? "add.media.taken" : "add.media.left") })));
  rows.push(["add.media", el("ul", {}, ...media)]);
  const metadata = probe.findings?.metadata ?? [];
  if (metadata.length) {
    rows.push(["add.metadata", el("details", {}, el("summary", { text: t("add.metadata.count", { count: metadata.length }) }),
      el("ul", { class: "mono" }, ...metadata.map((row) => el("li", { text: [row.channel, row.what, row.detail].filter(Boolean).join(" · ") }))))]);
  }
  return rows;
}

function channelName({ channel, stream }) {
  return t("add.channel", { channel, stream: t(`add.stream.${stream}`) });
}
