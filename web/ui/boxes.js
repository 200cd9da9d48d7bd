// @ts-check
/** The players' boxes over Field, and what a click on a player means. How sure a box is shows in its line: whole, dashed, dotted. */

import { attribute, byId, byTest, text } from "./dom.js";
import { t } from "./language.js";

/**
 * @typedef {import("../protocol.js").AppState} AppState
 * @typedef {import("../media/tracks.js").Shown} Shown
 */

const NEUTRAL = "#ffffff";
const DASHES = [[], [7, 4], [2, 4]];
const CLICK_PIXELS = 5; // a press that moves less is a click, also on the crop frame

export class Boxes {
  #canvas = /** @type {HTMLCanvasElement} */ (byTest("boxes"));
  #stage = byId("field-stage");
  #hint = byId("field-hint");
  #toggle = byTest("boxes-toggle");
  /** @type {AppState | null} */
  #state = null;
  #shown = true;
  /** @type {import("../protocol.js").Followed | null} */
  #followed = null;

  /**
   * @param {import("../media/player.js").Player} player
   * @param {import("../media/tracks.js").Tracks} tracks
   * @param {(command: {type: string} & Record<string, any>) => Promise<any>} run
   * @param {() => void} play plays or pauses
   */
  constructor(player, tracks, run, play) {
    this.player = player;
    this.tracks = tracks;
    this.#run = run;
    this.#play = play;
    player.onFrame(() => this.drawBoxes());
    player.video.addEventListener("seeked", () => this.drawBoxes());
    new ResizeObserver(() => this.drawBoxes()).observe(this.#stage);
    this.#toggle.addEventListener("click", () => this.toggle());
    byTest("video").addEventListener("click", event => this.#clicked(event));
    let pressed = { x: 0, y: 0 };
    const frame = byTest("crop-frame");
    frame.addEventListener("pointerdown", event => (pressed = { x: event.clientX, y: event.clientY }));
    frame.addEventListener("click", event => {
      const moved = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y);
      const handle = /** @type {HTMLElement} */ (event.target).dataset.corner;
      if (moved < CLICK_PIXELS && !handle && event.detail > 0) this.#clicked(event);
    });
  }

  #run;
  #play;

  toggle() {
    this.#shown = !this.#shown;
    attribute(this.#toggle, "aria-pressed", this.#shown);
    this.drawBoxes();
  }

  /** @param {AppState} state */
  draw(state) {
    this.#state = state;
    if (!state.analysis.waiting) this.#followed = null;
    this.#toggle.hidden = state.analysis.state !== "done";
    text(this.#hint, state.project ? this.#advice() : "");
    this.#hint.hidden = !this.#hint.textContent;
    this.drawBoxes();
  }

  /** @param {import("../protocol.js").Followed} event */
  followed(event) {
    this.#followed = event;
    this.drawBoxes();
  }

  drawBoxes() {
    const clip = this.#state?.project?.clips[this.#state.project.selected ?? 0];
    const canvas = this.#canvas;
    const width = Math.round(this.#stage.clientWidth * devicePixelRatio);
    const height = Math.round(this.#stage.clientHeight * devicePixelRatio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, width, height);
    if (!clip) return;
    const scale = width / clip.media.size.width;
    if (this.#followed) {
      const { box, sight, others } = this.#followed;
      for (const other of others) outline(context, scale, { id: "", box: other, sight: 0, score: 1, color: "" }, false);
      if (sight >= 0) outline(context, scale, { id: "", box, sight, score: 1, color: "" }, true);
      return;
    }
    for (const shown of this.tracks.at(this.player.timeUs)) {
      const chosen = shown.id === clip.track_id;
      if (this.#shown || chosen) outline(context, scale, shown, chosen);
    }
    text(this.#hint, this.#advice());
    this.#hint.hidden = !this.#hint.textContent;
  }

  /** Whether the chosen player has no box in the frame that is shown. */
  get lost() {
    const id = this.#state?.project?.clips[this.#state.project.selected ?? 0]?.track_id;
    return !!id && this.tracks.known && !this.tracks.at(this.player.timeUs).some(shown => shown.id === id);
  }

  /** What a click in Field does now, in words. */
  #advice() {
    const analysis = this.#state?.analysis;
    const clip = this.#state?.project?.clips[this.#state.project.selected ?? 0];
    if (!analysis || !clip) return "";
    if (analysis.state === "none") return t("hint.click-follow");
    if (analysis.waiting) return t("hint.following");
    if (analysis.state !== "done" || analysis.players.length === 0) return "";
    if (!clip.track_id) return t("hint.click");
    return this.lost ? t("hint.lost") : "";
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const analysis = this.#state?.analysis;
    const clip = this.#state?.project?.clips[this.#state.project.selected ?? 0];
    if (!analysis || !clip) return this.#play();
    const bounds = this.#stage.getBoundingClientRect();
    const point = {
      x: ((event.clientX - bounds.left) / bounds.width) * clip.media.size.width,
      y: ((event.clientY - bounds.top) / bounds.height) * clip.media.size.height,
      time_us: this.player.timeUs,
    };
    if (analysis.state !== "done") return void this.#run({ type: "choose-player", ...point });
    if (clip.track_id && (event.altKey || this.lost)) return void this.#run({ type: "relink", ...point });
    if (this.#near(point.x, point.y)) return void this.#run({ type: "choose-player", ...point });
    this.#play();
  }

  /** Whether somebody is in reach of a click; Python decides who. @param {number} x @param {number} y */
  #near(x, y) {
    return this.tracks.at(this.player.timeUs).some(({ box }) => {
      const dx = Math.max(box.x - x, 0, x - box.x - box.width);
      const dy = Math.max(box.y - y, 0, y - box.y - box.height);
      return Math.hypot(dx, dy) <= Math.max(0.6 * box.height, 24);
    });
  }
}

/** A kit's colour, as light as a line over grass has to be. @param {string} color "#rrggbb" or "" */
function lightened(color) {
  if (!color) return NEUTRAL;
  const [red, green, blue] = [1, 3, 5].map(at => parseInt(color.slice(at, at + 2), 16));
  const light = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  return light < 0.45 ? `color-mix(in srgb, ${color}, #fff ${Math.round((0.5 - light) * 100)}%)` : color;
}

/** @param {CanvasRenderingContext2D} context @param {number} scale @param {Shown} shown @param {boolean} chosen */
function outline(context, scale, { id, box, sight, color }, chosen) {
  const [x, y, width, height] = [box.x, box.y, box.width, box.height].map(each => each * scale);
  const thick = devicePixelRatio * (chosen ? 2.5 : 1.5);
  context.setLineDash((DASHES[sight] ?? []).map(each => each * devicePixelRatio));
  context.lineWidth = thick + 2 * devicePixelRatio;
  context.strokeStyle = "#000a";
  context.strokeRect(x, y, width, height);
  context.lineWidth = thick;
  context.strokeStyle = chosen ? getComputedStyle(document.documentElement).getPropertyValue("--on-picture") : lightened(color);
  context.strokeRect(x, y, width, height);
  context.setLineDash([]);
  if (!id) return;
  const label = sight === 0 ? id : `${id} ?`;
  const size = 11 * devicePixelRatio;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const wide = context.measureText(label).width + 6 * devicePixelRatio;
  const top = Math.max(y - size - 5 * devicePixelRatio, 0);
  context.fillStyle = chosen ? getComputedStyle(document.documentElement).getPropertyValue("--on-picture") : "#0b0d10d0";
  context.fillRect(x - thick / 2, top, wide, size + 4 * devicePixelRatio);
  context.fillStyle = chosen ? "#11160a" : "#fff";
  context.fillText(label, x + 3 * devicePixelRatio, top + size);
}
