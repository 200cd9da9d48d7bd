// @ts-check
/** Step "Export": size, model, what it takes where, and the button, or why it cannot be pressed. */

import { chooseFile } from "../media/save-file.js";
import { byId, byTest, choices, text } from "./dom.js";
import { decimal, length, problemText, size } from "./format.js";
import { language, said, t } from "./language.js";
import { outputSizes, parseSize } from "./output-sizes.js";
import { BROWSER, chosenRoute, routeLine, routesOf } from "./routes.js";

/** @typedef {import("../protocol.js").AppState} AppState */

export class ExportPanel {
  #size = /** @type {HTMLSelectElement} */ (byTest("output-size"));
  #model = /** @type {HTMLSelectElement} */ (byTest("model"));
  #button = /** @type {HTMLButtonElement} */ (byTest("export-button"));
  #estimates = byTest("estimates");
  #run;
  #drawn = "";
  /** Where the export shall run: "auto" until somebody chooses. */
  #route = "auto";
  /** @type {AppState | null} */
  #state = null;

  /** @param {(command: {type: string} & Record<string, any>, attachments?: object) => Promise<any>} run */
  constructor(run) {
    this.#run = run;
    const setOutput = () => run({ type: "set-output", size: parseSize(this.#size.value), model: this.#model.value });
    this.#size.addEventListener("change", setOutput);
    this.#model.addEventListener("change", setOutput);
    this.#button.addEventListener("click", () => this.#start());
    this.#estimates.addEventListener("change", event => {
      this.#route = /** @type {HTMLInputElement} */ (event.target).value;
      if (this.#state) this.draw(this.#state, true, false);
    });
    byTest("server-retry").addEventListener("click", () => run({ type: "refresh-server" }));
  }

  /** @param {AppState} state @param {boolean} booted @param {boolean} failed Python is gone */
  draw(state, booted, failed) {
    this.#state = state;
    const { project, server } = state;
    const clip = project?.clips[project.selected ?? 0] ?? null;
    const routes = clip ? routesOf(state) : [];
    if (!routes.some(each => each.route === this.#route && each.available)) this.#route = "auto";
    const here = chosenRoute(routes, this.#route) === BROWSER;
    this.#size.disabled = !clip;
    this.#model.disabled = !clip || !server?.models.length || here;
    if (project && clip) {
      const { size: out, model } = project.output;
      choices(this.#size, outputSizes(clip, out), `${out.width}x${out.height}`);
      const models = server?.models ?? [];
      const known = models.some(each => each.name === model);
      choices(this.#model, [...models.map(each => ({ value: each.name, label: said(each.label) })), ...(known ? [] : [{ value: model, label: model }])], model);
      const note = here ? hereNote(state) : models.find(each => each.name === model)?.note;
      text(byId("model-note"), said(note ?? ""));
      text(byId("export-facts"), `${length(clip.out_us - clip.in_us)} · ${decimal(out.width / clip.crop.width, 1)}×`);
    } else {
      choices(this.#size, [], "");
      choices(this.#model, [], "");
      text(byId("export-facts"), "");
    }
    const obstacle = failed ? t("export.not-started") : here ? localObstacle(state) : this.#obstacle(state, booted);
    this.#button.disabled = obstacle !== null;
    text(byTest("export-message"), obstacle ?? (here && state.server_problem ? `${t("export.only-here")} ${problemText(state.server_problem)}` : ""));
    byTest("server-retry").hidden = !booted || failed || !!server;
    this.#drawRoutes(routes);
  }

  async #start() {
    const state = this.#state;
    const routes = state ? routesOf(state) : [];
    if (!state?.project || !state.local_offer || chosenRoute(routes, this.#route) !== BROWSER) {
      return this.#run({ type: "start-export", route: this.#route });
    }
    const target = await chooseFile(state.project.name, /** @type {"mp4" | "webm"} */ (state.local_offer.extension));
    if (target === null) return undefined;
    return this.#run({ type: "start-local-export" }, target ? { target } : {});
  }

  /** Why the server cannot export now, or null. @param {AppState} state @param {boolean} booted */
  #obstacle(state, booted) {
    const { project, server, server_problem: problem, upload } = state;
    if (!booted) return t("export.booting");
    if (!project?.clips.length) return t("open-first");
    if (!server) return problem ? problemText(problem) : t("export.looking");
    if (upload) return t("export.uploading", { name: upload.name });
    const able = server.processors.filter(each => each.available);
    if (!able.length) return said(server.processors[0]?.reason ?? "") || t("export.no-processor");
    if (!server.models.length) return t("export.no-model");
    const { bytes, name } = project.clips[project.selected ?? 0].media;
    if (server.max_upload_bytes && bytes > server.max_upload_bytes) {
      return t("export.too-large", { name, size: size(bytes), most: size(server.max_upload_bytes) });
    }
    return null;
  }

  /** @param {import("./routes.js").RouteLine[]} routes */
  #drawRoutes(routes) {
    const signature = JSON.stringify([language(), routes, this.#route]);
    if (signature === this.#drawn) return;
    const focused = this.#estimates.contains(document.activeElement);
    this.#drawn = signature;
    const choice = routes.filter(each => each.available).length > 1;
    this.#estimates.replaceChildren(...routes.map(each => routeLine(each, choice, this.#route)));
    if (focused) /** @type {HTMLElement | null} */ (this.#estimates.querySelector("input:checked"))?.focus();
  }
}

/** Why this browser cannot export now, or null. @param {AppState} state */
function localObstacle(state) {
  return state.local_exports.some(each => each.state === "running") ? t("export.busy-here") : null;
}

/** How this browser upscales. @param {AppState} state */
function hereNote(state) {
  const tier = state.local_offer?.tier;
  return t("export.here-note", { net: tier === "base" ? "Lanczos" : t("export.net", { tier: tier ?? "" }) });
}
