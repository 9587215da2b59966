/** What a user types as a camera's address becomes the URL and the login of a source, and an id is proposed from it. */

const SCHEME = /^rtsps?:\/\//i;
const MAX_ID = 63;

/**
 * Splits what was typed; an address without a scheme is one of RTSP, and a login in it is taken out.
 * @param {string} text
 * @returns {{url: string, username: string|null, password: string|null}}
 */
export function splitLogin(text) {
  const trimmed = text.trim();
  const url = trimmed && !SCHEME.test(trimmed) && !trimmed.includes("://") ? `rtsp://${trimmed}` : trimmed;
  const match = /^(rtsps?:\/\/)([^/?#@]*)@(.*)$/i.exec(url);
  if (!match) return { url, username: null, password: null };
  const [, scheme, login, rest] = match;
  const colon = login.indexOf(":");
  const part = (one) => {
    try {
      return decodeURIComponent(one);
    } catch {
      return one;
    }
  };
  return {
    url: scheme + rest,
    username: part(colon < 0 ? login : login.slice(0, colon)),
    password: colon < 0 ? null : part(login.slice(colon + 1)),
  };
}

/**
 * Returns an id that no stream has: of the title, or else of the address.
 * @param {{title?: string, url: string, channel?: number, stream?: string}} known
 * @param {Set<string>} taken the ids of streams
 */
export function proposedId({ title, url, channel = 1, stream = "main" }, taken) {
  const host = /^[a-z]+:\/\/(\[[^\]]*\]|[^:/?#]*)/i.exec(splitLogin(url).url)?.[1] ?? "";
  if (!title && !host) return "";
  let words = title || `camera ${host}`;
  if (!title && channel > 1) words += ` ${channel}`;
  if (stream !== "main") words += ` ${stream}`;
  const plain = words.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const id = plain.replace(/[^a-z0-9_]+/g, "-").replace(/^[-_]+|-+$/g, "").slice(0, MAX_ID - 4) || "camera";
  if (!taken.has(id)) return id;
  for (let count = 2; ; count += 1) if (!taken.has(`${id}-${count}`)) return `${id}-${count}`;
}
