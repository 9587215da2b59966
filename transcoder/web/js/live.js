/**
 * The live picture: fragmented MP4 over a WebSocket into Media Source Extensions.
 *
 * The gateway sends each picture as it comes, so the end of what is buffered is now, and playing is kept close to it:
 * a little behind it plays faster, far behind it jumps. What is behind the position is thrown away.
 */

import { get, socketAddress, streamPath } from "./api.js";

/** Seconds behind the newest picture from which on playing is faster, and up to which it is. */
const FASTER_FROM_S = 0.45;
const FASTER_TO_S = 0.2;
const FASTER = 1.1;
/** Seconds behind the newest picture from which on playing jumps, and where it jumps to. */
const JUMP_FROM_S = 1.5;
const JUMP_TO_S = 0.1;
/** Seconds of pictures that wait while playing is paused, at most. */
const MAX_PAUSED_S = 20;
/** Seconds of pictures that are kept behind the position, and after how many more they are thrown away. */
const KEPT_S = 4;
const TRIM_AFTER_S = 6;
/** Seconds after which a page that nobody sees gets no pictures any more. */
const HIDDEN_S = 5;
/** Seconds for which playing counts as slow after pictures were left out. */
const SLOW_S = 5;
/**
 * Seconds without a picture after which the last one is not called live any more, and after which one connects anew.
 * The slowest stream that may be configured has one picture in two seconds.
 */
const STALLED_S = 4;
const DEAD_S = 20;
const RETRY_S = 0.5;
const MAX_RETRY_S = 8;
const BUSY_RETRY_S = 5;
/** Errors of the decoder after which the browser counts as one that can't play this. */
const MAX_ERRORS = 3;
/** Bytes that wait for the decoder at most; then the connection begins anew. */
const MAX_WAITING = 32 << 20;

const OPERATOR_ENDED = 4410;
const FORMAT_CHANGED = 4409;
const UNKNOWN = 4404;
const NO_LOGIN = 4401;
const FORBIDDEN = 4403;
const TOO_MANY = 4429;

/**
 * Shows the live picture of a stream in a video element.
 *
 * The states are "connecting", "playing", "slow" (pictures were left out), "unsupported" (this browser does not play
 * the codec), "ended" (by an operator) and "gone" (there is no such stream, or it is disabled). The last three are
 * final. The element's `data-lag` says how many seconds the picture is behind the newest one that came.
 * @param {HTMLVideoElement} video
 * @param {{stream: string, rendition?: string, onState?: (state: string) => void}} options
 * @returns {() => void} ends it
 */
export function play(video, { stream, rendition, onState = () => {} }) {
  const player = new Player(video, socketAddress(`${streamPath(stream, rendition)}/live`), onState);
  return () => player.stop();
}

class Player {
  #video;
  #url;
  #onState;
  #ending = new AbortController();
  #state = "";
  #socket = null;
  #source = null;
  #retry = RETRY_S;
  #errors = 0;
  #timer = 0;
  #hiddenTimer = 0;
  #slowUntil = 0;
  #stallTimer = 0;
  #isStalled = false;

