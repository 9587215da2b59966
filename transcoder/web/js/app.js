/** The page's frame: header, routes, and the way to the login and back. */

import { ApiError, canControl, connection, get, loadSession, logout, onConnection, onLogin, session } from "./api.js";
import { clear, el, setText } from "./dom.js";
import { LANGUAGES, language, onLanguage, register, setLanguage, span, t, when } from "./i18n.js";
import { navigate, route } from "./router.js";
import { pause } from "./timers.js";
import texts from "../text/frame.js";

register(texts);

const RETRY_MS = 2000;
const main = document.getElementById("main");
const header = document.getElementById("header");
let page = new AbortController();
let first = true;
let node = "";
/** How far each page was scrolled when it was left, by the name of its module; only the wall goes back there. */
const places = new Map();
let shown = "";

async function show() {
  page.abort();
  page = new AbortController();
  const { signal } = page;
  const { name, parameters, path } = route();
  if (!session() && name !== "login") return navigate(`/login?back=${encodeURIComponent(path)}`, { replace: true });
  drawHeader(path);
  document.title = `${t(`page.${name}`, parameters)} · ${node || "transcoder"}`;
  if (shown) places.set(shown, window.scrollY);
  shown = name;
  clear(main).className = `frame-main page-${name}`;
  try {
    const module = await import(`./pages/${name}.js`);
    if (!signal.aborted) await module.render(main, parameters, signal);
    if (!signal.aborted) window.scrollTo(0, name === "wall" ? (places.get(name) ?? 0) : 0);
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
  if (!signal.aborted && !first) focusHeading();
  first = false;
}

function fail(error) {
  console.warn(error);
  const known = error instanceof ApiError;
  main.prepend(
    el("div", { class: "notice notice-bad", role: "alert" },
      el("p", { text: known && error.status ? error.detail || error.title : t("frame.failed") }),
      el("button", { type: "button", text: t("frame.retry"), on: { click: show } }),
    ),
  );
}

/** Moves the focus to the new page's heading, so that a screen reader tells where it is. */
function focusHeading() {
  const heading = main.querySelector("h1") ?? main;
  heading.setAttribute("tabindex", "-1");
  heading.focus({ preventScroll: true });
}

function drawHeader(path) {
  const link = (to, key) =>
    el("a", { href: `#${to}`, text: t(key), "aria-current": path === to ? "page" : null });
  clear(header).append(
    el("a", { class: "frame-name", href: "#/", title: t("frame.home") }, mark(), el("span", { text: node || "transcoder" })),
    el("nav", { "aria-label": t("frame.pages") },
      session() ? link("/", "page.wall") : null,
      canControl() ? link("/add", "page.add") : null,
    ),
    connectionState,
    el("div", { class: "frame-user" }, languageChoice(), ...user()),
  );
}

function mark() {
  return el("img", { src: "/web/icon.svg", alt: "", width: 22, height: 22 });
}

function languageChoice() {
  const choice = el("select", {
    "aria-label": t("frame.language"), "data-testid": "language", on: { change: (event) => setLanguage(event.target.value) },
  });
  for (const one of LANGUAGES) {
    choice.append(el("option", { value: one, lang: one, text: t(`frame.language.${one}`), selected: one === language() }));
  }
  return choice;
}

function user() {
  const login = session();
  if (!login) return [];
  const name = el("span", { class: "frame-login", title: t(`frame.role.${login.role}`) },
    el("span", { text: login.name }), el("span", { class: "badge", text: t(`frame.role.short.${login.role}`) }));
  const out = el("button", { type: "button", class: "quiet", "data-testid": "logout", text: t("frame.logout"), on: { click: () => logout().catch(() => {}) } });
  return login.csrf ? [name, out] : [name];  // nobody logs out who did not log in by a cookie
}

const connectionState = el("p", { class: "frame-connection", role: "status", "data-testid": "connection" });

function drawConnection() {
  const { state, since } = connection();
  const up = state === "up";
  document.documentElement.classList.toggle("gone", !up);
  connectionState.dataset.state = state;
  // the time does not run in this text, which a screen reader would read out without end
  setText(connectionState, up ? t("frame.up") : t("frame.reconnecting", { time: when(new Date(since).toISOString()) }));
  connectionState.title = up ? "" : t("frame.since", { span: span((Date.now() - since) / 1000) });
}

async function start() {
  document.documentElement.lang = language();
  const skip = document.getElementById("skip");
  skip.textContent = t("frame.skip");
  skip.addEventListener("click", (event) => {
    event.preventDefault(); // the hash is the route
    (main.querySelector("h1") ?? main).focus();
    main.focus();
  });
  onConnection(drawConnection);
  setInterval(drawConnection, 1000);
  for (;;) {
    try {
      await loadSession();
      break;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status) return fail(error);
      await pause(RETRY_MS);
    }
  }
  onLogin((login) => {
    const at = route();
    if (login) nameNode();
    if (!login && at.name !== "login") navigate(`/login?back=${encodeURIComponent(at.path)}`);
    else if (!login) show();
  });
  onLanguage((one) => {
    document.documentElement.lang = one;
    skip.textContent = t("frame.skip");
    drawConnection();
    show().then(() => header.querySelector("select").focus()); // it was made anew
  });
  addEventListener("hashchange", show);
  await nameNode();
  await show();
}

async function nameNode() {
  if (!session()) return;
  try {
    node = (await get("/api/v1/info")).data.node ?? "";
    drawHeader(route().path);
  } catch {
    // the name is shown with the next login
  }
}

start();
