// @ts-check
/** The clip's name and facts, and what the empty page says about the file being opened. */

import { byId, byTest, text } from "./dom.js";
import { length, size } from "./format.js";

const USUAL = "MP4, MOV or WebM, whatever plays in this browser";

/** @param {import("../media/session.js").MediaSession} media @param {import("../protocol.js").Clip | null} clip */
export function drawHeader(media, clip) {
  const { file } = media;
  byId("clip").hidden = !file;
  text(byTest("media-name"), file?.name ?? "");
  const facts = file ? [clip && length(clip.media.duration_us), clip?.media.fps && `${+clip.media.fps.toFixed(2)} fps`, size(file.size)] : [];
  text(byId("clip-facts"), facts.filter(Boolean).join(" · "));
  document.title = file ? `${file.name} – ReelBallers` : "ReelBallers";
  text(byId("empty-fine"), media.opening ? `Opening ${media.opening}…` : USUAL);
  byTest("drop-zone").classList.toggle("opening", media.opening !== "");
}
