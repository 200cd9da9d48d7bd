// @ts-check
/** What each key does; help.js shows them. */

import { byTest } from "./dom.js";
import { fullView, setFull, toggleFull } from "./full.js";
import { plain, withControl } from "./keyboard.js";

/**
 * @param {object} parts
 * @param {import("../media/player.js").Player} parts.player
 * @param {import("./transport.js").Transport} parts.transport
 * @param {import("./keyframes.js").Keyframes} parts.keyframes
 * @param {(command: {type: string}) => Promise<any>} parts.run
 * @param {(action: Promise<void>) => void} parts.guard
 * @param {() => void} parts.toggleBoxes
 * @param {() => number | null} parts.nextLost
 * @returns {import("./keyboard.js").Shortcut[]}
 */
export function shortcuts({ player, transport, keyframes, run, guard, toggleBoxes, nextLost }) {
  const { video } = player;
  const seconds = (/** @type {KeyboardEvent} */ event) => (event.shiftKey ? 5 : 1);
  const whenOpen = [
    { match: plain(" "), run: (/** @type {KeyboardEvent} */ event) => event.repeat || guard(player.toggle()) },
    { match: plain("ArrowLeft"), run: (/** @type {KeyboardEvent} */ event) => player.skip(-seconds(event)) },
    { match: plain("ArrowRight"), run: (/** @type {KeyboardEvent} */ event) => player.skip(seconds(event)) },
    { match: plain(","), run: () => guard(player.step(-1)) },
    { match: plain("."), run: () => guard(player.step(1)) },
    { match: plain("Home"), run: () => player.seek(transport.startUs) },
    { match: plain("End"), run: () => player.seek(transport.endUs) },
    { match: plain("v"), run: () => (video.muted = !video.muted) },
    { match: plain("m"), run: (/** @type {KeyboardEvent} */ event) => event.repeat || byTest("moment").click() },
    { match: plain("i"), run: () => transport.trimHere("in") },
    { match: plain("o"), run: () => transport.trimHere("out") },
    { match: plain("k"), run: () => keyframes.toggle() },
    { match: plain("["), run: () => keyframes.jump(-1) },
    { match: plain("]"), run: () => keyframes.jump(1) },
    { match: plain("f"), run: toggleFull },
    { match: plain("b"), run: toggleBoxes },
    {
      match: plain("l"),
      run: () => {
        const lost = nextLost();
        if (lost !== null) player.seek(lost);
      },
    },
    { match: withControl("z", false), run: () => run({ type: "undo" }) },
    { match: withControl("z", true), run: () => run({ type: "redo" }) },
  ].map(({ match, run: act }) => ({
    match: (/** @type {KeyboardEvent} */ event) => document.body.dataset.view === "work" && match(event),
    run: act,
  }));
  return [
    ...whenOpen,
    { match: event => event.key === "?" && !event.ctrlKey && !event.metaKey, run: () => byTest("help").click() },
    { match: plain("Escape"), run: leave },
  ];
}

function leave() {
  if (fullView()) setFull(null);
  else if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}
