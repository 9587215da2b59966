/** The box that shows the values of a conflict, the user's and the gateway's, and lets one choose. */

import { announce, clear, el } from "./dom.js";
import { t } from "./i18n.js";

/**
 * Makes the box; it is hidden while there is nothing to choose.
 * @param {(key: string, whose: "mine"|"theirs") => void} choose
 */
export function conflictBox(choose) {
  const rows = el("tbody", {});
  const more = el("p", { hidden: true });
  const node = el("div", { class: "notice notice-warn conflict", role: "group", "aria-labelledby": "conflict-title", tabindex: "-1", "data-testid": "conflict", hidden: true },
    el("h3", { id: "conflict-title", text: t("controls.conflict") }),
    el("p", { text: t("controls.conflict.words") }),
    el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, ...["key", "mine", "theirs", "choice"].map((name) => el("th", { scope: "col", text: t(`controls.conflict.${name}`) })))),
      rows)),
    more);
  let shown = "";

  function row(key, label, mine, theirs) {
    const button = (whose, name, value) => el("button", {
      type: "button", "data-testid": `conflict-${name}`, "aria-label": t(`controls.conflict.${name}.label`, { key: label, value }),
      text: t(`controls.conflict.${name}`), on: { click: () => choose(key, whose) },
    });
    return el("tr", {},
      el("th", { scope: "row", text: label }),
      el("td", { "data-testid": "conflict-mine", text: mine }),
      el("td", { "data-testid": "conflict-theirs", text: theirs }),
      el("td", {}, el("div", { class: "row" }, button("mine", "keep", mine), button("theirs", "take", theirs))));
  }

  return {
    node,
    /** Shows the conflicts by key; `label` names a key, `words` puts a value of it into words. */
    show(conflicts, label, words) {
      const texts = [...conflicts].map(([key, { mine, theirs }]) => [key, label(key), words(key, mine), words(key, theirs)]);
      const now = JSON.stringify(texts);
      if (now === shown) return;
      shown = now;
      clear(rows).append(...texts.map((one) => row(...one)));
      if (texts.length) announce(t("controls.conflict"));
      node.hidden = texts.length === 0;
      more.hidden = true;
    },
    focus(text) {
      if (text) {
        more.textContent = text;
        more.hidden = false;
      }
      node.focus();
      node.scrollIntoView({ block: "nearest" });
    },
  };
}
