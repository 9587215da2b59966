/** The masks of a stream while they are drawn: what is selected, what is being drawn, and the way back. Nothing is drawn here. */

import { MAX_CORNERS, MAX_MASKS, MIN_CORNERS, covers, inside, middle, moved, rectangle } from "./polygons.js";

const MAX_UNDO = 100;

/** @typedef {{polygon: [number, number][], style: string}} Mask */

export class MaskModel {
  /**
   * @param {Mask[]} masks
   * @param {() => void} changed is called after every change
   */
  constructor(masks, changed = () => {}) {
    this.masks = copy(masks);
    this.changed = changed;
    this.selected = -1;
    this.corner = -1;
    /** @type {{points: [number, number][], cursor: [number, number]}|null} */
    this.drawing = null;
    /** The style of the next mask: that of the one before. */
    this.style = "solid";
    this.before = [];
    this.gesture = "";
  }

  /** Puts other masks in place of all, such as those that the gateway has now; there is no way back. */
  replace(masks) {
    this.masks = copy(masks);
    this.before = [];
    this.gesture = "";
    this.drawing = null;
    this.select(-1);
  }

  select(mask, corner = -1) {
    this.selected = mask < this.masks.length ? mask : -1;
    this.corner = this.selected < 0 ? -1 : corner;
    this.gesture = "";
    this.changed();
  }

  get polygon() {
    return this.masks[this.selected]?.polygon ?? null;
  }

  /** Keeps what was there for undo(); a gesture, such as one drag, is undone as a whole. */
  #keep(gesture = "") {
    if (gesture && gesture === this.gesture) return;
    this.gesture = gesture;
    this.before.push(copy(this.masks));
    if (this.before.length > MAX_UNDO) this.before.shift();
  }

  get canUndo() {
    return this.before.length > 0;
  }

  undo() {
    if (!this.canUndo) return;
    this.masks = this.before.pop();
    this.gesture = "";
    this.select(Math.min(this.selected, this.masks.length - 1));
  }

  // ---------------------------------------------------------------------------------------------- drawing

  /** Begins to draw a mask; returns the key of what is in the way, or "". */
  begin(cursor) {
    if (this.masks.length >= MAX_MASKS) return "masks.limit.masks";
    this.drawing = { points: [], cursor: inside(cursor) };
    this.selected = this.corner = -1;
    this.changed();
    return "";
  }

  moveCursor(point) {
    if (!this.drawing) return;
    this.drawing.cursor = inside(point);
    this.changed();
  }

  /** Puts a corner; a second one at the same place is none. */
  put(point) {
    const { points } = this.drawing;
    const corner = inside(point);
    if (points.length >= MAX_CORNERS) return "masks.limit.corners";
    const last = points.at(-1);
    if (!last || last[0] !== corner[0] || last[1] !== corner[1]) points.push(corner);
    this.drawing.cursor = corner;
    this.changed();
    return "";
  }

  takeBack() {
    this.drawing?.points.pop();
    this.changed();
  }

  /** Ends the mask that is drawn, and selects it. */
  finish() {
    const { points } = this.drawing;
    if (points.length < MIN_CORNERS || !covers(points)) return "masks.limit.few";
    this.#keep();
    this.masks.push({ polygon: points, style: this.style });
    this.drawing = null;
    this.select(this.masks.length - 1);
    return "";
  }

  cancel() {
    this.drawing = null;
    this.changed();
  }

  /** Adds a rectangle between two points. */
  addRectangle(a, b) {
    this.drawing = { points: rectangle(a, b), cursor: b };
    const problem = this.masks.length >= MAX_MASKS ? "masks.limit.masks" : this.finish();
    if (problem) this.cancel();
    return problem;
  }

  // ---------------------------------------------------------------------------------------------- changing

  /** Moves the selected corner, or the whole mask where none is selected. */
  moveBy(dx, dy, gesture = "keys") {
    if (!this.polygon) return;
    if (this.corner < 0) return this.#change(moved(this.polygon, dx, dy), `${gesture} mask ${this.selected}`);
    const [x, y] = this.polygon[this.corner];
    this.moveCorner([x + dx, y + dy], gesture);
  }

  /** Moves the selected corner to a point. */
  moveCorner(point, gesture = "drag") {
    const polygon = this.polygon.map((corner, index) => (index === this.corner ? inside(point) : corner));
    this.#change(polygon, `${gesture} corner ${this.selected} ${this.corner}`);
  }

  /** Sets the whole polygon, as a drag does that began elsewhere. */
  shape(polygon, gesture) {
    this.#change(polygon, gesture);
  }

  #change(polygon, gesture) {
    if (JSON.stringify(polygon) === JSON.stringify(this.polygon)) return;
    this.#keep(gesture);
    this.masks[this.selected] = { ...this.masks[this.selected], polygon };
    this.changed();
  }

  /** Adds a corner behind one, half-way to the next, and selects it. */
  insert(corner) {
    if (this.polygon.length >= MAX_CORNERS) return "masks.limit.corners";
    this.#keep();
    const polygon = [...this.polygon];
    polygon.splice(corner + 1, 0, middle(polygon, corner));
    this.masks[this.selected] = { ...this.masks[this.selected], polygon };
    this.corner = corner + 1;
    this.changed();
    return "";
  }

  /** Removes the selected corner, and selects the one before. */
  removeCorner() {
    const polygon = this.polygon.filter((_, index) => index !== this.corner);
    if (polygon.length < MIN_CORNERS || !covers(polygon)) return "masks.limit.last";
    this.#keep();
    this.masks[this.selected] = { ...this.masks[this.selected], polygon };
    this.corner = Math.max(0, this.corner - 1);
    this.changed();
    return "";
  }

  remove(mask) {
    this.#keep();
    this.masks.splice(mask, 1);
    this.select(Math.min(mask, this.masks.length - 1));
  }

  setStyle(mask, style) {
    this.#keep();
    this.style = style;
    this.masks[mask] = { ...this.masks[mask], style };
    this.changed();
  }

  /** Returns which mask lies at a point, the topmost; -1 for none. */
  at(point, contains) {
    return this.masks.findLastIndex(({ polygon }) => contains(polygon, point));
  }

  /** Says whether every mask may be saved; a drag can have put all corners on one line. */
  get problem() {
    return this.masks.findIndex(({ polygon }) => !covers(polygon));
  }
}

function copy(masks) {
  return masks.map(({ polygon, style }) => ({ polygon: polygon.map((corner) => [...corner]), style }));
}
