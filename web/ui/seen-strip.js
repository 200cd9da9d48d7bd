// @ts-check
/** Under the timeline: where the chosen player is seen, weakly seen, guessed or lost. */

import { attribute, byTest } from "./dom.js";
import { clock } from "./format.js";
import { language, t } from "./language.js";

const CLASSES = { 0: "seen", 1: "weak", 2: "guessed", "-1": "lost" };

/** @param {import("../protocol.js").AppState} state */
export function drawSeen(state) {
  const strip = byTest("seen-strip");
  const clip = state.project?.clips[state.project.selected ?? 0];
  const player = state.analysis.players.find(each => each.id === clip?.track_id);
  strip.hidden = !player || !clip;
  if (!player || !clip) return;
  const key = JSON.stringify([language(), player.spans]);
  if (strip.dataset.key === key) return;
  strip.dataset.key = key;
  const whole = clip.media.duration_us;
  strip.replaceChildren(
    ...player.spans.map(({ from_us, to_us, sight }) => {
      const part = document.createElement("span");
      part.className = CLASSES[sight];
      part.style.left = `${(100 * from_us) / whole}%`;
      part.style.width = `${(100 * (to_us - from_us)) / whole}%`;
      part.title = t("sight.span", { sight: t(`sight.${CLASSES[sight]}`), from: clock(from_us), to: clock(to_us) });
      return part;
    }),
  );
  const lost = player.spans.filter(each => each.sight === -1).length;
  attribute(strip, "aria-label", t(lost === 1 ? "sight.once" : "sight.times", { id: player.id, percent: Math.round(player.seen * 100), count: lost }));
}

/** The next stretch after a moment in which the chosen player is lost, for the keyboard; null where there is none. @param {import("../protocol.js").AppState} state @param {number} timeUs */
export function nextLost(state, timeUs) {
  const id = state.project?.clips[state.project.selected ?? 0]?.track_id;
  const spans = state.analysis.players.find(each => each.id === id)?.spans ?? [];
  const lost = spans.filter(each => each.sight === -1);
  const next = lost.find(each => each.from_us > timeUs + 1) ?? lost[0];
  return next ? next.from_us : null;
}
