/** Stills of a stream as its readers see it, masked: the gateway gives no others. */

import { ApiError, noteConnection, streamPath } from "./api.js";

const TIMEOUT_MS = 15000;

/**
 * Fetches the last picture of a stream.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<ImageBitmap>}
 */
export async function still(id, signal) {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  let response;
  try {
    response = await fetch(`${streamPath(id)}/snapshot.jpg`, { cache: "no-store", credentials: "same-origin", signal: limit });
  } catch (error) {
    if (signal.aborted) throw error;
    noteConnection(false);
    throw new ApiError({ status: 0, title: "" });
  }
  noteConnection(true);
  if (response.ok) return createImageBitmap(await response.blob());
  const problem = await response.json().catch(() => ({}));
  throw new ApiError({ title: response.statusText, ...problem, status: response.status });
}
