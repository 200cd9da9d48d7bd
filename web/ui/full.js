// @ts-check
/** Either view can fill the window; the transport stays. */

import { attribute, byId, byTest, face } from "./dom.js";
import { t } from "./language.js";

/** @typedef {"field" | "reel"} View */

/** The view that fills the window, or null. @returns {View | null} */
export function fullView() {
  return /** @type {View | undefined} */ (document.body.dataset.full) ?? null;
}

/** @param {View | null} view */
export function setFull(view) {
  if (view) document.body.dataset.full = view;
  else delete document.body.dataset.full;
  drawFull();
}

export function drawFull() {
  const view = fullView();
  for (const name of /** @type {View[]} */ (["field", "reel"])) {
    const button = byTest(`${name}-full`);
    face(button, view === name ? "shrink" : "expand", view === name ? t("fills.back") : t("fills", { view: t(name) }), "F");
    attribute(button, "aria-pressed", view === name);
  }
}

/** The view that a key means: the one under the pointer or with the focus, else Reel. */
export function toggleFull() {
  if (fullView()) return setFull(null);
  const field = byId("field");
  setFull(field.matches(":hover") || field.contains(document.activeElement) ? "field" : "reel");
}

export function wireFull() {
  for (const name of /** @type {View[]} */ (["field", "reel"])) {
    byTest(`${name}-full`).addEventListener("click", () => setFull(fullView() === name ? null : name));
  }
  drawFull();
}
