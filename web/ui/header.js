// @ts-check
/** The clip's name and facts, and what the empty page says about the file being opened. */

import { byId, byTest, text } from "./dom.js";
import { length, size } from "./format.js";
import { t } from "./language.js";

/** @param {import("../media/session.js").MediaSession} media @param {import("../protocol.js").Clip | null} clip */
export function drawHeader(media, clip) {
  const { file } = media;
  byId("clip").hidden = !file;
  text(byTest("media-name"), file?.name ?? "");
  const facts = file ? [clip && length(clip.media.duration_us), clip?.media.fps && t("fps", { rate: +clip.media.fps.toFixed(2) }), size(file.size)] : [];
  text(byId("clip-facts"), facts.filter(Boolean).join(" · "));
  document.title = file ? `${file.name} – ReelBallers` : "ReelBallers";
  text(byId("empty-fine"), media.opening ? t("open.opening", { name: media.opening }) : t("open.formats"));
  byTest("drop-zone").classList.toggle("opening", media.opening !== "");
}
