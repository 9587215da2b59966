/** The login: a token goes to the gateway once, and a cookie that no script can read stands for it from then on. */

import { ApiError, login, session } from "../api.js";
import { announce, clear, el } from "../dom.js";
import { register, t } from "../i18n.js";
import { navigate } from "../router.js";
import texts from "../../text/login.js";

register(texts);

const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Draws the page; `parameters.back` is the path of the page that asked for the login. */
export async function render(main, parameters, signal) {
  const back = pathOf(parameters.back);
  if (session()) return navigate(back, { replace: true });

  const error = el("p", { id: "login-error", class: "field-error", "data-testid": "field-error", role: "alert" });
  const field = el("input", {
    id: "login-token", type: "password", name: "token", required: true, autocomplete: "current-password", spellcheck: "false",
    autocapitalize: "none", maxlength: 4096, "aria-describedby": "login-hint login-error", "data-testid": "login-token",
  });
  const button = el("button", { type: "submit", class: "primary", text: t("login.submit"), "data-testid": "login-submit" });
  const form = el("form", { class: "panel login-form", method: "post", novalidate: true },
    // a password manager keeps the token under the gateway's name
    el("input", { type: "text", name: "username", autocomplete: "username", value: location.host, readonly: true, hidden: true }),
    el("div", { class: "field" },
      el("label", { for: "login-token", text: t("login.token") }),
      field,
      el("p", { id: "login-hint", class: "field-hint", text: t("login.hint") }),
      error,
    ),
    button,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    const token = field.value.trim();
    if (!token) return refuse(t("login.empty"));
    busy(true);
    try {
      await login(token);
    } catch (problem) {
      busy(false);
      if (!signal.aborted) refuse(words(problem));
      return;
    }
    field.value = "";
    if (!signal.aborted) navigate(back, { replace: true });
  }, { signal });

  function busy(is) {
    button.disabled = is;
    button.textContent = t(is ? "login.busy" : "login.submit");
    if (is) {
      clear(error);
      field.removeAttribute("aria-invalid");
      announce(t("login.busy"));
    }
  }

  function refuse(text) {
    error.textContent = text;
    field.setAttribute("aria-invalid", "true");
    field.focus();
    field.select();
  }

  main.append(
    el("h1", { text: t("page.login") }),
    ...(location.protocol === "https:" || LOCAL.test(location.hostname) ? [] : [warning()]),
    form,
    el("p", { class: "soft login-more", text: t("login.more") }),
  );
  field.focus();
}

function warning() {
  return el("div", { class: "notice notice-warn login-notice" }, el("p", { text: t("login.clear") }));
}

/** Returns a path of this page; whatever else stands in a link leads to the wall. */
function pathOf(back) {
  return typeof back === "string" && back.startsWith("/") && !back.startsWith("/login") ? back : "/";
}

function words(problem) {
  if (!(problem instanceof ApiError)) return t("login.failed");
  if (problem.status === 401) return t("login.wrong");
  if (problem.status === 429) return t("login.wait");
  if (problem.status === 0) return t("login.failed");
  return t("login.refused", { reason: problem.detail || problem.title });
}
