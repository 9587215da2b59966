/** Small pictures of the streams that are in view, over one WebSocket; one picture a stream is held at most. */

import { session, socketAddress, streamPath } from "./api.js";
import { later } from "./timers.js";

const MAX_IDS = 64;
const ROTATE_MS = 2000;
const RETRY_MS = 2000;
const MAX_RETRY_MS = 15000;
const FETCH_MS = 1000;
/**
 * Sockets that were refused one after another, after which pictures are fetched one by one: a proxy may know no
 * WebSockets, or as many walls are looked at already as may be.
 */
const REFUSALS = 2;
const TOO_MANY = 4429;

/**
 * Asks for pictures until the signal ends.
 * @param {(id: string, picture: Blob) => void} onPicture
 * @param {AbortSignal} signal
 * @returns {{want: (ids: string[], width: number) => void}} `want` says which streams are in view, at which width
 */
export function pictures(onPicture, signal) {
  const feed = new PictureFeed(onPicture, signal);
  return { want: (ids, width) => feed.want(ids, width) };
}

class PictureFeed {
  #onPicture;
  #signal;
  #ids = [];
  #width = 320;
  #socket = null;
  #refused = 0;
  #retry = RETRY_MS;
  #turn = 0;
  #asked = "";

  constructor(onPicture, signal) {
    this.#onPicture = onPicture;
    this.#signal = signal;
    signal.addEventListener("abort", () => {
      this.#socket?.close();
    });
    document.addEventListener("visibilitychange", () => this.#ask(), { signal });
    this.#connect();
    this.#rotate();
  }

  want(ids, width) {
    this.#ids = ids;
    this.#width = width;
    this.#ask();
  }

  /** The ids that are asked for now; where more are in view than may be, they take turns. */
  #now() {
    if (document.hidden) return [];
    if (this.#ids.length <= MAX_IDS) return this.#ids;
    const begin = (this.#turn * MAX_IDS) % this.#ids.length;
    return [...this.#ids, ...this.#ids].slice(begin, begin + MAX_IDS);
  }

  #rotate() {
    later(() => {
      this.#turn += 1;
      if (this.#ids.length > MAX_IDS) this.#ask();
      this.#rotate();
    }, ROTATE_MS, this.#signal);
  }

  #connect() {
    if (this.#signal.aborted) return;
    const socket = new WebSocket(socketAddress("/api/v1/wall/pictures"));
    this.#socket = socket;
    this.#asked = "";
    let opened = false;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      opened = true;
      this.#ask();
    });
    socket.addEventListener("message", ({ data }) => {
      this.#refused = 0; // not before: one that is refused by its code was opened, too
      this.#retry = RETRY_MS;
      if (data instanceof ArrayBuffer) this.#take(data);
    });
    socket.addEventListener("close", ({ code }) => {
      if (this.#signal.aborted) return;
      this.#socket = null;
      if ((!opened || code === TOO_MANY) && session()) this.#refused += 1;
      if (this.#refused === REFUSALS) this.#fetch(0);
      later(() => this.#connect(), this.#retry, this.#signal);
      this.#retry = Math.min(this.#retry * 2, MAX_RETRY_MS);
    });
  }

  #ask() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const message = JSON.stringify({ ids: this.#now(), width: this.#width });
    if (message !== this.#asked) this.#socket.send(message);
    this.#asked = message;
  }

  #take(data) {
    const bytes = new Uint8Array(data);
    const length = bytes[0];
    const id = new TextDecoder().decode(bytes.subarray(1, 1 + length));
    this.#onPicture(id, new Blob([bytes.subarray(1 + length)], { type: "image/jpeg" }));
  }

  /** Fetches one picture after another, as long as there is no socket. */
  async #fetch(index) {
    if (this.#signal.aborted || this.#refused < REFUSALS) return;
    const ids = this.#now();
    const id = ids[index % Math.max(ids.length, 1)];
    if (id) await fetchPicture(id, { width: this.#width, signal: this.#signal }).then((picture) => picture && this.#onPicture(id, picture));
    later(() => this.#fetch(index + 1), FETCH_MS / Math.max(ids.length, 1), this.#signal);
  }
}

/**
 * Fetches the picture of a stream that readers see now, or of one of its renditions; null where there is none.
 * @param {string} id
 * @param {{rendition?: string, width?: number, signal?: AbortSignal}} [options]
 * @returns {Promise<Blob|null>}
 */
export async function fetchPicture(id, { rendition, width, signal } = {}) {
  const query = width ? `?width=${width}` : "";
  try {
    const response = await fetch(`${streamPath(id, rendition)}/snapshot.jpg${query}`, { cache: "no-store", signal });
    return response.ok ? await response.blob() : null;
  } catch {
    return null;
  }
}

/** The addresses of the pictures that an image holds: the one that it shows, and one that is still being decoded. */
const held = new WeakMap();

/** Shows a picture in an image, and lets go of the ones before as soon as it can be seen. */
export function showPicture(image, picture) {
  let urls = held.get(image);
  if (!urls) {
    held.set(image, (urls = []));
    const release = () => urls.splice(0, urls.length - 1).forEach((url) => URL.revokeObjectURL(url));
    image.addEventListener("load", release);
    image.addEventListener("error", release);
  }
  urls.push(URL.createObjectURL(picture));
  image.src = urls.at(-1);
}

/** Takes the picture out of an image. */
export function dropPicture(image) {
  image.removeAttribute("src");
  held.get(image)?.splice(0).forEach((url) => URL.revokeObjectURL(url));
}
