// @ts-check
/** In step "Frame": how the crop follows the player, and how the player is marked. */

import { latest, newGesture } from "../worker-client.js";
import { attribute, byId, byTest, h, keyed, text } from "./dom.js";
import { spotlightIcon } from "./icons.js";
import { said, t } from "./language.js";

/** @typedef {import("../protocol.js").Clip} Clip @typedef {import("../protocol.js").Framing} Framing @typedef {import("../protocol.js").Spotlight} Spotlight */

const STYLES = /** @type {const} */ (["none", "ring", "dim", "arrow", "label"]);
const SLIDERS = /** @type {const} */ (["player_share", "smoothness", "ball"]);

export class FollowPanel {
  #presets = byId("presets");
  #follow = /** @type {HTMLInputElement} */ (byTest("follow"));
  #name = /** @type {HTMLInputElement} */ (byTest("spotlight-name"));
  #color = /** @type {HTMLInputElement} */ (byTest("spotlight-color"));
  /** @type {Clip | null} */
  #clip = null;

  /** @param {(command: {type: string} & Record<string, any>) => Promise<any>} run */
  constructor(run) {
    this.run = run;
    const framing = latest((/** @type {object} */ wish) => run({ type: "set-framing", ...wish }));
    const spotlight = latest((/** @type {object} */ wish) => run({ type: "set-spotlight", ...wish }));
    for (const name of SLIDERS) {
      const slider = this.#slider(name);
      let gesture = "";
      slider.addEventListener("pointerdown", () => (gesture = newGesture()));
      slider.addEventListener("input", () => {
        if (this.#clip) framing({ framing: { ...this.#clip.framing, [name]: slider.valueAsNumber }, gesture: gesture || newGesture() });
      });
      slider.addEventListener("change", () => (gesture = ""));
    }
    this.#follow.addEventListener("change", () => this.#clip && framing({ framing: { ...this.#clip.framing, follow: this.#follow.checked } }));
    byId("spotlights").append(
      ...STYLES.map(style =>
        h(
          "button",
          { class: "aspect", type: "button", "data-testid": `spotlight-${style}`, "data-t-title": `spotlight.${style}-about`, onclick: () => this.#clip && spotlight({ spotlight: { ...this.#clip.spotlight, style } }) },
          spotlightIcon(style),
          h("span", { "data-t": `spotlight.${style}` }),
        ),
      ),
    );
    let typing = newGesture();
    this.#name.addEventListener("focus", () => (typing = newGesture()));
    this.#name.addEventListener("input", () => this.#clip && spotlight({ spotlight: { ...this.#clip.spotlight, label: this.#name.value }, gesture: typing }));
    let choosing = newGesture();
    this.#color.addEventListener("input", () => this.#clip && spotlight({ spotlight: { ...this.#clip.spotlight, color: this.#color.value }, gesture: choosing }));
    this.#color.addEventListener("change", () => (choosing = newGesture()));
  }

  /** @param {string} name */
  #slider(name) {
    return /** @type {HTMLInputElement} */ (byTest(`framing-${name}`));
  }

  /** @param {import("../protocol.js").AppState} state @param {Clip | null} clip */
  draw(state, clip) {
    this.#clip = clip;
    byId("follow-panel").hidden = !clip;
    if (!clip) return;
    const { framing, spotlight } = clip;
    keyed(
      this.#presets,
      state.presets,
      each => each.name,
      each => h("button", { class: "preset", type: "button", "data-testid": `preset-${each.name}`, onclick: () => this.run({ type: "set-framing", framing: each.framing }) }),
      (element, each) => {
        text(element, said(each.label));
        attribute(element, "title", said(each.note));
        attribute(element, "aria-pressed", same({ ...each.framing, follow: framing.follow }, framing));
      },
    );
    this.#follow.checked = framing.follow;
    for (const name of SLIDERS) {
      const slider = this.#slider(name);
      if (slider.valueAsNumber !== framing[name] && !slider.matches(":active")) slider.valueAsNumber = framing[name];
      text(byId(`framing-${name}-value`), `${Math.round(framing[name] * 100)} %`);
    }
    for (const style of STYLES) attribute(byTest(`spotlight-${style}`), "aria-pressed", spotlight.style === style);
    byId("spotlight-more").hidden = spotlight.style === "none";
    if (document.activeElement !== this.#name && this.#name.value !== spotlight.label) this.#name.value = spotlight.label;
    if (this.#color.value !== spotlight.color) this.#color.value = spotlight.color;
    const nobody = !clip.track_id;
    text(byId("follow-note"), nobody ? t("follow.nobody") : "");
  }
}

/** @param {Framing} one @param {Framing} other */
function same(one, other) {
  return Object.entries(one).every(([key, value]) => other[/** @type {keyof Framing} */ (key)] === value);
}
