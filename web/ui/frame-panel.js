// @ts-check
/** Step "Frame": the reel's shape, undo and redo. */

import { attribute, byId, byTest, h } from "./dom.js";
import { aspectIcon } from "./icons.js";

/** @type {("9:16" | "1:1" | "4:5" | "16:9" | "free")[]} */
const ASPECTS = ["9:16", "4:5", "1:1", "16:9", "free"];

export class FramePanel {
  /** @param {(command: {type: string} & Record<string, any>) => Promise<any>} run */
  constructor(run) {
    byId("aspects").append(
      ...ASPECTS.map(aspect =>
        h(
          "button",
          { class: "aspect", type: "button", "data-testid": `aspect-${aspect}`, "data-aspect": aspect, "data-t-title": aspect === "free" ? "frame.free-about" : `frame.${aspect.replace(":", "-")}`, onclick: () => run({ type: "set-aspect", aspect }) },
          aspectIcon(aspect),
          aspect === "free" ? h("span", { "data-t": "frame.free" }) : h("span", {}, aspect),
        ),
      ),
    );
    byTest("undo").addEventListener("click", () => run({ type: "undo" }));
    byTest("redo").addEventListener("click", () => run({ type: "redo" }));
    byTest("crop-reset").addEventListener("click", () => {
      const size = this.#clip?.media.size;
      if (size) run({ type: "set-crop", crop: { x: 0, y: 0, ...size } }); // Python fits it to the aspect
    });
  }

  /** @type {import("../protocol.js").Clip | null} */
  #clip = null;

  /** @param {import("../protocol.js").AppState} state */
  draw(state) {
    this.#clip = state.project?.clips[state.project.selected ?? 0] ?? null;
    for (const aspect of ASPECTS) {
      const button = /** @type {HTMLButtonElement} */ (byTest(`aspect-${aspect}`));
      button.disabled = !this.#clip;
      attribute(button, "aria-pressed", this.#clip?.aspect === aspect);
    }
    /** @type {HTMLButtonElement} */ (byTest("undo")).disabled = !state.can_undo;
    /** @type {HTMLButtonElement} */ (byTest("redo")).disabled = !state.can_redo;
    /** @type {HTMLButtonElement} */ (byTest("crop-reset")).disabled = !this.#clip;
  }
}
