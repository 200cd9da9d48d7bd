// @ts-check
/** The little that this page needs to write DOM by hand without repeating itself. */

import { icon } from "./icons.js";
import { keysNamed, say } from "./language.js";

/**
 * The element with this id. Throws where index.html lacks it, naming it.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element with the id "${id}"`);
  return /** @type {T} */ (element);
}

/**
 * The element with this data-testid, within `root`.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} name
 * @param {ParentNode} [root]
 * @returns {T}
 */
export function byTest(name, root = document) {
  const element = root.querySelector(`[data-testid="${name}"]`);
  if (!element) throw new Error(`there is no element with the data-testid "${name}"`);
  return /** @type {T} */ (element);
}

/**
 * Creates an element: h("button", {class: "x", onclick: fn, "aria-label": "Close"}, icon("close"), "text").
 * Keys that start with "on" are listeners, data-t... name texts of strings.js; false, null and undefined leave an attribute or child out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | number | false | null | undefined)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  say(element);
  for (const child of children) {
    if (child !== false && child !== null && child !== undefined) element.append(typeof child === "number" ? String(child) : child);
  }
  return element;
}

/** Sets text only where it differs, so that screen readers and selections are left in peace. @param {Element} element @param {string} value */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/** @param {Element} element @param {string} name @param {string | number | boolean | null} value null takes it away */
export function attribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** Sets the icon and both names of a button. @param {HTMLElement} button @param {string} name @param {string} label @param {string} [key] as keysNamed takes it */
export function face(button, name, label, key = "") {
  if (button.dataset.face !== name) {
    button.dataset.face = name;
    button.replaceChildren(icon(name));
  }
  attribute(button, "aria-label", label);
  attribute(button, "title", key ? `${label} (${keysNamed(key)})` : label);
}

/**
 * Makes `parent`'s children match `items`, reusing the element of each key, so that focus and listeners survive.
 * @template T
 * @param {HTMLElement} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} create
 * @param {(element: HTMLElement, item: T) => void} update
 */
export function keyed(parent, items, key, create, update) {
  const old = new Map([...parent.children].map(child => [/** @type {HTMLElement} */ (child).dataset.key, /** @type {HTMLElement} */ (child)]));
  items.forEach((item, index) => {
    const name = key(item);
    let element = old.get(name);
    old.delete(name);
    if (!element) {
      element = create(item);
      element.dataset.key = name;
    }
    update(element, item);
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
  for (const element of old.values()) element.remove();
}

/**
 * Options of a <select>, replaced only when they differ; then the value.
 * @param {HTMLSelectElement} select
 * @param {{value: string, label: string}[]} options
 * @param {string} value
 */
export function choices(select, options, value) {
  const signature = JSON.stringify(options);
  if (select.dataset.options !== signature) {
    select.dataset.options = signature;
    select.replaceChildren(...options.map(option => h("option", { value: option.value }, option.label)));
  }
  if (select.value !== value) select.value = value;
}

/** Fills every <i data-icon="name"> of index.html. */
export function fillIcons() {
  for (const place of document.querySelectorAll("i[data-icon]")) {
    place.replaceWith(icon(/** @type {HTMLElement} */ (place).dataset.icon ?? ""));
  }
}
