// @ts-check
/** Thumbnails along the timeline, taken by a second, silent <video>; on the way it learns how long a frame is. */

const HEIGHT = 96; // drawn at twice the strip's height, for dense screens

/**
 * Draws thumbnails of `url` into `canvas`, left to right. Stops when `signal` aborts.
 * @param {HTMLCanvasElement} canvas
 * @param {string} url
 * @param {AbortSignal} signal
 * @param {(seconds: number) => void} onFrameLength called once, with the shortest of the first frames' lengths
 */
export async function drawFilmstrip(canvas, url, signal, onFrameLength) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser gives no 2D canvas");
  canvas.width = 1;
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  video.src = url;
  try {
    await once(video, "loadeddata", signal);
    const length = await frameLength(video, signal);
    if (length > 0) onFrameLength(length);
    const aspect = video.videoWidth / video.videoHeight;
    const width = canvas.clientWidth / Math.max(canvas.clientHeight, 1);
    const count = Math.max(4, Math.min(16, Math.round(width / aspect)));
    canvas.height = HEIGHT;
    canvas.width = Math.round(HEIGHT * width);
    const each = canvas.width / count;
    for (let i = 0; i < count; i++) {
      const seeked = once(video, "seeked", signal);
      video.currentTime = ((i + 0.5) / count) * video.duration;
      await seeked;
      cover(context, video, i * each, each);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    video.removeAttribute("src");
    video.load();
  }
}

/** Draws the video so that it covers one cell. @param {CanvasRenderingContext2D} context @param {HTMLVideoElement} video @param {number} x @param {number} width */
function cover(context, video, x, width) {
  const scale = Math.max(width / video.videoWidth, HEIGHT / video.videoHeight);
  const sourceWidth = width / scale;
  const sourceHeight = HEIGHT / scale;
  const left = (video.videoWidth - sourceWidth) / 2;
  const top = (video.videoHeight - sourceHeight) / 2;
  context.drawImage(video, left, top, sourceWidth, sourceHeight, x, 0, width, HEIGHT);
}

/** Plays a few frames and takes the shortest distance between neighbours, in seconds; 0 where it cannot be told. @param {HTMLVideoElement} video @param {AbortSignal} signal @returns {Promise<number>} */
function frameLength(video, signal) {
  if (!("requestVideoFrameCallback" in video)) return Promise.resolve(0);
  return new Promise(resolve => {
    let shortest = Infinity;
    let seen = 0;
    /** @type {{mediaTime: number, presentedFrames: number} | null} */
    let last = null;
    const finish = () => {
      clearTimeout(limit);
      video.pause();
      resolve(Number.isFinite(shortest) ? shortest : 0);
    };
    const limit = setTimeout(finish, 1500);
    const onFrame = (/** @type {number} */ _now, /** @type {VideoFrameCallbackMetadata} */ metadata) => {
      const step = last ? metadata.mediaTime - last.mediaTime : 0;
      if (last && step > 1e-3 && metadata.presentedFrames === last.presentedFrames + 1) shortest = Math.min(shortest, step);
      last = metadata;
      seen += 1;
      if (seen >= 6 || signal.aborted) finish();
      else video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    video.play().catch(finish); // a browser that plays nothing unasked tells nothing; the default length stays
  });
}

/** @param {HTMLVideoElement} video @param {string} type @param {AbortSignal} signal @returns {Promise<void>} */
function once(video, type, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.aborted ? signal.reason : new Error(`no thumbnails: ${video.error?.message}`));
    if (signal.aborted) return stop();
    video.addEventListener(type, () => resolve(), { once: true, signal });
    video.addEventListener("error", stop, { once: true, signal });
    signal.addEventListener("abort", stop, { once: true });
  });
}
