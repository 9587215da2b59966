import { el } from "../dom.js";
import { t } from "../i18n.js";

/** Draws the page. */
export async function render(main, parameters, signal) {
  main.append(el("h1", { text: t("page.stream", parameters) }), el("p", { text: "…" }));
}
