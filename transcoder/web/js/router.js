/** Routes stand behind the hash of the page's address, as in "#/stream/front/masks". */

const ROUTES = [
  [/^\/$/, "wall", []],
  [/^\/stream\/([^/]+)$/, "stream", ["id"]],
  [/^\/stream\/([^/]+)\/masks$/, "masks", ["id"]],
  [/^\/add$/, "add", []],
  [/^\/login$/, "login", []],
];

/** Returns the page of the present address: its module's name, its parameters and its path; the wall for an unknown one. */
export function route() {
  const [path, query] = (location.hash.slice(1) || "/").split("?");
  const given = Object.fromEntries(new URLSearchParams(query ?? ""));
  for (const [pattern, name, names] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const found = Object.fromEntries(names.map((one, index) => [one, decode(match[index + 1])]));
    return { name, parameters: { ...given, ...found }, path };
  }
  return { name: "wall", parameters: given, path: "/" };
}

/** Goes to a path, as in "/stream/front"; `replace` leaves no step back. */
export function navigate(path, { replace = false } = {}) {
  if (replace) location.replace(`#${path}`);
  else location.hash = path;
}

/** Returns the address of a stream's page, or of a page below it. */
export function streamHref(id, below = "") {
  return `#/stream/${encodeURIComponent(id)}${below && `/${below}`}`;
}

/** Returns a part of a path as it was written; one with a slash in it would be another path to the gateway. */
function decode(text) {
  try {
    const written = decodeURIComponent(text);
    return written.includes("/") ? text : written;
  } catch {
    return text;
  }
}
