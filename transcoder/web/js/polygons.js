/** The geometry of masks. A polygon is a list of corners [x, y], 0 to 1 of the camera's picture. Nothing is drawn here. */

/** The bounds of the API: so many masks, and so many corners of each. */
export const MAX_MASKS = 32;
export const MAX_CORNERS = 64;
export const MIN_CORNERS = 3;
export const STYLES = ["solid", "pixelate", "blur"];

/** A ten-thousandth is less than a sample of any picture that is masked. */
const STEPS = 10000;

/** Returns a point inside of the picture, in steps that no one sees. */
export function inside([x, y]) {
  const part = (value) => Math.round(Math.min(1, Math.max(0, value)) * STEPS) / STEPS;
  return [part(x), part(y)];
}

/** Says whether a polygon covers anything: its corners do not all lie on one line. */
export function covers(polygon) {
  const [[x0, y0], ...others] = polygon;
  return others.some(([x1, y1]) => others.some(([x2, y2]) => Math.abs((x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)) > 1e-9));
}

/** Says whether a point lies in a polygon, by the rule of the gateway: the winding number is not 0. */
export function contains(polygon, [x, y]) {
  let winding = 0;
  polygon.forEach(([x0, y0], index) => {
    const [x1, y1] = polygon[(index + 1) % polygon.length];
    const side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0);
    if (y0 <= y && y1 > y && side > 0) winding += 1;
    else if (y0 > y && y1 <= y && side < 0) winding -= 1;
  });
  return winding !== 0;
}

/** Returns a polygon that was moved as far as the picture lets it. */
export function moved(polygon, dx, dy) {
  const bounded = (axis, by) => {
    const values = polygon.map((corner) => corner[axis]);
    return Math.min(1 - Math.max(...values), Math.max(-Math.min(...values), by));
  };
  const [x, y] = [bounded(0, dx), bounded(1, dy)];
  return polygon.map((corner) => inside([corner[0] + x, corner[1] + y]));
}

/** Returns the corners of a rectangle between two points. */
export function rectangle([x0, y0], [x1, y1]) {
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]].map(inside);
}

/** Returns the point half-way between a corner and the next one. */
export function middle(polygon, corner) {
  const [x0, y0] = polygon[corner];
  const [x1, y1] = polygon[(corner + 1) % polygon.length];
  return inside([(x0 + x1) / 2, (y0 + y1) / 2]);
}

/** Returns the middle of a polygon's bounds. */
export function centre(polygon) {
  const middleOf = (axis) => {
    const values = polygon.map((corner) => corner[axis]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  };
  return [middleOf(0), middleOf(1)];
}

/**
 * Returns where the camera's picture lies in the served one, in parts of the latter: in the middle, never stretched.
 * @param {number} shape the camera's picture, width by height
 * @param {number} served the served picture, width by height
 */
export function placed(shape, served) {
  if (!shape || !served || Math.abs(shape / served - 1) < 0.005) return { x: 0, y: 0, width: 1, height: 1 };
  const [width, height] = shape > served ? [1, served / shape] : [shape / served, 1];
  return { x: (1 - width) / 2, y: (1 - height) / 2, width, height };
}
