/** What a user has changed of a document, while the document changes, too. Nothing here draws anything. */

/**
 * Keeps values by key: those of the gateway, and those that the user gave.
 *
 * A value that both changed is a conflict until the user has chosen one. The keys are those of the caller, as in
 * "video.fps"; a key that is missing has the value undefined.
 */
export class Edits {
  /** @param {Map<string, any>} values of the gateway */
  constructor(values) {
    this.base = new Map(values);
    /** @type {Map<string, any>} */
    this.mine = new Map();
    /** @type {Map<string, {mine: any, theirs: any}>} */
    this.conflicts = new Map();
  }

  /** Takes a value that the user gave; the gateway's own value is no change. */
  set(key, value) {
    if (same(value, this.base.get(key))) {
      this.mine.delete(key);
      this.conflicts.delete(key);
      return;
    }
    this.mine.set(key, value);
    const conflict = this.conflicts.get(key);
    if (conflict) conflict.mine = value;
  }

  /** Returns the value to show. */
  get(key) {
    return this.mine.has(key) ? this.mine.get(key) : this.base.get(key);
  }

  get isDirty() {
    return this.mine.size > 0;
  }

  /**
   * Takes newer values of the gateway.
   * @param {Map<string, any>} values
   * @returns {string[]} the keys whose value at the gateway changed
   */
  take(values) {
    const keys = new Set([...this.base.keys(), ...values.keys()]);
    const changed = [...keys].filter((key) => !same(this.base.get(key), values.get(key)));
    for (const key of changed) {
      if (!this.mine.has(key)) continue;
      const mine = this.mine.get(key);
      const theirs = values.get(key);
      if (same(mine, theirs)) {
        this.mine.delete(key);
        this.conflicts.delete(key);
      } else {
        this.conflicts.set(key, { mine, theirs });
      }
    }
    this.base = new Map(values);
    return changed;
  }

  /** Ends a conflict: with the user's value, or with the gateway's. */
  choose(key, whose) {
    this.conflicts.delete(key);
    if (whose === "theirs") this.mine.delete(key);
  }

  /** Forgets everything that the user gave. */
  discard() {
    this.mine.clear();
    this.conflicts.clear();
  }
}

/** Says whether two values of a document are the same. */
export function same(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
