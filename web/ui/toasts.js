// @ts-check
/** Short messages in a corner. Problems stay until they are closed or their time is up; a repeated one is shown once. */

import { byId, h } from "./dom.js";
import { icon } from "./icons.js";
import { said } from "./language.js";

const SHOWN_MS = 15_000;
const MOST = 4;

/** @param {import("../protocol.js").Problem} problem */
export function tell(problem) {
  const place = byId("toasts");
  const key = JSON.stringify(problem);
  for (const old of /** @type {HTMLElement[]} */ ([...place.children])) if (old.dataset.key === key) old.remove();
  const close = () => toast.remove();
  const toast = h(
    "div",
    { class: "toast", "data-testid": "toast", "data-key": key, "data-code": problem.code },
    icon("alert"),
    h("div", { class: "toast-text" }, h("b", {}, said(problem.title)), problem.detail && h("p", {}, said(problem.detail)), problem.hint && h("p", { class: "hint" }, said(problem.hint))),
    h("button", { class: "icon-button small", type: "button", "data-testid": "toast-close", "data-t-label": "message.close", onclick: close }, icon("close")),
  );
  place.append(toast);
  while (place.children.length > MOST) place.firstElementChild?.remove();
  let timer = setTimeout(close, SHOWN_MS);
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", () => (timer = setTimeout(close, SHOWN_MS / 3)));
}

/** Takes all messages away: what they were about is over. */
export function hush() {
  byId("toasts").replaceChildren();
}
