// @ts-check
/** Where a reel made in this browser goes: a file that the person chooses, or the private folder and from there a download. */

const FOLDER = "exports"; // as in pycore/backends/browser/disk.py
const REVOKE_MS = 60_000;
const TYPES = { mp4: "video/mp4", webm: "video/webm" };

/**
 * Asks where to save, in browsers that can: the file's handle, "" where this browser cannot, or null when the person thought better of it.
 * To be called in a click.
 * @param {string} name @param {"mp4" | "webm"} extension
 * @returns {Promise<any>}
 */
export async function chooseFile(name, extension) {
  const ask = /** @type {any} */ (globalThis).showSaveFilePicker;
  if (!ask) return "";
  const plain = name.replace(/[\\/:*?"<>|\u0000-\u001f]/g, "_").trim() || "reel";
  try {
    return await ask({ suggestedName: `${plain}.${extension}`, types: [{ accept: { [TYPES[extension]]: [`.${extension}`] } }] });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
}

/** An address of a file in the private folder, good for a minute. @param {string} name */
export async function storedUrl(name) {
  const root = await navigator.storage.getDirectory();
  const handle = await (await root.getDirectoryHandle(FOLDER)).getFileHandle(name);
  const url = URL.createObjectURL(await handle.getFile());
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
  return url;
}
