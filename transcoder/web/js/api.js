/** The gateway's API: requests, the login, whether the gateway answers. Paths are whole: "/api/v1/streams". */

import { t } from "./i18n.js";
import { pause } from "./timers.js";

const READ_TIMEOUT_MS = 8000;
/** A change may wait for a worker. */
const CHANGE_TIMEOUT_MS = 15000;
const RETRY_MS = 2000;

/** An answer that is no success, or no answer (status 0). */
export class ApiError extends Error {
  /** @param {{status: number, title: string, detail?: string, problems?: string[], code?: string}} problem */
  constructor({ status, title, detail = "", problems = [], code = "" }) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.detail = detail;
    /** @type {string[]} lines "key.path: words" */
    this.problems = problems;
    this.code = code;
  }
}

// ---------------------------------------------------------------------------------------------- connection

let state = { state: "up", since: Date.now() };
const watchers = new Set();

/** Returns whether the gateway answers: `{state: "up"|"reconnecting", since: milliseconds}`. */
export function connection() {
  return state;
}

/** Calls a function with that now and whenever it changes, until the returned function is called or the signal ends. */
export function onConnection(watcher, signal) {
  watchers.add(watcher);
  watcher(state);
  const end = () => watchers.delete(watcher);
  signal?.addEventListener("abort", end);
  return end;
}

/** Notes that the gateway answered, or did not; sockets of other modules tell it here, too. */
export function noteConnection(answers) {
  const name = answers ? "up" : "reconnecting";
  if (state.state === name) return;
  state = { state: name, since: Date.now() };
  for (const watcher of watchers) watcher(state);
}

// ---------------------------------------------------------------------------------------------- paths

/** Returns the path of a stream in the API, or of one of its renditions. */
export function streamPath(id, rendition) {
  const of = rendition ? `/renditions/${encodeURIComponent(rendition)}` : "";
  return `/api/v1/streams/${encodeURIComponent(id)}${of}`;
}

/** Returns the address of a WebSocket at a path. */
export function socketAddress(path) {
  return `${location.origin.replace(/^http/, "ws")}${path}`;
}

// ---------------------------------------------------------------------------------------------- requests

/**
 * Reads a document.
 * @param {string} path
 * @param {{signal?: AbortSignal, etag?: string}} [options]
 * @returns {Promise<{data: any, etag: string|null}>}
 */
export function get(path, options = {}) {
  return request("GET", path, undefined, options);
}

/**
 * Sends a change; `etag` goes out as If-Match, and `timeoutMs` is for what takes the gateway longer.
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 * @param {{etag?: string|null, signal?: AbortSignal, timeoutMs?: number}} [options]
 * @returns {Promise<{data: any, etag: string|null}>}
 */
export function send(method, path, body, options = {}) {
  return request(method, path, body, options);
}

async function request(method, path, body, { etag, signal, login = true, timeoutMs } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (etag) headers["If-Match"] = `"${etag}"`;
  if (method !== "GET" && current?.csrf) headers["X-CSRF-Token"] = current.csrf;
  const timeout = AbortSignal.timeout(timeoutMs ?? (method === "GET" ? READ_TIMEOUT_MS : CHANGE_TIMEOUT_MS));
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    noteConnection(false);
    throw new ApiError({ status: 0, title: t("frame.no_answer") });
  }
  noteConnection(true);
  const data = parse(text);
  if (response.ok) return { data, etag: tag(response) };
  if (response.status === 401 && login) lost();
  throw new ApiError({ status: response.status, title: response.statusText || String(response.status), ...data });
}

function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function tag(response) {
  const found = response.headers.get("ETag");
  return found ? found.replace(/^W\//, "").replaceAll('"', "") : null;
}

// ---------------------------------------------------------------------------------------------- login

let current = null;
const loginListeners = new Set();

/** Returns the login: `{name, role, csrf, expires}`, null where nobody is logged in. */
export function session() {
  return current;
}

/** Says whether the user may change anything. */
export function canControl() {
  return current?.role === "control";
}

/** Calls a function with the login whenever it changes; null means that a login is needed. */
export function onLogin(listener) {
  loginListeners.add(listener);
  return () => loginListeners.delete(listener);
}

/** Asks the gateway who the user is; returns null where a login is needed. */
export async function loadSession() {
  try {
    return hold((await request("GET", "/api/v1/login", undefined, { login: false })).data);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return hold(null);
    throw error;
  }
}

/** Logs in with a token, which is not kept: the gateway sets a cookie that scripts can't read. */
export async function login(token) {
  return hold((await request("POST", "/api/v1/login", { token }, { login: false })).data);
}

/** Logs out. */
export async function logout() {
  await request("DELETE", "/api/v1/login", undefined, { login: false });
  hold(null);
}

function lost() {
  if (current) hold(null);
}

function hold(document) {
  current = document;
  for (const listener of loginListeners) listener(current);
  return current;
}

// ---------------------------------------------------------------------------------------------- events

const handlers = new Set();
let feed = null;

/**
 * Calls a handler with each event of the gateway, or of one stream. All handlers share one connection.
 * @param {(event: {sequence: number, event_type: string, stream: string|null, ts: string, detail: object}) => void} handler
 * @param {{stream?: string, signal?: AbortSignal}} [options]
 * @returns {() => void} ends it
 */
export function events(handler, { stream, signal } = {}) {
  const one = (event) => {
    if (!stream || event.stream === stream) handler(event);
  };
  handlers.add(one);
  feed ??= listen();
  const close = () => {
    handlers.delete(one);
    if (handlers.size === 0) {
      feed?.abort();
      feed = null;
    }
  };
  signal?.addEventListener("abort", close);
  return close;
}

/**
 * Reads /api/v1/events until it is aborted. EventSource would need the name of every event, and hides a 401.
 * A hidden tab reads none: browsers have six connections to a host, and as many tabs would leave none for anything else.
 */
function listen() {
  const controller = new AbortController();
  (async () => {
    let last = null;
    while (!controller.signal.aborted) {
      await visible(controller.signal);
      const hidden = new AbortController();
      const hide = () => document.hidden && hidden.abort();
      document.addEventListener("visibilitychange", hide);
      try {
        const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
        const signal = AbortSignal.any([controller.signal, hidden.signal]);
        const response = await fetch("/api/v1/events", { headers, cache: "no-store", signal });
        if (response.status === 401) lost();
        if (response.ok) {
          noteConnection(true);
          for await (const frame of frames(response.body)) {
            last = frame.id ?? last;
            if (frame.data) deliver(parse(frame.data));
          }
        }
      } catch {
        if (!controller.signal.aborted && !hidden.signal.aborted) noteConnection(false);
      } finally {
        document.removeEventListener("visibilitychange", hide);
      }
      if (!controller.signal.aborted && !hidden.signal.aborted) await pause(RETRY_MS);
    }
  })();
  return controller;
}

/** Waits until the tab is seen, or the signal ends. */
function visible(signal) {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
    look();
  });
}

function deliver(event) {
  if (event) for (const handler of [...handlers]) handler(event);
}

/** Yields the frames of a body of server-sent events. */
async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      const frame = {};
      for (const line of rest.slice(0, end).split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) frame[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
      }
      yield frame;
    }
  }
}
