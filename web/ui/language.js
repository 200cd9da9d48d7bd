// @ts-check
/** The page's language: the browser's, or the one that was chosen. */

import { SAID, STRINGS } from "../strings.js";
import { remember, remembered } from "./remembered.js";

/** As their speakers call them, in the order of the columns of strings.js. */
export const LANGUAGES = { en: "English", de: "Deutsch" };

/** @typedef {keyof typeof LANGUAGES} Language */

const CODES = /** @type {Language[]} */ (Object.keys(LANGUAGES));
const ATTRIBUTES = { label: "aria-label", title: "title", placeholder: "placeholder", role: "aria-roledescription" };

let column = CODES.indexOf(wanted());
document.documentElement.lang = language();

/** @returns {Language} */
export function language() {
  return CODES[column];
}

/** Changes the texts that stand still; whatever is drawn from the state is to be drawn again. @param {Language} code */
export function setLanguage(code) {
  column = CODES.indexOf(code);
  document.documentElement.lang = code;
  remember("language", code);
  translate(document);
}

/** The chosen one, else the browser's first that there is, else English. @returns {Language} */
function wanted() {
  const asked = [remembered("language"), ...navigator.languages].map(each => each.slice(0, 2));
  return CODES.find(code => code === asked.find(each => CODES.includes(/** @type {Language} */ (each)))) ?? "en";
}

/** The text of that name, filled in. Throws where there is none. @param {string} name @param {Record<string, string | number>} [values] */
export function t(name, values = {}) {
  const texts = STRINGS[name];
  if (!texts) throw new Error(`strings.js has no text "${name}"`);
  return texts[column].replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));
}

/** The texts that elements name: data-t for what they say, data-t-label, -title, -placeholder and -role; data-keys is put behind the title. @param {ParentNode} root */
export function translate(root) {
  const names = ["t", ...Object.keys(ATTRIBUTES).map(each => `t-${each}`)];
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(names.map(each => `[data-${each}]`).join()))) say(element);
}

/** @param {HTMLElement} element */
export function say(element) {
  const { t: said, keys } = element.dataset;
  if (said) element.textContent = t(said);
  for (const [short, attribute] of Object.entries(ATTRIBUTES)) {
    const name = element.getAttribute(`data-t-${short}`);
    if (name) element.setAttribute(attribute, short === "title" && keys ? `${t(name)} (${keysNamed(keys)})` : t(name));
  }
}

/** Keys as this language's keyboards have them. @param {string} keys "Ctrl Shift Z" */
export function keysNamed(keys) {
  return keys.split(" ").map(key => (STRINGS[`key.${key.toLowerCase()}`] ? t(`key.${key.toLowerCase()}`) : key)).join(" ");
}

/** Sentences with something filled in, as patterns. */
const PATTERNS = Object.entries(SAID)
  .filter(([english]) => /\{\d\}/.test(english))
  .map(([english, german]) => ({ pattern: new RegExp(`^${english.split(/\{\d\}/).map(part => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("(.*)")}$`, "s"), german }));

/** What Python or the server says, in the page's language as far as it is known. @param {string} english */
export function said(english) {
  if (language() === "en" || !english) return english;
  const whole = SAID[english];
  if (whole) return whole;
  for (const { pattern, german } of PATTERNS) {
    const found = pattern.exec(english);
    if (found) return german.replace(/\{(\d)\}/g, (_, number) => found[Number(number) + 1]);
  }
  return english;
}
