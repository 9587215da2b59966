/** What a stream's state is called, in one word for a badge and for the filter. */

import { register, t, when } from "./i18n.js";
import texts from "../text/states.js";

register(texts);

/** The kinds of states, in the order of the filter. */
export const KINDS = ["playing", "overloaded", "away", "encrypted", "connecting", "disabled"];

/**
 * Returns the kind of state of a tile or of a stream's state.
 * @param {{state: string, status: string, problem_code?: string|null, overloaded?: boolean, encrypted?: boolean}} tile
 */
export function kindOf(tile) {
  if (tile.state === "disabled") return "disabled";
  if (tile.encrypted || tile.problem_code === "encrypted") return "encrypted";
  if (tile.state === "playing") return tile.overloaded || tile.rate_divisor > 1 ? "overloaded" : "playing";
  // a camera that has not answered at its first attempt is away, whatever the gateway is doing about it
  if (tile.state === "away" || tile.problem_code) return "away";
  return "connecting";
}

/** Returns the class of a kind's badge. */
export function tone(kind) {
  return { playing: "good", overloaded: "warn", connecting: "warn", away: "bad", encrypted: "bad", disabled: "" }[kind];
}

/** Says whether somebody should look at a stream of that kind. */
export function isTrouble(kind) {
  return kind !== "playing" && kind !== "disabled";
}

/** Returns the words of a badge, as in "Away since 14:03:12". */
export function words(kind, since) {
  return kind === "away" && since ? t("state.away.since", { time: when(since) }) : t(`state.${kind}`);
}

/** Returns the words of a problem: of its code, which every language has. */
export function problemWords(code) {
  return code ? t(`problem.${code}`) : "";
}
