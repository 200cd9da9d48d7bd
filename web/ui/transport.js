// @ts-check
/** Playback controls and the timeline with its trim handles. The <video> is the truth of playback, the state that of the trim. */

import { latest, newGesture } from "../worker-client.js";
import { attribute, byId, byTest, face, text } from "./dom.js";
import { clock, length } from "./format.js";
import { t } from "./language.js";

/** @typedef {import("../protocol.js").Clip} Clip */

const TRIM_STEP_US = 100_000;

export class Transport {
  #timeline = byId("timeline");
  #seek = /** @type {HTMLInputElement} */ (byTest("seek"));
  #volume = /** @type {HTMLInputElement} */ (byTest("volume"));
  #trims = { in: byTest("trim-in"), out: byTest("trim-out") };
  /** @type {Clip | null} */
  #clip = null;

  /**
   * @param {import("../media/player.js").Player} player
   * @param {(command: {type: string} & Record<string, any>) => Promise<any>} run
   * @param {(action: Promise<void>) => void} guard tells a failed playback action
   */
  constructor(player, run, guard) {
    this.player = player;
    const { video } = player;
    this.#sendTrim = latest((/** @type {object} */ wish) => run({ type: "set-trim", ...wish }));
    byTest("play").addEventListener("click", () => guard(player.toggle()));
    byTest("step-back").addEventListener("click", () => guard(player.step(-1)));
    byTest("step-forward").addEventListener("click", () => guard(player.step(1)));
    byTest("loop").addEventListener("click", () => this.#toggleLoop());
    byTest("mute").addEventListener("click", () => (video.muted = !video.muted));
    const speed = /** @type {HTMLSelectElement} */ (byTest("speed"));
    speed.addEventListener("change", () => (video.playbackRate = video.defaultPlaybackRate = Number(speed.value)));
    this.#volume.addEventListener("input", () => {
      video.volume = this.#volume.valueAsNumber;
      video.muted = false;
    });
    this.#seek.addEventListener("input", () => player.seek(this.#seek.valueAsNumber * 1e6));
    for (const side of /** @type {const} */ (["in", "out"])) this.#wireTrim(side);
    for (const type of ["play", "pause", "ended", "volumechange", "durationchange", "seeking", "timeupdate"]) {
      video.addEventListener(type, () => this.drawPlayback());
    }
    player.onFrame(() => this.drawPlayback());
    this.drawPlayback();
  }

  /** @type {(wish: {in_us: number, out_us: number, gesture: string}) => void} */
  #sendTrim;

  /** Start or end of the clip here, at the playhead. @param {"in" | "out"} side */
  trimHere(side) {
    const here = Math.round(this.player.video.currentTime * 1e6);
    this.#ask(side, side === "out" ? here + Math.round(this.player.frameSeconds * 1e6) : here, newGesture());
  }

  /** Where the clip begins, or 0. */
  get startUs() {
    return this.#clip?.in_us ?? 0;
  }

  /** The last moment that is shown. */
  get endUs() {
    return (this.#clip?.out_us ?? this.player.durationUs) - this.player.frameSeconds * 5e5;
  }

  /** @param {Clip | null} clip */
  draw(clip) {
    this.#clip = clip;
    const whole = clip?.media.duration_us || this.player.durationUs || 1;
    const inUs = clip?.in_us ?? 0;
    const outUs = clip?.out_us ?? whole;
    this.player.setRange(inUs, clip ? outUs : Infinity);
    this.#timeline.style.setProperty("--in", String(inUs / whole));
    this.#timeline.style.setProperty("--out", String(outUs / whole));
    const trimmed = !!clip && (inUs > 0 || outUs < whole);
    text(byId("trim-facts"), trimmed ? t("trim.facts", { part: length(outUs - inUs), whole: length(whole) }) : "");
    for (const side of /** @type {const} */ (["in", "out"])) {
      const handle = this.#trims[side];
      const value = side === "in" ? inUs : outUs;
      handle.hidden = !clip;
      attribute(handle, "aria-valuemin", 0);
      attribute(handle, "aria-valuemax", (whole / 1e6).toFixed(2));
      attribute(handle, "aria-valuenow", (value / 1e6).toFixed(2));
      attribute(handle, "aria-valuetext", clock(value));
    }
  }

  drawPlayback() {
    const { video, durationUs } = this.player;
    const seconds = durationUs / 1e6;
    if (this.#seek.max !== String(seconds || 1)) this.#seek.max = String(seconds || 1);
    const now = video.currentTime || 0;
    if (document.activeElement !== this.#seek || !this.#seek.matches(":active")) this.#seek.valueAsNumber = now;
    attribute(this.#seek, "aria-valuetext", clock(now * 1e6));
    this.#timeline.style.setProperty("--now", String(seconds ? Math.min(now / seconds, 1) : 0));
    text(byId("time-now"), clock(now * 1e6));
    text(byId("time-end"), clock(durationUs));
    face(byTest("play"), video.paused ? "play" : "pause", t(video.paused ? "play" : "pause"), "Space");
    const silent = video.muted || video.volume === 0;
    face(byTest("mute"), silent ? "muted" : "volume", t(video.muted ? "unmute" : "mute"), "V");
    attribute(byTest("mute"), "aria-pressed", video.muted);
    const volume = video.muted ? 0 : video.volume;
    if (this.#volume.valueAsNumber !== volume) this.#volume.valueAsNumber = volume;
  }

  #toggleLoop() {
    this.player.loop = !this.player.loop;
    attribute(byTest("loop"), "aria-pressed", this.player.loop);
  }

  /** @param {"in" | "out"} side */
  #wireTrim(side) {
    const handle = this.#trims[side];
    let gesture = "";
    let offset = 0;
    handle.addEventListener("pointerdown", event => {
      if (!this.#clip || event.button !== 0) return;
      gesture = newGesture();
      offset = event.clientX - this.#xOf(side === "in" ? this.#clip.in_us : this.#clip.out_us);
      handle.setPointerCapture(event.pointerId);
      handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    handle.addEventListener("pointermove", event => {
      if (!gesture || !this.#clip) return;
      const box = this.#timeline.getBoundingClientRect();
      const share = (event.clientX - offset - box.left) / box.width;
      const time = Math.round(Math.min(Math.max(share, 0), 1) * this.#clip.media.duration_us);
      this.#ask(side, time, gesture);
      this.player.video.pause();
      this.player.seek(side === "in" ? time : time - this.player.frameSeconds * 5e5);
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) handle.addEventListener(type, () => (gesture = ""));
    handle.addEventListener("keydown", event => {
      const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!direction || !this.#clip || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      const from = side === "in" ? this.#clip.in_us : this.#clip.out_us;
      this.#ask(side, from + direction * TRIM_STEP_US * (event.shiftKey ? 10 : 1), newGesture());
    });
  }

  /** @param {"in" | "out"} side @param {number} time @param {string} gesture */
  #ask(side, time, gesture) {
    if (!this.#clip) return;
    const { in_us, out_us, media } = this.#clip;
    const least = Math.min(TRIM_STEP_US, media.duration_us); // keeps the other end still; Python has the last word
    const wish = side === "in" ? { in_us: Math.min(Math.max(time, 0), out_us - least), out_us } : { in_us, out_us: Math.max(Math.min(time, media.duration_us), in_us + least) };
    this.#sendTrim({ ...wish, gesture });
  }

  /** @param {number} time */
  #xOf(time) {
    const box = this.#timeline.getBoundingClientRect();
    return box.left + (time / (this.#clip?.media.duration_us || 1)) * box.width;
  }
}
