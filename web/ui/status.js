// @ts-check
/** The chip that says which processor is at work, and why. */

import { attribute, byId, byTest, text } from "./dom.js";
import { ms, problemText } from "./format.js";
import { said, t } from "./language.js";

/** @typedef {import("../protocol.js").AppState} AppState @typedef {import("../protocol.js").Problem} Problem */

/** Names of texts. */
const LEVELS = { none: "work.none", "webgpu-limited": "work.limited", "webgpu-full": "work.full" };

/** @param {AppState} state @param {{progress: number, message: string}} boot @param {Problem | null} failure */
export function drawStatus(state, boot, failure) {
  const { capability } = state;
  const booting = !failure && !capability;
  const progress = /** @type {HTMLProgressElement} */ (byTest("boot-progress"));
  progress.hidden = !booting;
  progress.value = boot.progress;

  const chip = failure ? t("work.stopped-chip") : booting ? t("work.starting-chip", { percent: Math.round(boot.progress * 100) }) : atWork(state);
  const reason = failure ? problemText(failure) : booting ? `${said(boot.message)}.` : said(capability?.reason ?? "");
  text(byId("status-text"), chip);
  text(byTest("status-reason"), reason);
  const button = byTest("status-chip");
  attribute(button, "title", reason);
  attribute(button, "aria-label", t("work.named", { name: chip }));
  const dot = failure ? "bad" : booting ? "busy" : capability?.level === "none" ? "none" : capability?.level === "webgpu-limited" || capability?.software ? "weak" : "good";
  attribute(byId("status-dot"), "data-level", dot);

  text(byId("status-preview"), failure ? t("work.stopped") : booting ? t("work.starting") : capability?.level === "none" ? t("work.not-upscaled") : t("work.this-gpu", { name: atWork(state) }));
  text(byId("status-export"), exporters(state));
}

/** "NVIDIA · WebGPU full · base · 0.5 ms". @param {AppState} state */
function atWork({ capability, server }) {
  if (!capability) return "";
  if (capability.level === "none") {
    const processor = server?.processors.find(each => each.available);
    return processor ? `${t(LEVELS.none)} · ${t("work.exports", { name: processor.name })}` : t(LEVELS.none);
  }
  const maker = capability.software ? t("work.software") : capability.vendor ? capability.vendor[0].toUpperCase() + capability.vendor.slice(1) : "GPU";
  const parts = [/^(nvidia|amd)$/i.test(maker) ? maker.toUpperCase() : maker, t(LEVELS[capability.level])];
  if (capability.tier) parts.push(capability.tier);
  if (capability.bench_ms !== null) parts.push(ms(capability.bench_ms));
  return parts.join(" · ");
}

/** @param {AppState} state */
function exporters({ server, server_problem: problem }) {
  if (!server) return problem ? problemText(problem) : t("work.looking");
  return server.processors.map(each => (each.available ? each.name : `${each.name} (${said(each.reason) || t("not-available")})`)).join("; ") || t("work.no-processor");
}
