// @ts-check
/** Keyframes on the timeline: a click goes there, Delete takes one away; and the button that pins the crop at the playhead. */

import { attribute, byId, byTest, h, keyed } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./language.js";

/** @typedef {import("../protocol.js").Clip} Clip @typedef {import("../protocol.js").Keyframe} Keyframe */

const HERE_US = 20_000; // a keyframe this near is the one under the playhead

export class Keyframes {
  #marks = byId("keyframes");
  #pin = /** @type {HTMLButtonElement} */ (byTest("keyframe"));
  /** @type {Clip | null} */
  #clip = null;

  /**
   * @param {import("../media/player.js").Player} player
   * @param {import("../media/tracks.js").Tracks} tracks
   * @param {(command: {type: string} & Record<string, any>) => Promise<any>} run
   */
  constructor(player, tracks, run) {
    this.player = player;
    this.tracks = tracks;
    this.run = run;
    this.#pin.addEventListener("click", () => this.toggle());
    player.onFrame(() => this.#drawPin());
    player.video.addEventListener("seeked", () => this.#drawPin());
  }

  get #now() {
    return this.player.timeUs;
  }

  /** The keyframe at the playhead. */
  get #here() {
    return this.#clip?.keyframes.find(each => Math.abs(each.time_us - this.#now) <= HERE_US);
  }

  /** Pins the crop at the playhead, or takes that keyframe away. */
  toggle() {
    if (!this.#clip) return;
    if (this.#here) this.run({ type: "remove-keyframe", time_us: this.#here.time_us });
    else this.run({ type: "set-keyframe", time_us: this.#now, crop: this.tracks.cropAt(this.#now) ?? this.#clip.crop });
  }

  /** To the next keyframe (1) or the one before (-1). @param {1 | -1} direction */
  jump(direction) {
    const times = this.#clip?.keyframes.map(each => each.time_us) ?? [];
    const there = direction > 0 ? times.find(time => time > this.#now + HERE_US) : times.findLast(time => time < this.#now - HERE_US);
    if (there !== undefined) this.#go(there);
  }

  /** @param {number} timeUs */
  #go(timeUs) {
    this.player.video.pause();
    this.player.seek(timeUs);
  }

  /** @param {Clip | null} clip */
  draw(clip) {
    this.#clip = clip;
    const whole = clip?.media.duration_us || 1;
    keyed(
      this.#marks,
      clip?.keyframes ?? [],
      each => String(each.time_us),
      each => this.#mark(each),
      (element, each) => element.style.setProperty("left", `${(each.time_us / whole) * 100}%`),
    );
    this.#drawPin();
  }

  /** @param {Keyframe} keyframe */
  #mark({ time_us }) {
    const name = t("keyframe.at", { time: clock(time_us) });
    const mark = h("button", { class: "keyframe", type: "button", "data-testid": "keyframe-mark", "aria-label": name, title: t("keyframe.about", { time: clock(time_us) }) });
    mark.addEventListener("click", () => this.#go(time_us));
    mark.addEventListener("keydown", event => {
      if (event.key !== "Delete" && event.key !== "Backspace") return;
      event.preventDefault();
      event.stopPropagation();
      this.run({ type: "remove-keyframe", time_us });
    });
    return mark;
  }

  #drawPin() {
    const here = !!this.#here;
    this.#pin.disabled = !this.#clip;
    attribute(this.#pin, "aria-pressed", here);
    const name = here ? t("keyframe.remove") : t("keyframe.here");
    attribute(this.#pin, "aria-label", name);
    attribute(this.#pin, "title", `${name} (K)`);
  }
}
