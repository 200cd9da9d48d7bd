// @ts-check
/** The list of keys that "?" opens. */

import { byTest, h } from "./dom.js";
import { icon } from "./icons.js";
import { keysNamed } from "./language.js";

/** Groups by the names of their texts: keys, and what they do. @type {[string, [string[], string][]][]} */
const KEYS = [
  ["keys.playback", [
    [["Space"], "keys.play"],
    [["←", "→"], "keys.second"],
    [["Shift", "←", "→"], "keys.five"],
    [[",", "."], "keys.frame"],
    [["Home", "End"], "keys.ends"],
    [["V"], "mute"],
  ]],
  ["keys.crop", [
    [["←", "↑", "→", "↓"], "keys.move"],
    [["+", "−"], "keys.resize"],
    [["Alt", "←", "↑", "→", "↓"], "keys.reshape"],
  ]],
  ["keys.clip", [
    [["I", "O"], "keys.trim"],
    [["M"], "moment"],
    [["K"], "keys.keyframe"],
    [["[", "]"], "keys.jump"],
    [["Ctrl", "Z"], "undo"],
    [["Ctrl", "Shift", "Z"], "redo"],
  ]],
  ["players", [
    [["B"], "keys.boxes"],
    [["L"], "keys.lost"],
    [["Alt", "Click"], "keys.relink"],
  ]],
  ["keys.page", [
    [["F"], "keys.full"],
    [["?"], "keys.list"],
    [["Esc"], "keys.back"],
  ]],
];

export function wireHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (byTest("help-overlay"));
  fill(dialog);
  dialog.addEventListener("click", event => event.target === dialog && dialog.close());
  byTest("help").addEventListener("click", () => {
    fill(dialog);
    dialog.showModal();
  });
}

/** @param {HTMLDialogElement} dialog */
function fill(dialog) {
  const close = () => dialog.close();
  const rows = (/** @type {[string[], string][]} */ keys) =>
    keys.flatMap(([names, does]) => [h("dt", {}, ...names.map(name => h("kbd", {}, keysNamed(name)))), h("dd", { "data-t": does })]);
  dialog.replaceChildren(
    h("header", {}, h("h2", { "data-t": "keys.title" }), h("button", { class: "icon-button small", type: "button", "data-testid": "help-close", "data-t-label": "close", onclick: close }, icon("close"))),
    h("div", { class: "help-groups" }, ...KEYS.map(([group, keys]) => h("section", {}, h("h3", { "data-t": group }), h("dl", {}, ...rows(keys))))),
  );
}
