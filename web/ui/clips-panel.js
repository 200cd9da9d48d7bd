// @ts-check
/** Step "Clips": the reel's clips in their order, and what the selected one has beside its range and frame. */

import { attribute, byId, byTest, h, keyed, text } from "./dom.js";
import { length } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./language.js";

/** How long a range is that "slower from here" takes. */
const SLOW_US = 2_000_000;

export class ClipsPanel {
  #run;
  #player;
  #portraits;
  /** @type {import("../protocol.js").Clip | null} */
  #clip = null;
  #shown = "";

  /**
   * @param {(command: {type: string} & Record<string, any>) => Promise<any>} run
   * @param {import("../media/player.js").Player} player
   * @param {import("../media/portraits.js").Portraits} portraits
   */
  constructor(run, player, portraits) {
    this.#run = run;
    this.#portraits = portraits;
    this.#player = player;
    byTest("add-clip").addEventListener("click", () => run({ type: "add-clip", at_us: player.timeUs }));
    byTest("moment").addEventListener("click", () => {
      if (!player.video.paused) player.roam(); // whoever marks moments goes on watching
      run({ type: "mark-moment", at_us: Math.round(player.video.currentTime * 1e6) });
    });
    const title = /** @type {HTMLInputElement} */ (byTest("clip-title"));
    title.addEventListener("input", () => this.#set({ title: title.value, gesture: `title-${this.#shown}` }));
    const freeze = /** @type {HTMLSelectElement} */ (byTest("clip-freeze"));
    freeze.addEventListener("change", () => this.#set({ freeze_us: Number(freeze.value) }));
    const slow = /** @type {HTMLSelectElement} */ (byTest("clip-slow"));
    slow.addEventListener("change", () => this.#set({ slow: this.#slow(Number(slow.value)) }));
  }

  /** @param {Record<string, any>} change */
  #set(change) {
    if (this.#clip) this.#run({ type: "set-clip", slow: this.#clip.slow ?? null, ...change });
  }

  /** The range it has, or one from the playhead on. @param {number} factor */
  #slow(factor) {
    if (!this.#clip || factor === 1) return null;
    if (this.#clip.slow) return { ...this.#clip.slow, factor };
    const { in_us, out_us } = this.#clip;
    const now = this.#player.timeUs;
    const begin = now >= in_us && now < out_us - 100_000 ? now : in_us;
    return { in_us: begin, out_us: Math.min(begin + SLOW_US, out_us), factor };
  }

  /** @param {import("../protocol.js").AppState} state @param {import("../protocol.js").Clip | null} clip the selected one */
  draw(state, clip) {
    const clips = state.project?.clips ?? [];
    const selected = state.project?.selected ?? 0;
    this.#clip = clip;
    text(byId("clips-facts"), clips.length > 1 ? `${clips.length} · ${length(clips.reduce((sum, each) => sum + shownUs(each), 0))}` : "");
    for (const name of ["add-clip", "moment"]) /** @type {HTMLButtonElement} */ (byTest(name)).disabled = !clip;
    const rows = clips.map((each, index) => ({ each, index, last: clips.length - 1 }));
    keyed(byId("clips"), rows, row => row.each.id || "first", () => this.#row(), (element, row) => this.#fill(element, row, selected));
    byId("clips").hidden = clips.length < 2;
    this.#drawFields(clip, `${clip?.id ?? ""}#${selected}`);
  }

  /** @param {import("../protocol.js").Clip | null} clip @param {string} which */
  #drawFields(clip, which) {
    byId("clip-fields").hidden = !clip;
    if (!clip) return;
    const title = /** @type {HTMLInputElement} */ (byTest("clip-title"));
    if (which !== this.#shown || document.activeElement !== title) {
      if (title.value !== clip.title) title.value = clip.title ?? "";
    }
    if (which !== this.#shown && this.#shown) this.#player.seek(clip.in_us);
    this.#shown = which;
    /** @type {HTMLSelectElement} */ (byTest("clip-freeze")).value = String(clip.freeze_us ?? 0);
    /** @type {HTMLSelectElement} */ (byTest("clip-slow")).value = String(clip.slow?.factor ?? 1);
    text(byId("clip-slow-facts"), clip.slow ? t("clips.slower", { from: length(clip.slow.in_us), to: length(clip.slow.out_us) }) : "");
  }

  #row() {
    const index = (/** @type {Event} */ event) => Number(/** @type {HTMLElement} */ (event.currentTarget).closest("li")?.dataset.index);
    const act = (/** @type {string} */ name, /** @type {string} */ label, /** @type {(index: number) => object} */ command) =>
      h("button", { class: "icon-button small", type: "button", "data-act": name, "data-testid": `clip-${name}`, "data-t-label": label, "data-t-title": label, onclick: (/** @type {Event} */ event) => this.#run(/** @type {any} */ (command(index(event)))) }, icon(name));
    return h(
      "li",
      { class: "clip-row" },
      h("button", { class: "clip-pick", type: "button", "data-testid": "clip-pick", onclick: (/** @type {Event} */ event) => this.#run({ type: "select-clip", index: index(event) }) }, h("span", { class: "clip-number" }), h("canvas", { class: "clip-thumb", width: 64, height: 36, "aria-hidden": "true" }), h("span", { class: "clip-what" }), h("span", { class: "clip-length numeric" })),
      act("up", "clips.earlier", at => ({ type: "move-clip", index: at, to: at - 1 })),
      act("down", "clips.later", at => ({ type: "move-clip", index: at, to: at + 1 })),
      act("close", "clips.remove", at => ({ type: "remove-clip", index: at })),
    );
  }

  /** @param {HTMLElement} element @param {{each: import("../protocol.js").Clip, index: number, last: number}} row @param {number} selected */
  #fill(element, { each, index, last }, selected) {
    element.dataset.index = String(index);
    element.dataset.testid = `clip-${index + 1}`;
    attribute(element.querySelector(".clip-pick") ?? element, "aria-pressed", index === selected);
    text(element.querySelector(".clip-number") ?? element, String(index + 1));
    text(element.querySelector(".clip-what") ?? element, each.title || `${length(each.in_us)} – ${length(each.out_us)}`);
    text(element.querySelector(".clip-length") ?? element, length(shownUs(each)));
    const { size } = each.media;
    const when = Math.round(each.in_us + (2 / 3) * (each.out_us - each.in_us));
    this.#portraits.draw(/** @type {HTMLCanvasElement} */ (element.querySelector("canvas")), when, { x: 0, y: 0, ...size });
    /** @type {HTMLButtonElement} */ (element.querySelector('[data-act="up"]')).disabled = index === 0;
    /** @type {HTMLButtonElement} */ (element.querySelector('[data-act="down"]')).disabled = index === last;
  }
}

/** How long the clip lasts in the reel, in microseconds. @param {import("../protocol.js").Clip} clip */
function shownUs(clip) {
  const slow = clip.slow ? Math.max(Math.min(clip.slow.out_us, clip.out_us) - Math.max(clip.slow.in_us, clip.in_us), 0) * (clip.slow.factor - 1) : 0;
  return clip.out_us - clip.in_us + (clip.freeze_us ?? 0) + slow;
}
