/** Problems of the API, "key.path: words", are put at the fields that caused them. */

import { register, t } from "./i18n.js";
import texts from "../text/problems.js";

register(texts);

/** The API's words, which are English, with the key of the same words in the user's language. */
const WORDS = [
  [/^must be at least (?<n>[\d.e+]+)/, "problems.least"],
  [/^must be at most (?<n>[\d.e+]+)/, "problems.most"],
  [/^must be a whole number/, "problems.whole"],
  [/^must be a (?:finite )?number/, "problems.number"],
  [/^must not be empty/, "problems.empty"],
  [/^must have at most (?<n>\d+) characters/, "problems.characters"],
  [/^must have at most (?<n>\d+) entries/, "problems.entries"],
  [/^must have an even width and height/, "problems.even"],
  [/^must be WIDTHxHEIGHT such as 1280x720, or "source"/, "problems.size"],
  [/^must have a width and height of (?<least>\d+) to (?<most>\d+)/, "problems.sides"],
  [/^must be (?!a |WIDTH)(?<words>.+?)(?: \(it is .*)?$/, "problems.one"],
  [/^is missing/, "problems.missing"],
  [/^this name must match|^this name must be|^this name /, "problems.name"],
  [/^there is a stream .* already/, "problems.exists"],
  [/^port (?<port>\d+) of (?<host>\S+) is a listener of this gateway/, "problems.own"],
  [/^address (?<host>\S+) is in none of the networks of sources\.allow/, "problems.network"],
];

/** Returns the words of a problem in the user's language, or the API's own where we know no others. */
export function words(text) {
  for (const [pattern, key] of WORDS) {
    const match = pattern.exec(text);
    if (match) return t(key, { ...match.groups, words: text });
  }
  return text;
}

/**
 * Splits the problems of an error by the field that each belongs to.
 * @param {import("./api.js").ApiError} error
 * @param {string} prefix in front of the paths, as in "streams.front"
 * @param {Iterable<string>} paths of the fields there are, as in "video.fps"
 * @returns {{at: Map<string, string[]>, others: string[]}} the words by path; `others` belong to no field
 */
export function assign(error, prefix, paths) {
  const known = [...paths].sort((a, b) => b.length - a.length);
  const at = new Map();
  const others = [];
  for (const line of error.problems.length ? error.problems : [error.detail || error.title]) {
    const [path, text] = split(line, prefix);
    const field = path === null ? undefined : known.find((one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}[`));
    if (field === undefined) others.push(path ? `${path}: ${words(text)}` : words(text));
    else at.set(field, [...(at.get(field) ?? []), words(text)]);
  }
  return { at, others };
}

/** Returns the path below the prefix, "" for the prefix itself and null for a line without one, and the words. */
function split(line, prefix) {
  const end = line.indexOf(": ");
  if (end < 0 || /\s/.test(line.slice(0, end))) return [null, line];
  const path = line.slice(0, end);
  const text = line.slice(end + 2);
  if (path === prefix) return ["", text];
  return [path.startsWith(`${prefix}.`) ? path.slice(prefix.length + 1) : path, text];
}
