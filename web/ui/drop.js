// @ts-check
/** Choosing a file: drop zone, file button, demo clip, closing. A file may be dropped anywhere at any time. */

import { byId, byTest } from "./dom.js";

/** @param {import("../media/session.js").MediaSession} media */
export function wireDrop(media) {
  const input = /** @type {HTMLInputElement} */ (byTest("file-input"));
  byTest("choose-file").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = ""; // so that the same file can be chosen again
    if (file) media.choose(file);
  });
  byTest("demo-button").addEventListener("click", () => media.openDemo());
  byTest("close-media").addEventListener("click", () => media.close());

  let depth = 0;
  const veil = byId("drop-veil");
  const hasFile = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const show = (/** @type {boolean} */ on) => veil.classList.toggle("shown", on);
  addEventListener("dragenter", event => {
    if (hasFile(event)) show(++depth > 0);
  });
  addEventListener("dragleave", event => {
    if (hasFile(event)) show((depth = Math.max(0, depth - 1)) > 0);
  });
  addEventListener("dragover", event => hasFile(event) && event.preventDefault());
  addEventListener("drop", event => {
    if (!hasFile(event)) return;
    event.preventDefault();
    show((depth = 0) > 0);
    const file = event.dataTransfer?.files[0];
    if (file) media.choose(file);
  });
}
