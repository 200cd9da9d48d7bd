// @ts-check
/**
 * The interpreter's snapshot: Python's memory as it is right after its start, kept in the browser's private folder, so that the next
 * start reads it instead of starting Python anew. The worker makes and reads it, the page says when.
 */

const FOLDER = "snapshots";
const QUIET_MS = 15_000;

/** Named by Pyodide's version, which says which interpreter it is; Pyodide checks its own build's mark as well. @param {string} version */
const nameOf = version => `pyodide-${version}`;

/** @returns {Promise<FileSystemDirectoryHandle | null>} null where this browser keeps no files */
async function folder() {
  if (!globalThis.FileSystemFileHandle?.prototype.createWritable) return null;
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
}

/** The snapshot of that version, or null. @param {string} version @returns {Promise<Uint8Array | null>} */
export async function readSnapshot(version) {
  try {
    const handle = await (await folder())?.getFileHandle(nameOf(version));
    const bytes = handle && new Uint8Array(await (await handle.getFile()).arrayBuffer());
    return bytes?.length ? bytes : null;
  } catch {
    return null; // there is none, or the browser forbids its folder: Python starts without
  }
}

/** Takes all of them away: one did not start. */
export async function dropSnapshots() {
  try {
    await (await navigator.storage.getDirectory()).removeEntry(FOLDER, { recursive: true });
  } catch (error) {
    console.warn("The interpreter's snapshot could not be removed.", error);
  }
}

/** In a worker of its own: starts a bare Python and keeps what its memory is. @param {{loadPyodide: any, version: string}} pyodide @param {object} options loadPyodide's */
export async function makeSnapshot({ loadPyodide, version }, options) {
  const kept = await folder();
  if (!kept) return false;
  if (await readSnapshot(version)) return true;
  const python = await loadPyodide({ ...options, _makeSnapshot: true });
  const bytes = python.makeMemorySnapshot();
  for await (const name of /** @type {any} */ (kept).keys()) await kept.removeEntry(name); // of other versions
  const file = await (await kept.getFileHandle(nameOf(version), { create: true })).createWritable(); // seen as a whole once it is closed
  await file.write(bytes);
  await file.close();
  return true;
}

/** On the page: has the snapshot made once nothing has happened for a while. */
export class SnapshotKeeper {
  #timer = 0;
  /** @type {Promise<boolean> | null} */
  #made = null;

  /** Something is going on. */
  busy() {
    clearTimeout(this.#timer);
    if (!this.#made) this.#timer = setTimeout(() => this.make(), QUIET_MS);
  }

  /** Makes it now, unless there is one; whether there is one then. */
  make() {
    return (this.#made ??= new Promise(done => {
      const base = new URL("./", import.meta.url).href;
      const worker = new Worker(new URL("worker.js", base), { type: "module", name: "snapshot" });
      const end = (/** @type {boolean} */ made) => {
        worker.terminate();
        done(made);
      };
      worker.addEventListener("message", ({ data }) => "snapshot" in data && end(data.snapshot));
      worker.addEventListener("error", () => end(false));
      worker.postMessage({ snapshot: { base } });
    }));
  }
}
