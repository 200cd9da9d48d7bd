// @ts-check
/** Light or dark: as the system has it, or as somebody chose. */

import { byTest } from "./dom.js";
import { remember, remembered } from "./remembered.js";

export function wireTheme() {
  const choice = /** @type {HTMLSelectElement} */ (byTest("theme"));
  const kept = remembered("theme");
  choice.value = kept === "light" || kept === "dark" ? kept : "system";
  show(choice.value);
  choice.addEventListener("change", () => {
    remember("theme", choice.value === "system" ? "" : choice.value);
    show(choice.value);
  });
}

/** @param {string} theme "system", "light" or "dark" */
function show(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
