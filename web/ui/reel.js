// @ts-check
/** Reel: the upscaled crop. Python draws on the canvas; here are its shape, the divider, the look, and its face when it cannot draw. */

import { latest } from "../worker-client.js";
import { byId, byTest, text } from "./dom.js";
import { ms, pixels, problemText } from "./format.js";

/** @typedef {import("../protocol.js").AppState} AppState @typedef {import("../protocol.js").Problem} Problem */

export class Reel {
  #stage = byId("reel-stage");
  #split = byId("split");
  #slider = /** @type {HTMLInputElement} */ (byTest("split-slider"));
  #sharpness = /** @type {HTMLInputElement} */ (byTest("sharpness"));
  #face = byId("reel-face");
  #standin = /** @type {HTMLCanvasElement} */ (byTest("standin"));
  #canvas = /** @type {HTMLCanvasElement} */ (byTest("reel-canvas"));
  #video;
  /** @type {import("../protocol.js").Rect | null} */
  #crop = null;
  #live = false;
  #shown = false;
  /** Times at which frames were presented, in ms, for the rate. @type {number[]} */
  #times = [];

  /**
   * @param {(command: {type: string} & Record<string, any>, attachments?: object, transfer?: Transferable[]) => Promise<any>} run
   * @param {HTMLVideoElement} video
   */
  constructor(run, video) {
    this.#video = video;
    const look = latest((/** @type {object} */ change) => run({ type: "set-preview", ...change }));
    this.#slider.addEventListener("input", () => look({ split: this.#slider.valueAsNumber }));
    this.#slider.addEventListener("dblclick", () => look({ split: 0 }));
    this.#sharpness.addEventListener("input", () => look({ sharpness: this.#sharpness.valueAsNumber }));
    const canvas = this.#canvas.transferControlToOffscreen();
    run({ type: "attach-canvas" }, { canvas }, [canvas]);
  }

  /** @param {AppState} state @param {import("../protocol.js").Clip | null} clip @param {{progress: number, message: string}} boot @param {Problem | null} failure */
  draw(state, clip, boot, failure) {
    this.#crop = clip?.crop ?? null;
    this.#live = state.preview.live && !failure;
    if (!this.#live) this.#shown = false;
    const ratio = clip ? clip.crop.width / clip.crop.height : 9 / 16;
    byId("views").style.setProperty("--reel-ratio", String(ratio));
    const { split, sharpness } = state.preview;
    if (this.#slider.valueAsNumber !== split) this.#slider.valueAsNumber = split;
    this.#stage.style.setProperty("--split", String(split));
    this.#split.classList.toggle("no-before", split < 0.12);
    this.#split.classList.toggle("no-after", split > 0.88);
    if (this.#sharpness.valueAsNumber !== sharpness) this.#sharpness.valueAsNumber = sharpness;
    text(byId("sharpness-value"), `${Math.round(sharpness * 100)} %`);
    this.#drawFace(state, boot, failure);
  }

  /** @param {AppState} state @param {{progress: number, message: string}} boot @param {Problem | null} failure */
  #drawFace(state, boot, failure) {
    const booting = !failure && !state.capability;
    const message = failure
      ? problemText(failure)
      : booting
        ? `${boot.message}…`
        : this.#live
          ? "Preparing the first frame…"
          : state.preview.message || state.capability?.reason || "The preview is not running.";
    text(byTest("reel-message"), message);
    const busy = booting || (this.#live && !this.#shown);
    this.#face.hidden = this.#live && this.#shown;
    this.#face.classList.toggle("busy", busy);
    const ring = byId("reel-ring");
    ring.style.setProperty("--progress", String(booting ? boot.progress : 0.25));
    ring.classList.toggle("turning", !booting);
    const standsIn = !this.#live && !!this.#crop;
    this.#standin.hidden = !standsIn;
    byId("standin-label").hidden = !standsIn;
    this.#split.hidden = !this.#live;
    byId("reel-foot").classList.toggle("off", !this.#live);
    this.#sharpness.disabled = !this.#live;
    if (!this.#live) text(byTest("readout"), "");
    if (standsIn) this.drawStandin();
  }

  /** The crop as the browser itself scales it, where there is no WebGPU. */
  drawStandin() {
    const crop = this.#crop;
    if (this.#live || !crop || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const canvas = this.#standin;
    const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    canvas.getContext("2d")?.drawImage(this.#video, crop.x, crop.y, crop.width, crop.height, 0, 0, width, height);
  }

  /** @param {import("../protocol.js").FramePresented} event @param {number} frames shown so far */
  presented(event, frames) {
    if (!event.presented) return;
    if (!this.#shown) {
      this.#shown = true;
      this.#face.hidden = true;
    }
    const now = performance.now();
    this.#times = [...this.#times.filter(time => now - time < 1000), now];
    const took = this.#times.length > 1 ? (now - this.#times[0]) / (this.#times.length - 1) : 0;
    const rate = !this.#video.paused && took > 0 ? `${(1000 / took).toFixed(0)} fps · ` : "";
    text(byTest("readout"), `${rate}${ms(event.gpu_ms + event.cpu_ms)} · ${pixels(event)}`);
    text(byTest("frame-count"), `${frames}`);
  }
}
