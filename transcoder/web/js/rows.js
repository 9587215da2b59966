/** Rows of a table or list that follow documents: a row that stays is changed, not made anew, so that the focus stays. */

export class Rows {
  #parent;
  #key;
  #make;
  #rows = new Map();

  /**
   * @param {Element} parent
   * @param {(item: any) => string} key
   * @param {(item: any) => {node: Element, update?: (item: any) => void}} make
   */
  constructor(parent, key, make) {
    this.#parent = parent;
    this.#key = key;
    this.#make = make;
  }

  /** Shows these items, in this order. */
  show(items) {
    const present = new Set(items.map((item) => this.#key(item)));
    for (const [key, row] of this.#rows) {
      if (present.has(key)) continue;
      row.node.remove();
      this.#rows.delete(key);
    }
    let next = this.#parent.firstChild;
    for (const item of items) {
      const key = this.#key(item);
      let row = this.#rows.get(key);
      if (!row) {
        row = this.#make(item);
        this.#rows.set(key, row);
      }
      row.update?.(item);
      if (row.node === next) next = next.nextSibling;
      else this.#parent.insertBefore(row.node, next);
    }
  }

  get size() {
    return this.#rows.size;
  }
}
