// @ts-check
/** The choice of the page's language. */

import { byTest, choices } from "./dom.js";
import { language, LANGUAGES, setLanguage, translate } from "./language.js";

/** @param {() => void} changed draws again what is drawn from the state */
export function wireLanguage(changed) {
  const choice = /** @type {HTMLSelectElement} */ (byTest("language"));
  choices(choice, Object.entries(LANGUAGES).map(([value, label]) => ({ value, label })), language());
  translate(document);
  choice.addEventListener("change", () => {
    setLanguage(/** @type {import("./language.js").Language} */ (choice.value));
    changed();
  });
}
