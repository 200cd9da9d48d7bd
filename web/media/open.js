// @ts-check
/** Opening a file: is it a video that this browser plays, and if not, what is wrong and what to do. */

const MP4_HINT = "Convert it to MP4 with H.264 video (8 bit) and open that.";
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
    throw new UnusableMedia("media.empty", "The file is empty", `${file.name} has no bytes.`, "Copy it again from where it was recorded.");
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
        "There is no picture in this file",
        `This browser finds only sound in ${file.name}: it has no video, or one in a format that is not played here (HEVC, ProRes).`,
        MP4_HINT,
      );
    }
    const durationUs = Math.round((await duration(probe)) * 1e6);
    if (!(durationUs > 0)) {
      throw new UnusableMedia("media.no-length", "The video has no length", `${file.name} ends where it begins.`, "It may have been cut off while it was recorded or copied: copy it again.");
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
    return new UnusableMedia("media.decode", "This video stopped decoding", `${name} is damaged, or its format is not fully supported here.`, MP4_HINT);
  }
  return new UnusableMedia("media.unsupported", "This file does not play here", `${name} is cut off, or no video that this browser knows (HEVC and ProRes often are not).`, MP4_HINT);
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
      reject(new UnusableMedia("media.stuck", "This video does not load", `${file.name} gave no frame for ${OPEN_LIMIT_MS / 1000} seconds.`, MP4_HINT));
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
