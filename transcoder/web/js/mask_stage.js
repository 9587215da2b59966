/** The picture with its masks, on which they are drawn, moved and removed by mouse, touch and keys. */

import { announce, clear, el, svg } from "./dom.js";
import { number, t } from "./i18n.js";
import { MIN_CORNERS, centre, contains, inside, middle, moved, rectangle } from "./polygons.js";

const HANDLE = 7;
/** Pixels of the screen: the radius of a corner's handle; a finger takes what lies within REACH. */
const REACH = { mouse: 10, pen: 14, touch: 22 };
/** Pixels that a pointer has to move before it is a drag. */
const DRAG = 5;
/** Parts of the picture that an arrow key moves a point by, and with Shift. */
const STEP = 0.005;
const FAST = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class MaskStage {
  /**
   * @param {import("./mask_model.js").MaskModel} model
   * @param {{readOnly: boolean, signal: AbortSignal}} options
   */
  constructor(model, { readOnly, signal }) {
    this.model = model;
    this.readOnly = readOnly;
    this.content = { x: 0, y: 0, width: 1, height: 1 };
    /** Masks of the gateway that differ from the user's, shown while one chooses. */
    this.theirs = null;
    /** Is told what happened, in words, to be shown and announced. */
    this.told = announce;
    this.canvas = el("canvas", { class: "mask-picture", width: 1280, height: 720, "aria-hidden": "true" });
    this.shapes = svg("svg", { class: "mask-shapes", focusable: "false" });
    this.node = el("div", {
      class: "mask-stage", "data-testid": "mask-canvas", role: readOnly ? "img" : "application",
      tabindex: readOnly ? null : "0", "aria-label": t("masks.stage"), "aria-describedby": readOnly ? null : "mask-help",
    }, this.canvas, this.shapes);
    this.drag = null;
    new ResizeObserver(() => this.draw()).observe(this.node);
    if (readOnly) return;
    this.node.addEventListener("pointerdown", (event) => this.down(event));
    this.node.addEventListener("pointermove", (event) => this.move(event));
    this.node.addEventListener("pointerup", (event) => this.up(event));
    this.node.addEventListener("pointercancel", () => (this.drag = null));
    this.node.addEventListener("dblclick", () => this.model.drawing?.points.length >= MIN_CORNERS && this.finish());
    this.node.addEventListener("keydown", (event) => this.key(event), { signal });
    this.node.addEventListener("focusin", (event) => this.focused(event));
  }

  // ---------------------------------------------------------------------------------------------- places

  /** Returns the point of the camera's picture under a pointer. */
  point(event) {
    const box = this.node.getBoundingClientRect();
    const { x, y, width, height } = this.content;
    return inside([((event.clientX - box.left) / box.width - x) / width, ((event.clientY - box.top) / box.height - y) / height]);
  }

  /** Returns a point of the camera's picture in pixels of the stage. */
  place([px, py]) {
    const { x, y, width, height } = this.content;
    return [(x + px * width) * this.node.clientWidth, (y + py * height) * this.node.clientHeight];
  }

  distance(a, b) {
    const [ax, ay] = this.place(a);
    const [bx, by] = this.place(b);
    return Math.hypot(ax - bx, ay - by);
  }

  // ---------------------------------------------------------------------------------------------- pointer

  down(event) {
    if (event.button !== 0 || this.drag) return;
    const point = this.point(event);
    const reach = REACH[event.pointerType] ?? REACH.mouse;
    this.drag = { from: point, at: [event.clientX, event.clientY], id: event.pointerId, gesture: `drag ${event.timeStamp}`, ...this.#grip(point, reach) };
    this.node.setPointerCapture(event.pointerId);
    event.preventDefault(); // no text is selected, and no picture dragged away
    this.node.focus({ preventScroll: true });
  }

  /** Returns what lies under a pointer: a corner, the middle of an edge, a mask, or nothing. */
  #grip(point, reach) {
    const { model } = this;
    if (model.drawing) return { what: "drawing" };
    const polygon = model.polygon;
    if (polygon) {
      const near = (points) => points.findIndex((one) => this.distance(one, point) <= reach);
      const corner = near(polygon);
      if (corner >= 0) return { what: "corner", corner };
      const edge = near(polygon.map((_, index) => middle(polygon, index)));
      if (edge >= 0) return { what: "edge", corner: edge };
    }
    const mask = model.selected >= 0 && contains(polygon, point) ? model.selected : model.at(point, contains);
    return mask >= 0 ? { what: "mask", mask } : { what: "nothing" };
  }

  move(event) {
    const { drag, model } = this;
    const point = this.point(event);
    if (!drag || drag.id !== event.pointerId) {
      if (model.drawing) model.moveCursor(point);
      return;
    }
    if (!drag.moves && Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) < DRAG) return;
    if (!drag.moves) this.#startDrag(drag);
    drag.moves = true;
    if (drag.what === "corner") model.moveCorner(point, drag.gesture);
    else if (drag.what === "mask") model.shape(moved(drag.polygon, point[0] - drag.from[0], point[1] - drag.from[1]), drag.gesture);
    else if (drag.what === "nothing") this.#band(drag.from, point);
    else if (model.drawing) model.moveCursor(point);
  }

  #startDrag(drag) {
    const { model } = this;
    if (drag.what === "corner") model.select(model.selected, drag.corner);
    if (drag.what === "edge") {
      drag.what = model.insert(drag.corner) ? "limit" : "corner";
    }
    if (drag.what === "mask") {
      model.select(drag.mask);
      drag.polygon = model.polygon;
    }
  }

  up(event) {
    const { drag, model } = this;
    if (!drag || drag.id !== event.pointerId) return;
    this.drag = null;
    const point = this.point(event);
    if (drag.moves) {
      if (drag.what === "nothing") this.say(model.addRectangle(drag.from, point) || "masks.said.added");
      if (["corner", "mask"].includes(drag.what)) model.select(model.selected, drag.what === "corner" ? model.corner : -1);
      return this.draw();
    }
    if (drag.what === "corner") model.select(model.selected, drag.corner);
    else if (drag.what === "mask") model.select(drag.mask);
    else if (drag.what === "nothing" || drag.what === "drawing") this.#tap(point, event.pointerType);
  }

  /** Puts a corner where somebody clicked; a click at the first corner ends the mask. */
  #tap(point, pointerType) {
    const { model } = this;
    if (!model.drawing) {
      const problem = model.begin(point);
      if (problem) return this.say(problem);
    }
    const { points } = model.drawing;
    const reach = REACH[pointerType] ?? REACH.mouse;
    if (points.length >= MIN_CORNERS && this.distance(points[0], point) <= reach) return this.finish();
    if (points.length && this.distance(points.at(-1), point) < DRAG) return; // the second click of a double click
    this.say(model.put(point) || "masks.said.put", { count: model.drawing.points.length });
  }

  /** Shows the rectangle that a drag spans. */
  #band(from, to) {
    this.band = rectangle(from, to);
    this.draw();
    this.band = null;
  }

  // ---------------------------------------------------------------------------------------------- keys

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key.toLowerCase() === "z" && !event.altKey && this.model.canUndo) this.#did(event, () => this.undo());
      return;
    }
    const arrow = ARROWS[event.key];
    const by = event.shiftKey ? FAST : STEP;
    if (arrow) return this.#did(event, () => this.#moveBy(arrow[0] * by, arrow[1] * by));
    const action = (this.model.drawing ? this.#drawingKeys : this.model.polygon ? this.#maskKeys : this.#idleKeys)[event.key];
    if (action) this.#did(event, action);
  }

  #did(event, action) {
    event.preventDefault();
    action();
  }

  #idleKeys = { Enter: () => this.start(), " ": () => this.start() };

  #drawingKeys = {
    " ": () => this.say(this.model.put(this.model.drawing.cursor) || "masks.said.put", { count: this.model.drawing.points.length }),
    Enter: () => this.finish(),
    Escape: () => this.cancel(),
    Delete: () => this.takeBack(),
    Backspace: () => this.takeBack(),
  };

  #maskKeys = {
    Enter: () => (this.model.corner < 0 ? this.model.select(this.model.selected, 0) : this.model.select(this.model.selected)),
    " ": () => this.#maskKeys.Enter(),
    Escape: () => {
      if (this.model.corner >= 0) this.model.select(this.model.selected);
      else this.model.select(-1);
      this.#focusSelected();
    },
    Delete: () => this.remove(),
    Backspace: () => this.remove(),
    Insert: () => this.insert(),
    "+": () => this.insert(),
  };

  #moveBy(dx, dy) {
    const { model } = this;
    if (model.drawing) {
      const [x, y] = model.drawing.cursor;
      model.moveCursor([x + dx, y + dy]);
      return announce(where(model.drawing.cursor));
    }
    if (!model.polygon) return;
    model.moveBy(dx, dy);
    announce(where(model.corner < 0 ? centre(model.polygon) : model.polygon[model.corner]));
  }

  // ---------------------------------------------------------------------------------------------- actions

  /** Begins to draw a mask by keys, or by whatever comes first. */
  start() {
    const problem = this.model.begin([0.5, 0.5]);
    this.node.focus();
    this.say(problem || "masks.said.start", { where: where([0.5, 0.5]) });
  }

  finish() {
    this.say(this.model.finish() || "masks.said.added");
    this.#focusSelected();
  }

  cancel() {
    this.model.cancel();
    this.say("masks.said.cancelled");
  }

  takeBack() {
    this.model.takeBack();
    this.say("masks.said.back", { count: this.model.drawing.points.length });
  }

  undo() {
    this.model.undo();
    this.say("masks.said.undone");
  }

  insert() {
    this.say(this.model.insert(Math.max(0, this.model.corner)) || "masks.said.inserted");
    this.#focusSelected();
  }

  remove() {
    if (this.model.corner >= 0) this.say(this.model.removeCorner() || "masks.said.corner_removed");
    else {
      this.model.remove(this.model.selected);
      this.say("masks.said.removed");
    }
    this.#focusSelected();
  }

  say(key, parameters = {}) {
    const { model } = this;
    this.told(t(key, { mask: model.selected + 1, count: model.polygon?.length ?? 0, ...parameters }));
  }

  focused(event) {
    const { mask, corner } = event.target.dataset ?? {};
    if (mask === undefined || this.drag) return;
    const [m, c] = [Number(mask), corner === undefined ? -1 : Number(corner)];
    if (m !== this.model.selected || c !== this.model.corner) this.model.select(m, c);
  }

  #focusSelected() {
    const { selected, corner } = this.model;
    const key = corner >= 0 ? `[data-mask="${selected}"][data-corner="${corner}"]` : `[data-mask="${selected}"]:not([data-corner])`;
    (this.shapes.querySelector(key) ?? this.node).focus({ preventScroll: true });
  }

  // ---------------------------------------------------------------------------------------------- drawing

  /** Draws the shapes anew; the focus stays where it was. */
  draw() {
    const had = this.shapes.contains(document.activeElement);
    const { model } = this;
    clear(this.shapes);
    for (const [index, mask] of (this.theirs ?? []).entries()) this.shapes.append(this.#outline(mask.polygon, `mask-theirs`, { "data-theirs": index }));
    model.masks.forEach(({ polygon, style }, index) => this.shapes.append(this.#mask(polygon, style, index)));
    if (model.polygon && !this.readOnly && !model.drawing) this.#handles(model.polygon, model.selected);
    if (model.drawing) this.#unfinished(model.drawing);
    if (this.band) this.shapes.append(this.#outline(this.band, "mask-band"));
    if (had) this.#focusSelected();
  }

  #outline(corners, name, attributes) {
    const points = corners.map((corner) => this.place(corner).map((value) => value.toFixed(1)).join(",")).join(" ");
    return svg("polygon", { class: name, points, ...attributes });
  }

  #mask(polygon, style, index) {
    const isSelected = index === this.model.selected;
    const parameters = { mask: index + 1, style: t(`masks.style.${style}`), count: polygon.length };
    const reached = this.readOnly ? {} : { tabindex: 0, role: "button", "aria-pressed": String(isSelected), "aria-label": t("masks.mask.label", parameters) };
    const shape = this.#outline(polygon, `mask-shape${isSelected ? " selected" : ""}`, { "data-mask": index, ...reached });
    const [x, y] = this.place(centre(polygon));
    return svg("g", {}, shape, svg("text", { class: "mask-number", x, y, "aria-hidden": "true", text: index + 1 }));
  }

  #handles(polygon, mask) {
    polygon.forEach((_, index) => {
      const [x, y] = this.place(middle(polygon, index));
      this.shapes.append(svg("circle", { class: "mask-middle", cx: x, cy: y, r: HANDLE - 3, "aria-hidden": "true" }));
    });
    polygon.forEach((corner, index) => {
      const [x, y] = this.place(corner);
      this.shapes.append(svg("circle", {
        class: `mask-corner${index === this.model.corner ? " selected" : ""}`, cx: x, cy: y, r: HANDLE, tabindex: 0, role: "button",
        "data-mask": mask, "data-corner": index,
        "aria-label": t("masks.corner.label", { mask: mask + 1, corner: index + 1, count: polygon.length, where: where(corner) }),
      }));
    });
  }

  #unfinished({ points, cursor }) {
    const line = [...points, cursor].map((one) => this.place(one).join(",")).join(" ");
    this.shapes.append(svg("polyline", { class: "mask-line", points: line }));
    points.forEach((one, index) => {
      const [x, y] = this.place(one);
      this.shapes.append(svg("circle", { class: `mask-corner${index ? "" : " first"}`, cx: x, cy: y, r: HANDLE }));
    });
    const [x, y] = this.place(cursor);
    this.shapes.append(svg("path", { class: "mask-cursor", d: `M${x - 12} ${y}H${x + 12}M${x} ${y - 12}V${y + 12}` }));
  }
}

/** Returns a place in words: "20 % from the left, 10 % from the top". */
function where([x, y]) {
  return t("masks.where", { x: number(x * 100, 1), y: number(y * 100, 1) });
}
