/** The last half hour: delay and rates as charts. */

import { Chart } from "../chart.js";
import { el } from "../dom.js";
import { register, t } from "../i18n.js";
import texts from "../../text/history.js";

register(texts);

export class HistoryPanel {
  #charts;

  constructor(signal) {
    const of = (name, unit, digits, series) =>
      new Chart({ title: t(`history.${name}`), unit, digits, series: series.map(([column, scale]) => ({ name: t(`history.${column}`), column, scale })) }, signal);
    this.#charts = [
      of("delay", "ms", 0, [["delay_p50_s", 1000], ["delay_p99_s", 1000]]),
      of("fps", "fps", 1, [["fps_in", 1], ["fps_out", 1]]),
      of("kbps", "kbit/s", 0, [["kbps_in", 1], ["kbps_out", 1]]),
    ];
    this.node = el("section", { class: "panel history-panel", "aria-labelledby": "history-title" },
      el("h2", { id: "history-title", text: t("history.title") }),
      el("div", { class: "history-charts" }, ...this.#charts.map((chart) => chart.node)));
  }

  /** Shows a history document. */
  draw(history) {
    for (const chart of this.#charts) chart.draw(history);
  }
}
