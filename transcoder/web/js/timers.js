/** Timers; those with a signal end with it, so that a page that is left does nothing more. */

/** Waits that many milliseconds. */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Calls a function once, after that many milliseconds, unless the signal ends before. */
export function later(f, ms, signal) {
  if (signal.aborted) return;
  const end = () => clearTimeout(timer);
  const timer = setTimeout(() => {
    signal.removeEventListener("abort", end); // a page that stays open for weeks has no list that grows
    f();
  }, ms);
  signal.addEventListener("abort", end);
}

/** Calls a function every so many milliseconds in which the tab is seen, until the signal ends. */
export function every(f, ms, signal) {
  const timer = setInterval(() => !document.hidden && f(), ms);
  signal.addEventListener("abort", () => clearInterval(timer));
}
