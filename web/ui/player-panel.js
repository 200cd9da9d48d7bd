// @ts-check
/** Step "Player": looking for players, the list of them, and corrections of the chosen one. */

import { attribute, byId, byTest, h, keyed, text } from "./dom.js";
import { money, span } from "./format.js";
import { said, t } from "./language.js";

/** @typedef {import("../protocol.js").AppState} AppState @typedef {import("../protocol.js").Player} Player */

const MARGIN = 0.35;
/** Names of texts. @type {Record<string, string>} */
const NAMES = { none: "player.find", failed: "player.again", done: "player.look-again" };

export class PlayerPanel {
  #list = byTest("players");
  #start = /** @type {HTMLButtonElement} */ (byTest("analyse"));
  #progress = /** @type {HTMLProgressElement} */ (byTest("analysis-progress"));
  /** @type {AppState | null} */
  #state = null;

  /**
   * @param {import("../media/player.js").Player} player
   * @param {import("../media/portraits.js").Portraits} portraits
   * @param {(command: {type: string} & Record<string, any>) => Promise<any>} run
   */
  constructor(player, portraits, run) {
    this.#portraits = portraits;
    this.#run = run;
    this.#player = player;
    this.#start.addEventListener("click", () => run({ type: "start-analysis" }));
    byTest("analyse-server").addEventListener("click", () => run({ type: "start-analysis", server: true, route: this.#offer?.route ?? "local" }));
    byTest("analysis-cancel").addEventListener("click", () => run({ type: "cancel-analysis" }));
    byTest("player-none").addEventListener("click", () => run({ type: "choose-player" }));
    byTest("player-split").addEventListener("click", () => run({ type: "split-track", track_id: this.#chosen, time_us: player.timeUs }));
  }

  #portraits;
  #run;
  #player;

  /** What the server would do it by, and what that takes. */
  get #offer() {
    return this.#state?.tracking_estimates.find(each => each.recommended);
  }

  get #chosen() {
    return this.#state?.project?.clips[this.#state.project.selected ?? 0]?.track_id ?? "";
  }

  /** @param {AppState} state @param {boolean} ready whether Python is up */
  draw(state, ready) {
    this.#state = state;
    const { analysis } = state;
    const busy = analysis.state === "starting" || analysis.state === "running";
    const open = !!state.project;
    this.#start.hidden = busy;
    this.#start.disabled = !open || !ready;
    this.#start.classList.toggle("primary", analysis.state === "none" || analysis.state === "failed");
    // Where this browser failed, or has only its CPU for it, the server may do it: never without being asked, for that uploads the clip.
    const weak = analysis.state === "failed" || state.capability?.level === "none";
    byTest("analyse-server").hidden = busy || !open || !ready || !state.server || !weak;
    const offer = this.#offer;
    text(byTest("analyse-server"), offer ? `${t("player.server")} · ${span(offer.seconds)}, ${money(offer.cost_usd)}` : t("player.server"));
    text(this.#start, NAMES[analysis.state] ? t(NAMES[analysis.state]) : "");
    byTest("analysis-cancel").hidden = !busy;
    this.#progress.hidden = !busy;
    if (analysis.state === "starting") this.#progress.removeAttribute("value");
    else this.#progress.value = analysis.progress;
    const left = analysis.seconds_left !== null && busy ? t("left", { time: span(analysis.seconds_left) }) : "";
    text(byTest("analysis-message"), open ? [said(analysis.message), busy && analysis.processor ? t("player.on", { name: analysis.processor.name }) : "", left].filter(Boolean).join(" · ") : t("open-first"));
    byTest("analysis-message").classList.toggle("bad", analysis.state === "failed");
    text(byId("player-facts"), analysis.players.length ? `${analysis.players.length}` : "");
    this.#drawList(analysis.players);
    byId("player-tools").hidden = !this.#chosen || analysis.players.length === 0;
  }

  /** @param {Player[]} players */
  #drawList(players) {
    const chosen = this.#chosen;
    keyed(this.#list, players, player => player.id, player => this.#create(player), (element, player) => {
      const button = /** @type {HTMLElement} */ (element.querySelector(".player"));
      const about = t("player.about", { id: player.id, percent: Math.round(player.seen * 100) });
      attribute(button, "aria-pressed", player.id === chosen);
      attribute(button, "aria-label", about);
      attribute(button, "title", about);
      button.style.setProperty("--kit", player.color || "var(--line-strong)");
      text(/** @type {Element} */ (element.querySelector(".player-seen")), `${Math.round(player.seen * 100)} %`);
      const join = /** @type {HTMLElement} */ (element.querySelector(".player-join"));
      join.hidden = !chosen || player.id === chosen;
      attribute(join, "aria-label", t("player.join-label", { id: player.id, chosen }));
      attribute(join, "title", t("player.join-about", { chosen }));
      this.#portraits.draw(/** @type {HTMLCanvasElement} */ (element.querySelector("canvas")), player.portrait_us, withMargin(player.portrait));
    });
  }

  /** @param {Player} player */
  #create({ id }) {
    return h(
      "li",
      { class: "player-item" },
      h(
        "button",
        { class: "player", type: "button", "data-testid": `player-${id}`, onclick: () => this.#choose(id) },
        h("canvas", { width: 56, height: 72, "aria-hidden": "true" }),
        h("span", { class: "player-id" }, id),
        h("span", { class: "player-seen numeric" }),
      ),
      h("button", { class: "player-join", type: "button", "data-testid": `join-${id}`, onclick: () => this.#run({ type: "join-tracks", track_id: this.#chosen, other_id: id }), "data-t": "player.join" }),
    );
  }

  /** @param {string} id */
  #choose(id) {
    const player = this.#state?.analysis.players.find(each => each.id === id);
    if (player && id !== this.#chosen) this.#player.seek(player.portrait_us);
    this.#run({ type: "choose-player", track_id: id === this.#chosen ? "" : id });
  }
}

/** A player's box with some of what is around. @param {import("../protocol.js").Rect} box @returns {import("../protocol.js").Rect} */
function withMargin({ x, y, width, height }) {
  return { x, y: y - (height * MARGIN) / 2, width, height: height * (1 + MARGIN) };
}
