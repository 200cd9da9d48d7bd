// @ts-check
/** Field: the native video with the crop frame over it. The frame is drawn from the state; every gesture only asks. */

import { latest, newGesture } from "../worker-client.js";
import { moved, ratioOf, resized, scaled } from "./crop-math.js";
import { attribute, byId, byTest, text } from "./dom.js";
import { pixels } from "./format.js";
import { t } from "./language.js";

/** @typedef {import("../protocol.js").Rect} Rect @typedef {import("../protocol.js").Clip} Clip */

const KEY_STEP = 2; // display pixels; with Shift ten times as many
const KEY_SCALE = 1.04;
const KEY_PAUSE_MS = 700; // keys pressed within this undo as one

export class Field {
  #frame = byTest("crop-frame");
  #stage = byId("field-stage");
  #size = byId("crop-size");
  #facts = byId("field-facts");
  /** @type {Clip | null} */
  #clip = null;
  /** @type {{pointer: number, corner: string, x: number, y: number, crop: Rect, gesture: string, timeUs: number} | null} */
  #drag = null;
  #keys = { gesture: "", at: 0 };

  /**
   * @param {(command: {type: string} & Record<string, any>) => Promise<any>} run
   * @param {import("../media/player.js").Player} player
   * @param {import("../media/tracks.js").Tracks} tracks
   */
  constructor(run, player, tracks) {
    this.#player = player;
    this.#tracks = tracks;
    this.#send = latest((/** @type {{crop: Rect, gesture: string, time_us?: number}} */ wish) => run({ type: wish.time_us === undefined ? "set-crop" : "set-keyframe", ...wish }));
    this.#frame.addEventListener("pointerdown", event => this.#start(event));
    this.#frame.addEventListener("pointermove", event => this.#move(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.#frame.addEventListener(type, () => this.#end());
    }
    this.#frame.addEventListener("keydown", event => this.#key(event));
  }

  /** @type {(wish: {crop: Rect, gesture: string, time_us?: number}) => void} */
  #send;
  #player;
  #tracks;

  /** The crop in the frame that is shown. @returns {Rect} */
  get #crop() {
    return this.#tracks.cropAt(this.#player.timeUs) ?? /** @type {Clip} */ (this.#clip).crop;
  }

  /** Whether a drag makes a keyframe: the crop moves by itself then, and stays only where it is pinned. */
  get #pins() {
    return this.#tracks.cropAt(0) !== null || !!this.#clip?.keyframes.length;
  }

  /** Asks for the crop, at that moment where it moves. @param {Rect} crop @param {string} gesture @param {number} timeUs */
  #ask(crop, gesture, timeUs) {
    this.#send(this.#pins ? { crop, gesture, time_us: timeUs } : { crop, gesture });
  }

  /** The picture's shape, known before Python is up. @param {{width: number, height: number} | null} size */
  setPicture(size) {
    this.#stage.style.setProperty("--ratio", size ? String(size.width / size.height) : "1.7778");
    text(this.#facts, size ? pixels(size) : "");
  }

  /** @param {Clip | null} clip @param {Rect | null} [moved] where the path has the frame now */
  draw(clip, moved = null) {
    this.#clip = clip;
    this.#frame.hidden = !clip;
    if (!clip) return this.#end();
    this.place(moved ?? clip.crop);
  }

  /** Shows the frame there; the state's crop stays what it is. @param {Rect} crop */
  place(crop) {
    const clip = this.#clip;
    if (!clip) return;
    const { width, height } = clip.media.size;
    const style = this.#frame.style;
    style.left = `${(crop.x / width) * 100}%`;
    style.top = `${(crop.y / height) * 100}%`;
    style.width = `${(crop.width / width) * 100}%`;
    style.height = `${(crop.height / height) * 100}%`;
    text(this.#size, pixels(crop));
    attribute(
      this.#frame,
      "aria-label",
      t("crop.about", { size: pixels(crop), x: Math.round(crop.x), y: Math.round(crop.y) }),
    );
  }

  /** @param {PointerEvent} event */
  #start(event) {
    if (!this.#clip || event.button !== 0 || this.#drag) return;
    const corner = /** @type {HTMLElement} */ (event.target).dataset.corner ?? "";
    this.#drag = { pointer: event.pointerId, corner, x: event.clientX, y: event.clientY, crop: this.#crop, gesture: newGesture(), timeUs: this.#player.timeUs };
    if (this.#pins) this.#player.video.pause(); // a keyframe is of one moment
    this.#frame.setPointerCapture(event.pointerId);
    this.#frame.classList.add("dragging");
    this.#frame.focus({ preventScroll: true });
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const drag = this.#drag;
    if (!drag || !this.#clip || event.pointerId !== drag.pointer) return;
    const picture = this.#clip.media.size;
    const box = this.#stage.getBoundingClientRect();
    const dx = ((event.clientX - drag.x) / box.width) * picture.width;
    const dy = ((event.clientY - drag.y) / box.height) * picture.height;
    const crop = drag.corner
      ? resized(drag.crop, drag.corner, dx, dy, picture, ratioOf(this.#clip.aspect))
      : moved(drag.crop, dx, dy, picture);
    this.#ask(crop, drag.gesture, drag.timeUs);
  }

  #end() {
    this.#drag = null;
    this.#frame.classList.remove("dragging");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#clip || event.ctrlKey || event.metaKey) return;
    const { aspect } = this.#clip;
    const crop = this.#crop;
    const picture = this.#clip.media.size;
    const far = event.shiftKey ? 10 : 1;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    /** @type {Rect | null} */
    let wish = null;
    if (arrow) {
      const [dx, dy] = arrow.map(each => each * KEY_STEP * far);
      if (!event.altKey) wish = moved(crop, dx, dy, picture);
      else if (ratioOf(aspect) === null) wish = resized(crop, "se", dx, dy, picture, null);
    } else if (event.key === "+" || event.key === "=" || event.key === "*") {
      wish = scaled(crop, KEY_SCALE ** (event.shiftKey && event.key !== "+" ? 4 : 1), picture);
    } else if (event.key === "-" || event.key === "_") {
      wish = scaled(crop, KEY_SCALE ** -(event.key === "_" ? 4 : 1), picture);
    }
    if (!wish) return;
    event.preventDefault();
    event.stopPropagation();
    const now = performance.now();
    if (now - this.#keys.at > KEY_PAUSE_MS) this.#keys.gesture = newGesture();
    this.#keys.at = now;
    if (this.#pins) this.#player.video.pause();
    this.#ask(wish, this.#keys.gesture, this.#player.timeUs);
  }
}
