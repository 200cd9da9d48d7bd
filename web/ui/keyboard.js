// @ts-check
/** Keys of the whole page. A key is left alone where the focused control needs it. */

/** @typedef {{match: (event: KeyboardEvent) => boolean, run: (event: KeyboardEvent) => any}} Shortcut */

/** @param {Shortcut[]} shortcuts */
export function listenToKeys(shortcuts) {
  let pointed = false;
  addEventListener("pointerdown", () => (pointed = true), true);
  addEventListener("keydown", event => event.key === "Tab" && (pointed = false), true);
  addEventListener("keydown", event => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    if (needs(event, document.activeElement, pointed)) return;
    const shortcut = shortcuts.find(each => each.match(event));
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run(event);
  });
}

/** Whether the focused element has a use of its own for this key. @param {KeyboardEvent} event @param {Element | null} focused @param {boolean} pointed focus came by pointer */
function needs(event, focused, pointed) {
  if (!(focused instanceof HTMLElement)) return false;
  if (focused.isContentEditable || focused instanceof HTMLTextAreaElement) return true;
  if (focused instanceof HTMLSelectElement) return !event.ctrlKey && !event.metaKey && (!pointed || event.key !== " ");
  if (focused instanceof HTMLInputElement) {
    if (focused.type !== "range") return true;
    const moves = event.key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(event.key);
    return moves && focused.dataset.testid !== "seek";
  }
  if (focused instanceof HTMLButtonElement) return (event.key === " " || event.key === "Enter") && !pointed;
  return false;
}

/** A key without Ctrl, Alt or Cmd. @param {...string} keys */
export function plain(...keys) {
  return (/** @type {KeyboardEvent} */ event) => keys.includes(event.key.length === 1 ? event.key.toLowerCase() : event.key) && !event.ctrlKey && !event.metaKey && !event.altKey;
}

/** A letter with Ctrl or Cmd. @param {string} letter @param {boolean} shift */
export function withControl(letter, shift) {
  return (/** @type {KeyboardEvent} */ event) => event.key.toLowerCase() === letter && (event.ctrlKey || event.metaKey) && event.shiftKey === shift && !event.altKey;
}
