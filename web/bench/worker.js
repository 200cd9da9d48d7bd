// @ts-check
/** The bench's half that runs in the worker: boots Python there and resolves with its report. */

/**
 * @typedef {import("../protocol.js").BenchReport} BenchReport
 * @typedef {import("../protocol.js").Problem} Problem
 */

export class BenchError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super([problem.title, problem.detail, problem.hint].filter(Boolean).join(". "));
    this.name = "BenchError";
    this.problem = problem;
  }
}

/**
 * @param {{sizes: {width: number, height: number}[], software: boolean}} asked
 * @param {(share: number, message: string) => void} tell
 * @returns {Promise<BenchReport>}
 */
export function measure({ sizes, software }, tell) {
  const base = new URL("./", document.baseURI).href;
  const worker = new Worker(new URL("../worker.js", import.meta.url), { type: "module", name: "bench" });
  const canvas = new OffscreenCanvas(16, 16);
  /** @type {Promise<BenchReport>} */
  const report = new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(`The bench's worker stopped: ${message}`));
    worker.onmessage = ({ data }) => {
      const event = data.event;
      if (event.type === "booting") tell(0.2 * event.progress, event.message);
      if (event.type === "bench-progress") tell(0.2 + 0.8 * (event.done / event.total), event.message);
      if (event.type === "bench-done") resolve(event.report);
      if (event.type === "bench-failed" || event.type === "boot-failed") reject(new BenchError(event.problem));
    };
  });
  worker.postMessage({ boot: { entry: "bench", base, api: "", software, tier: "" } });
  worker.postMessage({ command: { type: "run-bench", sizes, software }, canvas }, [canvas]);
  return report.finally(() => worker.terminate());
}
