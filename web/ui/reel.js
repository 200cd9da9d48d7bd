// @ts-check
/** Reel: the upscaled crop. Python draws on the canvas; here are its shape, the divider, the look, and its face when it cannot draw. */

import { latest } from "../worker-client.js";
import { attribute, byId, byTest, text } from "./dom.js";
import { ms, pixels, problemText } from "./format.js";
import { said, t } from "./language.js";

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
  /** @type {import("../protocol.js").FramePresented | null} */
  #last = null;

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
    video.addEventListener("pause", () => this.#drawReadout());
    byTest("reel-zoom").addEventListener("click", () => this.#toggleZoom());
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
        ? `${said(boot.message)}…`
        : this.#live
          ? t("reel.first")
          : said(state.preview.message || state.capability?.reason || "") || t("reel.not-running");
    text(byTest("reel-message"), message);
    byId("reel-more").hidden = state.capability?.level !== "none" || !!failure;
    const busy = booting || (this.#live && !this.#shown);
    this.#face.hidden = this.#live && this.#shown;
    this.#face.classList.toggle("busy", busy);
    this.#face.classList.toggle("alone", !busy && !this.#crop); // no picture behind it
    const ring = byId("reel-ring");
    ring.style.setProperty("--progress", String(booting ? boot.progress : 0.25));
    ring.classList.toggle("turning", !booting);
    const standsIn = !this.#live && !!this.#crop;
    this.#standin.hidden = !standsIn;
    byId("standin-label").hidden = !standsIn;
    this.#split.hidden = !this.#live;
    byId("reel-foot").classList.toggle("off", !this.#live);
    this.#sharpness.disabled = !this.#live;
    byTest("reel-zoom").hidden = !this.#live;
    if (!this.#live) this.#setZoom(false);
    if (!this.#live) this.#last = null;
    this.#drawReadout();
    if (standsIn) this.drawStandin();
  }

  #toggleZoom() {
    this.#setZoom(!byId("reel").classList.contains("zoomed"));
    const box = byId("reel-box");
    box.scrollTo((box.scrollWidth - box.clientWidth) / 2, (box.scrollHeight - box.clientHeight) / 2);
  }

  /** One pixel of the canvas per pixel of the screen, scrolled where it does not fit. @param {boolean} on */
  #setZoom(on) {
    byId("reel").classList.toggle("zoomed", on);
    attribute(byTest("reel-zoom"), "aria-pressed", on);
  }

  /** The crop as the browser itself scales it, where there is no WebGPU. @param {import("../protocol.js").Rect | null} [moved] where the path has it now */
  drawStandin(moved = null) {
    const crop = moved ?? this.#crop;
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
    this.#stage.style.setProperty("--natural", `${event.width / devicePixelRatio}px`);
    const now = performance.now();
    this.#times = [...this.#times.filter(time => now - time < 1000), now];
    this.#last = event;
    this.#drawReadout();
    text(byTest("frame-count"), `${frames}`);
  }

  #drawReadout() {
    const last = this.#last;
    const count = this.#times.length - 1;
    const took = this.#times[count] - this.#times[0];
    const rate = !this.#video.paused && count > 0 ? `${((1000 * count) / took).toFixed(0)} ${t("fps", { rate: "" }).trim()} · ` : "";
    text(byId("readout-speed"), last ? `${rate}${ms(last.gpu_ms + last.cpu_ms)}` : "");
    text(byId("readout-size"), last ? ` · ${pixels(last)}` : "");
  }
}
