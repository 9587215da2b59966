/** Masks are drawn onto a still picture as the gateway will draw them, so that the user sees them before saving. */

import { STYLES } from "./polygons.js";

/** As in the gateway: cells across the picture's width, and the blur's radius as a part of it; 4 samples at least. */
const CELLS = 24;
const BLUR = 40;
const LEAST = 4;

/**
 * Draws masks.
 * @param {CanvasRenderingContext2D} context holds the picture
 * @param {{polygon: number[][], style: string}[]} masks
 * @param {{x: number, y: number, width: number, height: number}} content where the camera's picture lies, 0 to 1
 */
export function drawMasks(context, masks, content) {
  const { width, height } = context.canvas;
  const paths = masks.map(({ polygon, style }) => {
    const corners = polygon.map(([x, y]) => [(content.x + x * content.width) * width, (content.y + y * content.height) * height]);
    return { style, corners };
  });
  for (const style of STYLES) {
    for (const { corners } of paths.filter((path) => path.style === style)) drawMask(context, corners, style);
  }
}

function drawMask(context, corners, style) {
  const path = new Path2D();
  corners.forEach(([x, y], index) => (index ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  context.save();
  if (style === "solid") {
    context.fillStyle = "#000";
    context.fill(path, "nonzero");
  } else {
    const hidden = style === "pixelate" ? pixelated(context, corners) : blurred(context, corners);
    if (hidden) {
      context.clip(path, "nonzero");
      context.drawImage(hidden.canvas, hidden.x, hidden.y);
    }
  }
  context.restore();
}

/** Returns the bounds of corners in whole samples, with a margin, inside of the picture; null where nothing is left. */
function bounds(canvas, corners, margin) {
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const x = Math.max(0, Math.floor(Math.min(...xs)) - margin);
  const y = Math.max(0, Math.floor(Math.min(...ys)) - margin);
  const width = Math.min(canvas.width, Math.ceil(Math.max(...xs)) + margin) - x;
  const height = Math.min(canvas.height, Math.ceil(Math.max(...ys)) + margin) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

function onCanvas(image, x, y) {
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return { canvas, x, y };
}

/** Returns the surroundings of a mask with each cell, counted from the picture's corner, in its mean colour. */
function pixelated(context, corners) {
  const size = Math.max(Math.floor(context.canvas.width / CELLS), LEAST);
  const found = bounds(context.canvas, corners, size);
  if (!found) return null;
  const x = Math.floor(found.x / size) * size;
  const y = Math.floor(found.y / size) * size;
  const image = context.getImageData(x, y, found.x + found.width - x, found.y + found.height - y);
  for (let top = 0; top < image.height; top += size) {
    for (let left = 0; left < image.width; left += size) fillCell(image, left, top, size);
  }
  return onCanvas(image, x, y);
}

function fillCell({ data, width, height }, left, top, size) {
  const right = Math.min(left + size, width);
  const bottom = Math.min(top + size, height);
  const samples = (right - left) * (bottom - top);
  for (let channel = 0; channel < 3; channel += 1) {
    let sum = 0;
    for (let y = top; y < bottom; y += 1) for (let x = left; x < right; x += 1) sum += data[(y * width + x) * 4 + channel];
    const mean = Math.round(sum / samples);
    for (let y = top; y < bottom; y += 1) for (let x = left; x < right; x += 1) data[(y * width + x) * 4 + channel] = mean;
  }
}

/** Returns the surroundings of a mask, of which each sample is the mean of a square around it, twice over. */
function blurred(context, corners) {
  const radius = Math.max(Math.floor(context.canvas.width / BLUR), LEAST);
  const found = bounds(context.canvas, corners, 2 * radius);
  if (!found) return null;
  const image = context.getImageData(found.x, found.y, found.width, found.height);
  for (let pass = 0; pass < 2; pass += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      for (let y = 0; y < image.height; y += 1) blurLine(image.data, (y * image.width) * 4 + channel, 4, image.width, radius);
      for (let x = 0; x < image.width; x += 1) blurLine(image.data, x * 4 + channel, image.width * 4, image.height, radius);
    }
  }
  return onCanvas(image, found.x, found.y);
}

/** Gives each sample of a row or column the mean of those around it; beyond an end, the line goes on with its last sample. */
function blurLine(data, start, step, length, radius) {
  const before = new Uint8ClampedArray(length);
  for (let index = 0; index < length; index += 1) before[index] = data[start + index * step];
  const at = (index) => before[Math.min(length - 1, Math.max(0, index))];
  let sum = 0;
  for (let index = -radius; index <= radius; index += 1) sum += at(index);
  for (let index = 0; index < length; index += 1) {
    data[start + index * step] = Math.round(sum / (2 * radius + 1));
    sum += at(index + radius + 1) - at(index - radius);
  }
}
