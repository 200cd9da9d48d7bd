// @ts-check
/** Step "Export": size, model, what it takes, and the button, or why it cannot be pressed. */

import { byId, byTest, choices, h, text } from "./dom.js";
import { length, money, problemText, size, span } from "./format.js";
import { icon } from "./icons.js";
import { outputSizes, parseSize } from "./output-sizes.js";

/** @typedef {import("../protocol.js").AppState} AppState @typedef {import("../protocol.js").Estimate} Estimate */

export class ExportPanel {
  #size = /** @type {HTMLSelectElement} */ (byTest("output-size"));
  #model = /** @type {HTMLSelectElement} */ (byTest("model"));
  #button = /** @type {HTMLButtonElement} */ (byTest("export-button"));
  #estimates = byTest("estimates");
  #drawn = "";
  /** Where the export shall run: "auto" until somebody chooses. */
  #route = "auto";

  /** @param {(command: {type: string} & Record<string, any>) => Promise<any>} run */
  constructor(run) {
    const setOutput = () => run({ type: "set-output", size: parseSize(this.#size.value), model: this.#model.value });
    this.#size.addEventListener("change", setOutput);
    this.#model.addEventListener("change", setOutput);
    this.#button.addEventListener("click", () => run({ type: "start-export", route: this.#route }));
    this.#estimates.addEventListener("change", event => {
      this.#route = /** @type {HTMLInputElement} */ (event.target).value;
    });
    byTest("server-retry").addEventListener("click", () => run({ type: "refresh-server" }));
  }

  /** @param {AppState} state @param {boolean} booted @param {boolean} failed Python is gone */
  draw(state, booted, failed) {
    const { project, server } = state;
    const clip = project?.clips[project.selected ?? 0] ?? null;
    this.#size.disabled = !clip;
    this.#model.disabled = !clip || !server?.models.length;
    if (project && clip) {
      const { size: out, model } = project.output;
      choices(this.#size, outputSizes(clip, out), `${out.width}x${out.height}`);
      const models = server?.models ?? [];
      const known = models.some(each => each.name === model);
      choices(this.#model, [...models.map(each => ({ value: each.name, label: each.label })), ...(known ? [] : [{ value: model, label: model }])], model);
      text(byId("model-note"), models.find(each => each.name === model)?.note ?? "");
      text(byId("export-facts"), `${length(clip.out_us - clip.in_us)} · ${(out.width / clip.crop.width).toFixed(1)}×`);
    } else {
      choices(this.#size, [], "");
      choices(this.#model, [], "");
      text(byId("export-facts"), "");
    }
    const obstacle = failed ? "The page could not start fully; Reel says why. Reload it to export." : this.#obstacle(state, booted);
    this.#button.disabled = obstacle !== null;
    text(byTest("export-message"), obstacle ?? "");
    byTest("server-retry").hidden = !booted || failed || !!server;
    this.#drawEstimates(server && clip ? state.estimates : []);
  }

  /** Why an export cannot start now, or null. @param {AppState} state @param {boolean} booted */
  #obstacle(state, booted) {
    const { project, server, server_problem: problem, upload } = state;
    if (!booted) return "Export is ready as soon as the page has started.";
    if (!project?.clips.length) return "Open a clip first.";
    if (!server) return problem ? problemText(problem) : "Looking for the server…";
    if (upload) return `${upload.name} is on its way to the server; the export starts by itself.`;
    const able = server.processors.filter(each => each.available);
    if (!able.length) return server.processors[0]?.reason || "The server has no processor that is ready.";
    if (!server.models.length) return "The server has no upscaling model. Run build.py build there, which fetches them.";
    const { bytes, name } = project.clips[project.selected ?? 0].media;
    if (server.max_upload_bytes && bytes > server.max_upload_bytes) {
      return `${name} is ${size(bytes)}, and this server takes up to ${size(server.max_upload_bytes)}. Cut it first, or raise the server's limit.`;
    }
    return null;
  }

  /** @param {Estimate[]} estimates */
  #drawEstimates(estimates) {
    const signature = JSON.stringify(estimates);
    if (signature === this.#drawn) return;
    this.#drawn = signature;
    const choice = estimates.filter(each => each.processor.available).length > 1;
    if (!estimates.some(each => each.route === this.#route && each.processor.available)) this.#route = "auto";
    this.#estimates.replaceChildren(...estimates.map(each => line(each, choice, this.#route)));
  }
}

/**
 * One route with its time and cost; where there is a choice, with a radio button: the recommended one stands for "auto".
 * @param {Estimate} estimate @param {boolean} choice @param {string} route the chosen one
 */
function line(estimate, choice, route) {
  const { processor } = estimate;
  const value = estimate.recommended ? "auto" : estimate.route;
  const button = { type: "radio", name: "route", value, "data-testid": `route-${estimate.route}`, disabled: !processor.available };
  const checked = route === estimate.route || (estimate.recommended && route === "auto");
  return h(
    "li",
    { class: `estimate${estimate.recommended ? " recommended" : ""}${processor.available ? "" : " off"}`, title: estimate.basis },
    choice ? h("label", { class: "estimate-name" }, h("input", { ...button, checked }), processor.name) : h("span", { class: "estimate-name" }, processor.name),
    processor.available
      ? h("span", { class: "estimate-figures numeric" }, h("b", {}, span(estimate.seconds)), ` · ${money(estimate.cost_usd)}`)
      : h("span", { class: "estimate-figures" }, processor.reason || "not available"),
    processor.available && h("span", { class: "estimate-basis" }, estimate.recommended && h("span", { class: "tag" }, icon("check"), "recommended"), estimate.basis),
  );
}
