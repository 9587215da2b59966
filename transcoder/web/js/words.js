/** Words for what the gateway names in code: layers, kinds, events, reasons, actions. */

import { has, number, register, t } from "./i18n.js";
import texts from "../text/words.js";

register(texts);

/** NAL unit types whose names an operator may know: ITU-T H.264, table 7-1; ITU-T H.265, table 7-1. */
const NAL_NAMES = {
  "h264 type 6": "SEI", "h264 type 9": "AUD", "h264 type 12": "filler data",
  "h265 type 35": "AUD", "h265 type 38": "filler data", "h265 type 39": "SEI", "h265 type 40": "SEI",
};

/** Returns the words of a key with that name, and the name itself where there are none. */
function named(prefix, name) {
  const key = `${prefix}.${name}`;
  return has(key) ? t(key) : String(name).replaceAll("_", " ");
}

/** Returns the name of a codec as its standard writes it; a dash where there is none. */
export function codecWords(name) {
  return name?.replace(/^h(?=26\d$)/i, "H.") ?? "–";
}

/** Returns the words of a layer of the ledger. */
export function layerWords(layer) {
  return named("layer", layer);
}

/** Returns the words of a kind of the ledger. */
export function kindWords(kind) {
  const name = NAL_NAMES[kind];
  return name ? `${kind} (${name})` : kind;
}

/** Returns the words of the reason for which a reader's session ended. */
export function reasonWords(reason) {
  return named("reason", reason);
}

/** Returns the words of an action in the audit log. */
export function actionWords(action) {
  return named("action", action);
}

/** Returns the words of a condition of the picture. */
export function conditionWords(condition) {
  return named("condition", condition);
}

/** Returns the words of a key of a camera's or the gateway's own, as in the state of an asset. */
export function stateWords(prefix, name) {
  return named(prefix, name);
}

/** Returns what happened in an event, without its details. */
export function eventWords(event) {
  const ends = event.detail?.active === false && has(`event.${event.event_type}.over`);
  return named("event", ends ? `${event.event_type}.over` : event.event_type);
}

/** Returns the details of an event in one line. */
export function eventDetail({ event_type: type, detail }) {
  if (type === "channel_seen") return `${layerWords(detail.layer)}: ${kindWords(detail.kind)}`;
  const { reason, active, session, ...others } = detail ?? {};
  const parts = reason ? [type === "reader_gone" ? reasonWords(reason) : String(reason)] : [];
  for (const [key, value] of Object.entries(others)) {
    if (value !== null && value !== undefined) parts.push(`${named("detail", key)}: ${shown(value)}`);
  }
  return parts.join(" · ");
}

function shown(value) {
  if (typeof value === "number") return number(value, 1);
  if (Array.isArray(value)) return value.map(shown).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
