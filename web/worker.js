// @ts-check
/**
 * Boots Python and forwards messages to it; all else is Python (pycore/backends/browser/worker.py, or
 * the module beside it that `entry` names: bench.py for bench.html, analyst.py for the worker that looks for players).
 *
 * First message: {boot: {base, api, software, tier, entry}}. What comes before Python is there waits for it. {snapshot: {base}}
 * instead: a snapshot for the next boot is made, and told as {snapshot: whether there is one}.
 */

import { dropSnapshots, makeSnapshot, readSnapshot } from "./snapshot.js";

/** What the boot fetches, with each file's share of the wait. */
const FILES = [
  { name: "pyodide.mjs", share: 0.05, next: "Loading Python" },
  { name: "pyodide-lock.json", share: 0.02, next: "Loading Python" },
  { name: "pyodide.asm.mjs", share: 0.13, next: "Loading Python" },
  { name: "python_stdlib.zip", share: 0.2, next: "Loading Python" },
  { name: "pyodide.asm.wasm", share: 0.3, next: "Starting Python" },
  { name: "pycore-", share: 0.15, next: "Starting ReelBallers" },
];

/** JavaScript's own import(), for Python. */
globalThis.importModule = (/** @type {string} */ url) => import(url);

/** @type {any[]} */
const waiting = [];
let receive = message => void waiting.push(message);
let step = "loading Python";
let failed = false;

onmessage = ({ data }) => (data.boot ? boot(data.boot) : data.snapshot ? snapshot(data.snapshot) : receive(data));

/** @param {{base: string, api: string, software: boolean, tier: string, entry?: "worker" | "analyst" | "bench"}} options */
async function boot({ base, api, software, tier, entry = "worker" }) {
  const stop = tellProgress();
  const unguard = guardFetch();
  try {
    const options = places(base);
    const pyodide = await import(`${options.indexURL}pyodide.mjs`);
    const python = await load(pyodide, { ...options, packages: entry === "analyst" ? ["numpy", "pycore"] : ["pycore"] });
    if (!python.loadedPackages.pycore) throw new Error("pycore's package did not arrive or is damaged (see the browser's console)");
    step = "starting ReelBallers";
    const start = python.pyimport(`pycore.backends.browser.${entry}`).start;
    receive = start(base, api, software, tier);
    for (const message of waiting.splice(0)) receive(message);
  } catch (error) {
    fail(error);
  } finally {
    stop();
    unguard();
  }
}

/** Where Pyodide and its packages lie. @param {string} base */
function places(base) {
  const indexURL = new URL("pyodide/", base).href;
  return { indexURL, lockFileURL: `${indexURL}pyodide-lock.json`, packageBaseUrl: indexURL };
}

/** Python with its packages, from the snapshot where there is one that starts. @param {any} pyodide @param {object} options loadPyodide's */
async function load({ loadPyodide, version }, options) {
  const kept = await readSnapshot(version);
  if (kept) {
    try {
      const python = await loadPyodide({ ...options, _loadSnapshot: kept });
      postMessage({ event: { type: "booting", progress: 0.95, message: "Starting ReelBallers", snapshot: true } });
      return python;
    } catch (error) {
      if (failed) throw error; // a file did not come: that is told already
      console.warn("The interpreter's snapshot does not start; Python starts without.", error);
      await dropSnapshots();
    }
  }
  return loadPyodide(options);
}

/** @param {{base: string}} options */
async function snapshot({ base }) {
  try {
    const options = places(base);
    postMessage({ snapshot: await makeSnapshot(await import(`${options.indexURL}pyodide.mjs`), options) });
  } catch (error) {
    console.warn("No snapshot of the interpreter was made.", error);
    postMessage({ snapshot: false });
  }
}

/**
 * Fails the boot when a file of it does not come: where that happens inside Pyodide, loadPyodide may never settle.
 * Returns what ends that.
 */
function guardFetch() {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const name = new URL(input instanceof Request ? input.url : input, location.href).pathname;
    try {
      const response = await fetch(input, init);
      const page = response.headers.get("content-type")?.startsWith("text/html");
      if (!response.ok || page) throw new Error(`the server answered ${page ? "with a web page" : response.status}`);
      return response;
    } catch (error) {
      const wrapped = new Error(`${name} could not be loaded: ${error.message}`);
      fail(wrapped);
      throw wrapped;
    }
  };
  return () => (globalThis.fetch = fetch);
}

/** Posts a booting event whenever one of FILES has arrived; returns what ends that. */
function tellProgress() {
  let progress = 0;
  const missing = new Set(FILES);
  const tell = message => postMessage({ event: { type: "booting", progress, message } });
  const observer = new PerformanceObserver(list => {
    for (const { name } of list.getEntries()) {
      const file = [...missing].find(each => name.includes(`/pyodide/${each.name}`));
      if (!file) continue;
      missing.delete(file);
      progress = Math.round((progress + file.share) * 100) / 100;
      tell(file.next);
    }
  });
  observer.observe({ type: "resource", buffered: true });
  tell("Loading Python");
  return () => observer.disconnect();
}

/** Tells why there is no Python, and refuses what waits for it. @param {any} error */
function fail(error) {
  if (failed) return;
  failed = true;
  const text = String(error?.message ?? error).trim();
  const problem = {
    code: "boot.failed",
    title: "The upscaler could not start",
    detail: `While ${step}: ${text.split("\n").at(-1)}`,
    hint: "Reload the page. If that does not help: is the server still running, and is this browser up to date?",
    status: 500,
  };
  console.error(error);
  receive = ({ id, frame }) => {
    frame?.close();
    if (id !== undefined) postMessage({ id, ok: false, error: problem });
  };
  for (const message of waiting.splice(0)) receive(message);
  postMessage({ event: { type: "boot-failed", problem } });
}
