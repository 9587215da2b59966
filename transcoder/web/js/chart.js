/** Line charts in SVG: values over the last half hour, with a table of the same values for who can't see them. */

import { clear, el, setText, svg } from "./dom.js";
import { clock, number, t } from "./i18n.js";

const HEIGHT = 150;
const MARGIN = { top: 10, right: 10, bottom: 22, left: 46 };
const TICKS = 4;
const MINUTES = [30, 20, 10, 0];
/** Rows of the table: a value of each minute. */
const TABLE_STEP_S = 60;
let charts = 0;

export class Chart {
  #id = (charts += 1);
  #series;
  #unit;
  #digits;
  #title;
  #svg;
  #readout = el("p", { class: "chart-readout", "aria-hidden": "true" });
  #table = el("table", {});
  #details;
  #history = null;
  #width = 0;
  #mark = null;

  /**
   * @param {{title: string, unit: string, digits: number, series: {name: string, column: string, scale?: number}[]}} options
   * @param {AbortSignal} signal
   */
  constructor({ title, unit, digits, series }, signal) {
    this.#title = title;
    this.#unit = unit;
    this.#digits = digits;
    this.#series = series;
    this.#svg = svg("svg", {
      class: "chart", role: "img", "aria-labelledby": `chart-${this.#id}-title chart-${this.#id}-desc`, "data-testid": "history-chart",
      on: { pointermove: (event) => this.#point(event), pointerleave: () => this.#leave() },
    });
    const legend = el("ul", { class: "chart-legend" },
      ...series.map((one, index) => el("li", {}, swatch(index), el("span", { text: one.name }))));
    this.#details = el("details", { class: "chart-table", on: { toggle: () => this.#drawTable() } },
      el("summary", { text: t("chart.table"), "aria-label": t("chart.table.of", { title }) }), el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title }, this.#table));
    this.node = el("figure", { class: "chart-figure" },
      el("figcaption", {}, el("h3", { text: title }), legend), this.#svg, this.#readout, this.#details);
    const observer = new ResizeObserver(([entry]) => this.#resize(Math.round(entry.contentRect.width)));
    observer.observe(this.node);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  /** Shows a history document. */
  draw(history) {
    this.#history = history;
    this.#paint();
    this.#drawTable();
  }

  #resize(width) {
    if (width === this.#width) return;
    this.#width = width;
    this.#paint();
  }

  #values(one) {
    return (this.#history[one.column] ?? []).map((value) => (value === null ? null : value * (one.scale ?? 1)));
  }

  #paint() {
    if (!this.#history || !this.#width) return;
    const { at, now, step_s: step } = this.#history;
    const end = Date.parse(now);
    const span = MINUTES[0] * 60000;
    const times = at.map((time) => Date.parse(time));
    const lines = this.#series.map((one) => this.#values(one));
    const top = niceTop(Math.max(0, ...lines.flat().filter((value) => value !== null)));
    const right = this.#width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    const x = (time) => right - ((end - time) / span) * (right - MARGIN.left);
    const y = (value) => bottom - (Math.min(value, top) / top) * (bottom - MARGIN.top);
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${HEIGHT}`);
    clear(this.#svg).append(
      svg("title", { id: `chart-${this.#id}-title`, text: this.#title }),
      svg("desc", { id: `chart-${this.#id}-desc`, text: this.#describe(lines) }),
      ...this.#grid(top, x, y, end, right, bottom),
      ...lines.map((values, index) => svg("path", { class: `chart-line chart-line-${index + 1}`, d: path(times, values, x, y, step) })),
    );
    this.#mark = svg("line", { class: "chart-mark", y1: MARGIN.top, y2: bottom, visibility: "hidden" });
    this.#svg.append(this.#mark);
    this.#x = x;
    this.#leave();
  }

  #x = null;

  #grid(top, x, y, end, right, bottom) {
    const marks = [];
    for (let tick = 0; tick <= TICKS; tick += 1) {
      const value = (top / TICKS) * tick;
      marks.push(svg("line", { class: "chart-grid", x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }));
      if (tick % 2 === 0) marks.push(svg("text", { class: "chart-tick", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end", text: number(value, top < 1 ? 4 : 2) }));
    }
    for (const minutes of MINUTES) {
      const time = end - minutes * 60000;
      const anchor = minutes === 0 ? "end" : minutes === MINUTES[0] ? "start" : "middle";
      marks.push(svg("text", { class: "chart-tick", x: x(time), y: bottom + 16, "text-anchor": anchor, text: clock(time) }));
    }
    return marks;
  }

  #describe(lines) {
    const parts = this.#series.map((one, index) => {
      const known = lines[index].filter((value) => value !== null);
      if (!known.length) return t("chart.nothing", { name: one.name });
      const [last, low, high] = [known.at(-1), Math.min(...known), Math.max(...known)].map((value) => this.#write(value));
      return t("chart.description", { name: one.name, last, low, high });
    });
    return parts.join(" ");
  }

  #write(value) {
    return value === null || value === undefined ? "–" : `${number(value, this.#digits)} ${this.#unit}`;
  }

  #line(index) {
    const values = this.#series.map((one) => `${one.name} ${this.#write(this.#values(one)[index])}`);
    return `${clock(this.#history.at[index])} · ${values.join(" · ")}`;
  }

  #point(event) {
    if (!this.#x || !this.#history.at.length) return;
    const place = ((event.clientX - this.#svg.getBoundingClientRect().left) / this.#svg.clientWidth) * this.#width;
    const distances = this.#history.at.map((time) => Math.abs(this.#x(Date.parse(time)) - place));
    const index = distances.indexOf(Math.min(...distances));
    const at = this.#x(Date.parse(this.#history.at[index]));
    for (const name of ["x1", "x2"]) this.#mark.setAttribute(name, at);
    this.#mark.setAttribute("visibility", "visible");
    setText(this.#readout, this.#line(index));
  }

  #leave() {
    this.#mark?.setAttribute("visibility", "hidden");
    setText(this.#readout, this.#history?.at.length ? this.#line(this.#history.at.length - 1) : t("chart.empty"));
  }

  #drawTable() {
    if (!this.#details.open || !this.#history) return;
    const { at, step_s: step } = this.#history;
    const every = Math.max(1, Math.round(TABLE_STEP_S / step));
    const rows = at.map((_, index) => index).reverse().filter((_, index) => index % every === 0);
    clear(this.#table).append(
      el("thead", {}, el("tr", {}, el("th", { scope: "col", text: t("chart.time") }),
        ...this.#series.map((one) => el("th", { scope: "col", class: "number", text: one.name })))),
      el("tbody", {}, ...rows.map((index) => el("tr", {}, el("th", { scope: "row", text: clock(at[index]) }),
        ...this.#series.map((one) => el("td", { class: "number", text: this.#write(this.#values(one)[index]) }))))),
    );
  }
}

/** Returns a path through the values; it is broken where one is missing, or where a time was left out. */
function path(times, values, x, y, step) {
  let d = "";
  let before = null;
  values.forEach((value, index) => {
    if (value === null) {
      before = null;
      return;
    }
    const joined = before !== null && times[index] - before < step * 2500;
    const point = `${x(times[index]).toFixed(1)} ${y(value).toFixed(1)}`;
    d += joined ? `L${point}` : `M${point}h.01`;
    before = times[index];
  });
  return d;
}

function niceTop(value) {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return size * [1, 2, 4, 5, 8, 10].find((step) => step * size >= value);
}

function swatch(index) {
  return svg("svg", { class: "chart-swatch", viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" },
    svg("path", { class: `chart-line chart-line-${index + 1}`, d: "M0 4H22" }));
}
