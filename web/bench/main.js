// @ts-check
/**
 * The bench's page. Query: `auto` starts at once; `sizes=640x360,…`; `adapter=software` takes a software adapter, only to see that all
 * runs; `peers` and `clip=ADDRESS` (with `seconds`, `plays=M:16:9,…`) are what `build.py bench` adds; `report` posts the result to it.
 */

import { byTest } from "../ui/dom.js";
import { play } from "./playing.js";
import { timePeers } from "./peers.js";
import { drawPlot, drawStages, drawTable } from "./tables.js";
import { measure } from "./worker.js";

const SIZES = "640x360,1280x720,1920x1080";

const query = new URLSearchParams(location.search);
const software = query.get("adapter") === "software";
const sizes = (query.get("sizes") ?? SIZES).split(",").map(each => {
  const [width, height] = each.split("x").map(Number);
  return { width, height };
});

/** @typedef {{made: string, browser: string, isolated: boolean, ours: import("../protocol.js").BenchReport, peers: import("./peers.js").PeerTime[], playing: import("./playing.js").Playing[], faults: string[]}} Result */

/** @type {Result | null} */
let result = null;
const start = /** @type {HTMLButtonElement} */ (byTest("start"));
const chosen = /** @type {HTMLInputElement} */ (byTest("clip"));

/** @param {number} share @param {string} message */
function tell(share, message) {
  byTest("progress").hidden = false;
  /** @type {HTMLProgressElement} */ (byTest("progress").querySelector("progress")).value = share;
  if (byTest("message").textContent !== message) post("progress", message);
  byTest("message").textContent = message;
}

/** Tells build.py, where it opened this page. @param {"progress" | "result"} kind @param {string} body */
async function post(kind, body) {
  const token = query.get("report");
  if (token !== null) await fetch(`./${kind}/${encodeURIComponent(token)}`, { method: "POST", body });
}

async function run() {
  start.disabled = true;
  byTest("failure").hidden = true;
  try {
    tell(0, "Starting");
    const ours = await measure({ sizes, software }, tell);
    result = { made: new Date().toISOString(), browser: navigator.userAgent, isolated: crossOriginIsolated, ours, peers: [], playing: [], faults: [] };
    draw();
    await attempt("The peers", async () => {
      if (query.has("peers") && result) result.peers = await timePeers(sizes, message => tell(1, message));
    });
    const clip = await givenClip();
    for (const each of clip ? (query.get("plays") ?? "M 9:16").split(",") : []) {
      const [tier, aspect = ""] = each.split(" ");
      await attempt(`Playing with ${each}`, async () => {
        tell(1, `Playing ${clip?.name} with ${tier}${aspect && `, ${aspect}`}`);
        byTest("stage").hidden = false;
        result?.playing.push(await play({ file: /** @type {File} */ (clip), tier, aspect, software, seconds: Number(query.get("seconds") ?? 8), stage: byTest("stage") }));
      });
    }
    draw();
    byTest("progress").hidden = true;
  } catch (error) {
    fail(error);
  } finally {
    byTest("stage").hidden = true;
    start.disabled = false;
    start.textContent = "Again";
  }
  await post("result", JSON.stringify(result ?? { failure: byTest("failure").textContent }));
}

/** What is beside the bench itself may fail without taking it along. @param {string} what @param {() => Promise<void>} act */
async function attempt(what, act) {
  try {
    await act();
  } catch (error) {
    result?.faults.push(`${what}: ${error instanceof Error ? error.message : error}`);
  }
  draw();
}

async function givenClip() {
  if (chosen.files?.[0]) return chosen.files[0];
  const address = query.get("clip");
  if (!address) return null;
  const blob = await (await fetch(address)).blob();
  return new File([blob], address.split("/").at(-1) ?? "clip", { type: "video/mp4", lastModified: 0 });
}

/** @param {unknown} error */
function fail(error) {
  byTest("progress").hidden = true;
  byTest("failure").hidden = false;
  byTest("failure").textContent = error instanceof Error ? error.message : String(error);
}

function draw() {
  if (!result) return;
  const { ours, peers, playing, faults } = result;
  byTest("results").hidden = false;
  byTest("copy").hidden = false;
  const name = [...new Set([ours.vendor, ours.architecture, ours.description].filter(Boolean))].join(" ") || "A GPU that does not tell its name";
  byTest("gpu").textContent = `${name}: ${ours.peak_tflops.toFixed(1)} TFLOP/s of f32 multiply-adds, ${ours.copy_gbs.toFixed(0)} GB/s copied`;
  drawTable(byTest("table"), ours, peers);
  drawPlot(byTest("plot"), byTest("caption"), ours, peers);
  drawStages(byTest("stages"), ours);
  const notes = [
    ours.timestamps ? "Times are the GPU's own (timestamp queries). Browsers round those to 0.1 ms unless told otherwise, so every figure is a batch of at least 20 ms divided by its frames, the best of five." : "This GPU gives no timestamps: times are the page's clock around batches of at least 20 ms, the best of five.",
    "A frame is everything from the crop to the finished picture, all its stages in one submit. Peak and shares count a multiply-add as two operations; the peak is measured by plain f32 WGSL.",
    `Optional features of this device: ${ours.features.join(", ") || "none"}.`,
  ];
  if (ours.cost) {
    const { cost } = ours;
    const ms = (/** @type {number} */ value) => `${value.toFixed(3)} ms`;
    notes.push(`One frame on the worker's thread (tier ${cost.tier}, ${cost.width}×${cost.height}, mean of ${cost.frames}): ${ms(cost.total_ms)}. Python's own bookkeeping is ${ms(cost.python_ms)} of it, encoding and submitting ${ms(cost.submit_ms)}, the browser's importExternalTexture and the frame's close() ${ms(cost.import_ms)}, its getCurrentTexture ${ms(cost.canvas_ms)}. The clock is rounded to ${result.isolated ? "0.005" : "0.1"} ms.`);
  }
  if (ours.software) notes.unshift("This is a software adapter: the figures only show that everything runs.");
  for (const each of playing) {
    notes.push(`${each.clip}, ${each.width}×${each.height} at ${each.fps} frames a second, tier ${each.tier}, crop ${each.crop.width}×${each.crop.height}: ${(each.share * 100).toFixed(1)} % of ${each.frames} frames reached the canvas in ${each.seconds.toFixed(1)} s (of the video alone this browser shows ${(each.alone * 100).toFixed(1)} %); the page's thread was never blocked for longer than ${each.longest_block_ms.toFixed(1)} ms.`);
  }
  for (const fault of faults) notes.push(fault);
  byTest("notes").replaceChildren(
    ...notes.map(text => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }),
  );
}

start.addEventListener("click", run);
byTest("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(JSON.stringify(result, null, 1));
  byTest("copy").textContent = "Copied";
});
chosen.addEventListener("change", () => {
  if (!start.disabled) run();
});
if (query.has("auto")) run();
