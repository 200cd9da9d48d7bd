// @ts-check
/** The list of keys that "?" opens. */

import { byTest, h } from "./dom.js";
import { icon } from "./icons.js";

/** @type {[string, [string[], string][]][]} */
const KEYS = [
  ["Playback", [
    [["Space"], "Play or pause"],
    [["←", "→"], "One second back or forward"],
    [["Shift", "←", "→"], "Five seconds"],
    [[",", "."], "One frame back or forward"],
    [["Home", "End"], "Start or end of the clip"],
    [["V"], "Mute"],
  ]],
  ["Crop frame, when it has the focus", [
    [["←", "↑", "→", "↓"], "Move; with Shift further"],
    [["+", "−"], "Larger or smaller"],
    [["Alt", "←", "↑", "→", "↓"], "Reshape a free frame"],
  ]],
  ["Clip", [
    [["I", "O"], "Start or end here"],
    [["M"], "Mark a moment: 8 s before to 4 s after become a clip"],
    [["K"], "Keyframe here, or take it away"],
    [["[", "]"], "Keyframe before or after"],
    [["Ctrl", "Z"], "Undo"],
    [["Ctrl", "Shift", "Z"], "Redo"],
  ]],
  ["Players", [
    [["B"], "Boxes on or off"],
    [["L"], "To where the player is lost next"],
    [["Alt", "Click"], "The player is this one from here on"],
  ]],
  ["Page", [
    [["F"], "A view fills the window"],
    [["?"], "This list"],
    [["Esc"], "Back"],
  ]],
];

export function fillHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (byTest("help-overlay"));
  const close = () => dialog.close();
  const rows = (/** @type {[string[], string][]} */ keys) =>
    keys.flatMap(([names, does]) => [h("dt", {}, ...names.map(name => h("kbd", {}, name))), h("dd", {}, does)]);
  dialog.append(
    h("header", {}, h("h2", {}, "Keyboard"), h("button", { class: "icon-button small", type: "button", "data-testid": "help-close", "aria-label": "Close", onclick: close }, icon("close"))),
    h("div", { class: "help-groups" }, ...KEYS.map(([group, keys]) => h("section", {}, h("h3", {}, group), h("dl", {}, ...rows(keys))))),
  );
  dialog.addEventListener("click", event => event.target === dialog && close());
  byTest("help").addEventListener("click", () => dialog.showModal());
}
