// @ts-check
/** Opening a file: is it a video that this browser plays, and if not, what is wrong and what to do. */

import { t } from "../ui/language.js";

const OPEN_LIMIT_MS = 20_000;

/**
 * @typedef {import("../protocol.js").Problem} Problem
 * @typedef {{url: string, size: {width: number, height: number}, durationUs: number}} Opened
 */

/** A file that cannot be used; `problem` says why and what to do. */
export class UnusableMedia extends Error {
  /** @param {string} code @param {string} title @param {string} detail @param {string} hint */
  constructor(code, title, detail, hint) {
    super(`${title}. ${detail} ${hint}`);
    /** @type {Problem} */
    this.problem = { code, title, detail, hint, status: 422 };
  }
}

/**
 * Loads a file far enough to know that its first frame decodes. The caller owns the URL and revokes it.
 * @param {File} file
 * @returns {Promise<Opened>} display size in pixels
 */
export async function inspect(file) {
  if (file.size === 0) {
    throw new UnusableMedia("media.empty", t("media.empty"), t("media.empty-detail", { name: file.name }), t("media.empty-hint"));
  }
  const url = URL.createObjectURL(file);
  const probe = document.createElement("video");
  probe.muted = true;
  probe.preload = "auto";
  try {
    probe.src = url;
    await metadata(probe, file);
    if (probe.videoWidth === 0 || probe.videoHeight === 0) {
      throw new UnusableMedia(
        "media.no-picture",
        t("media.no-picture"),
        t("media.no-picture-detail", { name: file.name }),
        t("media.mp4-hint"),
      );
    }
    const durationUs = Math.round((await duration(probe)) * 1e6);
    if (!(durationUs > 0)) {
      throw new UnusableMedia("media.no-length", t("media.no-length"), t("media.no-length-detail", { name: file.name }), t("media.no-length-hint"));
    }
    await firstFrame(probe, file);
    return { url, size: { width: probe.videoWidth, height: probe.videoHeight }, durationUs };
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  } finally {
    probe.removeAttribute("src");
    probe.load();
  }
}

/** What a <video>'s error means. @param {HTMLVideoElement} video @param {string} name */
export function playbackError(video, name) {
  console.info(`${name}: ${video.error?.message}`); // the browser's own words help whoever looks into it, and nobody else
  if (video.error?.code === MediaError.MEDIA_ERR_DECODE) {
    return new UnusableMedia("media.decode", t("media.decode"), t("media.decode-detail", { name }), t("media.mp4-hint"));
  }
  return new UnusableMedia("media.unsupported", t("media.unsupported"), t("media.unsupported-detail", { name }), t("media.mp4-hint"));
}

/** @param {HTMLVideoElement} probe @param {File} file */
function metadata(probe, file) {
  return until(probe, "loadedmetadata", HTMLMediaElement.HAVE_METADATA, file);
}

/** @param {HTMLVideoElement} probe @param {File} file */
function firstFrame(probe, file) {
  return until(probe, "loadeddata", HTMLMediaElement.HAVE_CURRENT_DATA, file);
}

/** @param {HTMLVideoElement} probe @param {string} type @param {number} state @param {File} file @returns {Promise<void>} */
function until(probe, type, state, file) {
  return new Promise((resolve, reject) => {
    if (probe.error) return reject(playbackError(probe, file.name));
    if (probe.readyState >= state) return resolve();
    const limit = setTimeout(() => {
      reject(new UnusableMedia("media.stuck", t("media.stuck"), t("media.stuck-detail", { name: file.name, seconds: OPEN_LIMIT_MS / 1000 }), t("media.mp4-hint")));
    }, OPEN_LIMIT_MS);
    const done = (/** @type {() => void} */ then) => () => {
      clearTimeout(limit);
      then();
    };
    probe.addEventListener(type, done(resolve), { once: true });
    probe.addEventListener("error", done(() => reject(playbackError(probe, file.name))), { once: true });
  });
}

/** Seconds. A recording straight from a camera's stream (WebM) tells its length only after a jump to its end. @param {HTMLVideoElement} probe @returns {Promise<number>} */
async function duration(probe) {
  if (probe.duration !== Infinity) return probe.duration;
  return new Promise(resolve => {
    const finish = () => {
      clearTimeout(limit);
      resolve(Number.isFinite(probe.duration) ? probe.duration : 0);
    };
    const limit = setTimeout(finish, 5000);
    probe.addEventListener("durationchange", () => Number.isFinite(probe.duration) && finish());
    probe.currentTime = 1e9;
  });
}