  constructor(video, url, onState) {
    this.#video = video;
    this.#url = url;
    this.#onState = onState;
    video.muted = true;
    video.playsInline = true;
    const { signal } = this.#ending;
    document.addEventListener("visibilitychange", () => this.#onVisibility(), { signal });
    video.addEventListener("error", () => this.#onError(), { signal });
    video.addEventListener("playing", () => this.#onPlaying(), { signal });
    // a pause is no wish to see old pictures later
    video.addEventListener("play", () => this.#source?.jump(), { signal });
    this.#connect();
  }

  stop() {
    this.#ending.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#hiddenTimer);
    this.#disconnect();
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  #tell(state) {
    if (this.#state === state || this.#ending.signal.aborted) return;
    this.#state = state;
    this.#onState(state);
  }

  #connect() {
    this.#disconnect();
    if (this.#ending.signal.aborted) return;
    if (!("MediaSource" in window)) {
      this.#tell("unsupported");
      return;
    }
    this.#tell("connecting");
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (this.#socket !== socket) return;
      if (typeof data === "string") this.#onText(JSON.parse(data));
      else this.#take(data);
    });
    socket.addEventListener("close", ({ code }) => {
      if (this.#socket === socket) this.#onClose(code);
    });
  }

  #disconnect() {
    clearTimeout(this.#timer);
    clearTimeout(this.#stallTimer);
    this.#isStalled = false;
    this.#socket?.close();
    this.#socket = null;
    this.#source?.close();
    this.#source = null;
  }

  #onText(message) {
    if (message.type === "gap") {
      this.#slowUntil = performance.now() + SLOW_S * 1000;
      if (this.#state === "playing") this.#tell("slow");
    } else if (message.type === "init") {
      if (!MediaSource.isTypeSupported(message.mime)) {
        this.#disconnect();
        this.#tell("unsupported");
        return;
      }
      this.#source?.close();
      this.#source = new Source(this.#video, message.mime);
    }
  }

  #take(data) {
    if (!this.#source) return;
    this.#source.append(data);
    clearTimeout(this.#stallTimer);
    this.#stallTimer = setTimeout(() => this.#onStall(), STALLED_S * 1000);
    if (this.#isStalled) {
      this.#isStalled = false;
      this.#tell("playing");
    }
    if (this.#source.waiting > MAX_WAITING) this.#connect();
    else if (this.#state === "slow" && performance.now() > this.#slowUntil) this.#tell("playing");
  }

  /** No picture has come for a while, from a gateway that hangs or over a network that lets nothing through. */
  #onStall() {
    if (this.#state === "connecting") return;
    this.#isStalled = true;
    this.#tell("connecting");
    this.#stallTimer = setTimeout(() => this.#connect(), (DEAD_S - STALLED_S) * 1000);
  }

  #onPlaying() {
    this.#retry = RETRY_S;
    if (this.#state === "connecting") this.#tell("playing");
  }

  #onClose(code) {
    this.#socket = null;
    if (code === OPERATOR_ENDED || code === UNKNOWN || code === FORBIDDEN) {
      this.#disconnect();
      this.#tell(code === OPERATOR_ENDED ? "ended" : "gone");
      return;
    }
    if (code === NO_LOGIN) get("/api/v1/login").catch(() => {}); // which leads to the login
    this.#tell("connecting");
    this.#later(code === TOO_MANY ? BUSY_RETRY_S : code === FORMAT_CHANGED ? 0 : this.#retry);
    this.#retry = Math.min(this.#retry * 2, MAX_RETRY_S);
  }

  #onError() {
    if (!this.#source || !this.#video.error) return;
    this.#errors += 1;
    if (this.#errors >= MAX_ERRORS) {
      this.#disconnect();
      this.#tell("unsupported");
      return;
    }
    this.#disconnect();
    this.#tell("connecting");
    this.#later(this.#retry);
  }

  #later(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), seconds * 1000);
  }

  #onVisibility() {
    clearTimeout(this.#hiddenTimer);
    const isFinal = ["unsupported", "ended", "gone"].includes(this.#state);
    if (isFinal) return;
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => {
        this.#disconnect();
        this.#tell("connecting");
      }, HIDDEN_S * 1000);
    } else if (this.#socket) {
      this.#source?.jump();
      this.#video.play().catch(() => {});
    } else {
      this.#connect();
    }
  }
}

/** What a video element plays: fragments go in, and the position is kept close to the newest one. */
class Source {
  #video;
  #media = new MediaSource();
  #url;
  #buffer = null;
  #queue = [];
  waiting = 0;

  constructor(video, mime) {
    this.#video = video;
    this.#url = URL.createObjectURL(this.#media);
    this.#media.addEventListener(
      "sourceopen",
      () => {
        this.#buffer = this.#media.addSourceBuffer(mime);
        this.#buffer.addEventListener("updateend", () => this.#onAppended());
        this.#media.duration = Infinity;
        this.#pump();
      },
      { once: true },
    );
    video.src = this.#url;
    video.play().catch(() => {}); // muted, so that only a browser that is told never to play refuses
  }

  close() {
    this.#buffer = null;
    this.#queue = [];
    URL.revokeObjectURL(this.#url);
  }

  append(data) {
    this.#queue.push(new Uint8Array(data));
    this.waiting += data.byteLength;
    this.#pump();
  }

  /** Goes to the newest picture. */
  jump() {
    const edge = this.#edge();
    if (edge !== null && edge - this.#video.currentTime > JUMP_TO_S) this.#goTo(edge);
  }

  #pump() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || !this.#queue.length || this.#media.readyState !== "open") return;
    const pieces = this.#queue;
    const bytes = new Uint8Array(this.waiting);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    try {
      buffer.appendBuffer(bytes);
      this.#queue = [];
      this.waiting = 0;
    } catch (error) {
      if (error.name !== "QuotaExceededError") return; // the element tells of it
      this.#trim(0);
    }
  }

  #onAppended() {
    if (!this.#buffer || this.#media.readyState !== "open") return;
    this.#follow();
    if (!this.#trim(TRIM_AFTER_S)) this.#pump();
  }

  /** Throws away what is long shown; returns whether that takes a moment. */
  #trim(after) {
    const { buffered } = this.#buffer;
    if (!buffered.length || this.#buffer.updating) return false;
    const keep = this.#video.currentTime - KEPT_S;
    if (keep - buffered.start(0) <= after) return false;
    this.#buffer.remove(0, keep);
    return true;
  }

  #edge() {
    const buffered = this.#buffer?.buffered;
    return buffered?.length ? buffered.end(buffered.length - 1) : null;
  }

  #follow() {
    const video = this.#video;
    const edge = this.#edge();
    if (edge === null) return;
    const start = this.#buffer.buffered.start(this.#buffer.buffered.length - 1);
    const lag = edge - video.currentTime;
    if (video.paused && lag < MAX_PAUSED_S) return; // whoever paused it looks at this picture
    if (lag > JUMP_FROM_S || video.currentTime < start || lag < 0) this.#goTo(edge);
    else if (lag > FASTER_FROM_S) video.playbackRate = FASTER;
    else if (lag < FASTER_TO_S) video.playbackRate = 1;
    video.dataset.lag = Math.max(edge - video.currentTime, 0).toFixed(2);
  }

  #goTo(edge) {
    const { buffered } = this.#buffer;
    const start = buffered.start(buffered.length - 1);
    this.#video.playbackRate = 1;
    this.#video.currentTime = Math.max(start, edge - JUMP_TO_S);
  }
}
