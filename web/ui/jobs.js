// @ts-check
/** The list of jobs, with the upload under way on top. */

import { storedUrl } from "../media/save-file.js";
import { attribute, byId, byTest, h, keyed, text } from "./dom.js";
import { length, money, problemText, size, span } from "./format.js";
import { icon } from "./icons.js";
import { said, t } from "./language.js";

/** @typedef {import("../protocol.js").AppState} AppState @typedef {import("../protocol.js").Job} Job */

/**
 * What one line shows: a job, or the upload under way (id "upload"). `paused` only of what can be paused.
 * @typedef {{id: string, name: string, state: string, label: string, progress: number, facts: string, reason: string, error: string, cancel: boolean, download: boolean, paused?: boolean}} Line
 */

export class Jobs {
  #list = byTest("jobs");
  #run;

  /** @param {(command: {type: string} & Record<string, any>) => Promise<any>} run */
  constructor(run) {
    this.#run = run;
    byTest("jobs-count").addEventListener("click", () => byId("step-jobs").scrollIntoView({ behavior: "smooth", block: "nearest" }));
  }

  /** Forgets the lines, which have texts in them. */
  clear() {
    this.#list.replaceChildren();
  }

  /** @param {AppState} state */
  draw(state) {
    const made = [...state.local_exports, ...state.jobs].sort((a, b) => b.created_at - a.created_at);
    const lines = [...(state.upload ? [uploadLine(state.upload)] : []), ...made.map(each => ("kind" in each ? jobLine(each) : localLine(each)))];
    keyed(this.#list, lines, line => line.id, line => this.#create(line), update);
    byId("jobs-none").hidden = lines.length > 0;
    const busy = lines.filter(line => line.cancel).length;
    byTest("jobs-count").hidden = lines.length === 0;
    text(byId("jobs-count-text"), busy ? t("jobs.busy", { count: busy }) : t(lines.length === 1 ? "jobs.one" : "jobs.many", { count: lines.length }));
    document.body.classList.toggle("has-jobs", lines.length > 0);
  }

  /** @param {Line} line */
  #create(line) {
    const { id } = line;
    return h(
      "li",
      { class: "job", "data-testid": `job-${id}` },
      h("div", { class: "job-head" }, h("span", { class: "job-name" }), h("span", { class: "job-state", "data-testid": "job-state" })),
      h("progress", { class: "job-progress", "data-testid": "job-progress", max: 1, value: 0, "aria-label": t("jobs.progress", { name: line.name }) }),
      h(
        "div",
        { class: "job-foot" },
        h("span", { class: "job-facts numeric" }),
        h("button", { class: "button small", type: "button", "data-testid": "job-pause", hidden: true, onclick: event => this.#run({ type: "pause-local-export", job_id: id, paused: event.currentTarget.dataset.paused !== "true" }) }),
        h("button", { class: "button small", type: "button", "data-testid": "job-cancel", "aria-label": t("jobs.cancel", { name: line.name }), onclick: () => this.#run({ type: "cancel-job", job_id: id }), "data-t": "cancel" }),
        h("button", { class: "button small accent", type: "button", "data-testid": "job-download", "aria-label": t("jobs.download", { name: line.name }), onclick: () => this.#download(id) }, icon("download"), h("span", { "data-t": "jobs.download-short" })),
      ),
      h("p", { class: "job-reason", "data-testid": "job-reason", hidden: true }),
      h("p", { class: "job-error", "data-testid": "job-error", hidden: true }),
    );
  }

  /** @param {string} id */
  async #download(id) {
    const answer = await this.#run({ type: "download-result", job_id: id });
    if (!answer) return; // the refusal has been told
    const link = h("a", { href: answer.stored ? await storedUrl(answer.stored) : answer.url, download: answer.filename });
    document.body.append(link);
    link.click();
    link.remove();
  }
}

/** @param {import("../protocol.js").Upload} upload @returns {Line} */
function uploadLine(upload) {
  const facts = t("jobs.sent", { sent: size(upload.sent), total: size(upload.total) });
  return { id: "upload", name: upload.name, state: "running", label: t("job.uploading"), progress: upload.total ? upload.sent / upload.total : 0, facts, reason: "", error: "", cancel: true, download: false };
}

/** @param {Job} job @returns {Line} */
function jobLine(job) {
  const busy = job.state === "queued" || job.state === "running";
  const error = job.error ? problemText(job.error) : "";
  const label = job.state === "running" ? `${Math.round(job.progress * 100)} %` : t(`job.${job.state}`);
  return { id: job.id, name: job.name, state: job.state, label, progress: job.state === "succeeded" ? 1 : job.progress, facts: facts(job), reason: busy || job.state === "succeeded" ? said(job.reason) : "", error, cancel: busy, download: job.state === "succeeded" };
}

/** @param {import("../protocol.js").LocalExport} made @returns {Line} */
function localLine(made) {
  const { id, name, state, result, error } = made;
  const busy = state === "running";
  const left = made.seconds_left === null ? "" : t("left", { time: span(made.seconds_left) });
  const done = result && [`${result.size.width} × ${result.size.height}`, length(result.duration_us), size(result.bytes), !result.stored && t("jobs.saved")];
  return {
    id,
    name,
    state,
    label: busy ? (made.paused ? `${t("jobs.paused")} ` : "") + `${Math.round(made.progress * 100)} %` : t(`job.${state}`),
    progress: made.progress,
    paused: busy ? made.paused : undefined,
    facts: (done ?? [busy && left, t("jobs.here"), busy && said(made.message)]).filter(Boolean).join(" · "),
    reason: "",
    error: error ? problemText(error) : "",
    cancel: busy,
    download: !!result?.stored,
  };
}

/** @param {Job} job */
function facts(job) {
  const { result } = job;
  if (result) {
    return [`${result.out_size.width} × ${result.out_size.height}`, length(result.duration_us), size(result.bytes), cost(result)].filter(Boolean).join(" · ");
  }
  if (job.state === "running" || job.state === "queued") {
    const left = job.seconds_left !== null && job.state === "running" ? t("left", { time: span(job.seconds_left) }) : "";
    const cost = (job.estimate?.cost_usd ?? 0) > 0 ? `≈ ${money(job.estimate?.cost_usd ?? 0)}` : "";
    return [left || said(job.message), job.processor?.name, cost].filter(Boolean).join(" · ");
  }
  return "";
}

/** What it cost, beside what had been estimated; nothing for what was free. @param {import("../protocol.js").ExportResult} result */
function cost({ actual_cost_usd: actual, estimated_cost_usd: estimated }) {
  if (!(actual > 0)) return "";
  return estimated > 0 ? t("jobs.cost", { actual: money(actual), estimated: money(estimated) }) : money(actual);
}

/** @param {HTMLElement} element @param {Line} line */
function update(element, line) {
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (element.querySelector(name));
  attribute(element, "data-state", line.state);
  text(part(".job-name"), line.name);
  attribute(part(".job-name"), "title", line.name);
  text(part(".job-state"), line.label);
  const bar = /** @type {HTMLProgressElement} */ (part("progress"));
  bar.value = line.progress;
  bar.hidden = !line.cancel;
  text(part(".job-facts"), line.facts);
  attribute(part(".job-facts"), "title", line.facts);
  const pause = part("[data-testid=job-pause]");
  pause.hidden = line.paused === undefined;
  attribute(pause, "data-paused", String(!!line.paused));
  attribute(pause, "aria-label", t(line.paused ? "jobs.continue" : "jobs.pause", { name: line.name }));
  text(pause, t(line.paused ? "jobs.continue-short" : "jobs.pause-short"));
  part("[data-testid=job-cancel]").hidden = !line.cancel;
  part("[data-testid=job-download]").hidden = !line.download;
  text(part(".job-reason"), line.reason);
  part(".job-reason").hidden = !line.reason;
  text(part(".job-error"), line.error);
  part(".job-error").hidden = !line.error;
}
