// @ts-check
/**
 * A clip playing with the preview, by the app's own worker, player and frame pump: how many of its frames reach the canvas, and for
 * how long the page's thread is ever blocked.
 */

import { FramePump } from "../media/frame-pump.js";
import { inspect } from "../media/open.js";
import { Player } from "../media/player.js";
import { WorkerClient } from "../worker-client.js";

const SETTLE_MS = 1500;

/**
 * @typedef {{clip: string, width: number, height: number, fps: number, tier: string, crop: {width: number, height: number},
 *   seconds: number, frames: number, decoded: number, alone: number, presented: number, share: number, longest_block_ms: number, cpu_ms: number, gpu_ms: number}} Playing
 */

/**
 * Plays for `seconds`. `frames` is what the clip has in that time, `decoded` those of them that the browser itself did not drop, `presented`
 * what Python told that it drew; `alone`: the share that the browser did not drop before, with no preview beside it.
 * @param {{file: File, tier: string, software: boolean, seconds: number, aspect: string, stage: HTMLElement}} asked
 * @returns {Promise<Playing>}
 */
export async function play({ file, tier, software, seconds, aspect, stage }) {
  const video = /** @type {HTMLVideoElement} */ (stage.querySelector("video"));
  stage.querySelector("canvas")?.replaceWith(document.createElement("canvas"));
  const canvas = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
  const player = new Player(video);
  /** @type {import("../protocol.js").AppState | null} */
  let state = null;
  let counting = false;
  const sums = { presented: 0, cpu: 0, gpu: 0 };
  /** @type {(() => void)[]} */
  const waiting = [];
  const client = new WorkerClient({
    software,
    tier: tier.toLowerCase(),
    api: "/api/v1",
    onEvent: event => {
      if (event.type === "state") {
        state = event.state;
        pump.setLive(state.preview.live);
        for (const check of [...waiting]) check();
      }
      if (event.type === "frame") {
        pump.presented(event);
        if (counting && event.presented) {
          sums.presented += 1;
          sums.cpu += event.cpu_ms;
          sums.gpu += event.gpu_ms;
        }
      }
    },
  });
  const pump = new FramePump(player, (frame, timeUs) => client.postFrame(frame, timeUs));
  /** @param {(state: import("../protocol.js").AppState) => any} condition @param {string} what */
  const until = (condition, what) =>
    new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`The preview never came to ${what}: ${JSON.stringify(state?.preview)}`)), 60_000);
      const check = () => {
        if (!state || !condition(state)) return;
        clearTimeout(limit);
        waiting.splice(waiting.indexOf(check), 1);
        resolve(undefined);
      };
      waiting.push(check);
      check();
    });
  try {
    const opened = await inspect(file);
    player.load(opened.url);
    video.muted = true;
    video.loop = true;
    await video.play();
    await new Promise(resolve => setTimeout(resolve, SETTLE_MS));
    const alone = await counted(video, seconds / 2);
    video.pause();
    await client.ready;
    const offscreen = canvas.transferControlToOffscreen();
    await client.send({ type: "attach-canvas" }, { canvas: offscreen }, [offscreen]);
    await client.send({ type: "open-media", name: file.name, bytes: file.size, size: opened.size, duration_us: opened.durationUs, content_type: file.type, project_id: "" }, { file });
    if (aspect) await client.send({ type: "set-aspect", aspect });
    await until(now => now.preview.live, "life");
    pump.refresh();
    await until(now => now.capability?.tier === tier, `tier ${tier}`);
    await video.play();
    await new Promise(resolve => setTimeout(resolve, SETTLE_MS));
    const blocks = watchBlocks();
    const began = performance.now();
    counting = true;
    const { frames, shown } = await counted(video, seconds);
    counting = false;
    const spent = (performance.now() - began) / 1000;
    const longest = blocks.stop();
    video.pause();
    const crop = /** @type {any} */ (state).project.clips[0].crop;
    URL.revokeObjectURL(opened.url);
    return {
      clip: file.name,
      width: opened.size.width,
      height: opened.size.height,
      fps: Math.round((frames / spent) * 100) / 100,
      tier,
      crop: { width: Math.round(crop.width), height: Math.round(crop.height) },
      seconds: spent,
      frames,
      decoded: shown,
      alone: alone.shown / Math.max(1, alone.frames),
      presented: sums.presented,
      share: sums.presented / Math.max(1, frames),
      longest_block_ms: longest,
      cpu_ms: sums.cpu / Math.max(1, sums.presented),
      gpu_ms: sums.gpu / Math.max(1, sums.presented),
    };
  } finally {
    pump.setLive(false);
    player.unload();
    client.close();
  }
}

/**
 * The longest gap between two calls of a timer, which browsers call every 4 ms at most: the longest that the page's thread was blocked, and
 * those 4 ms. Anything busier would take part of the thread that it watches.
 */
function watchBlocks() {
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 0);
  return {
    stop: () => {
      clearInterval(timer);
      return longest;
    },
  };
}

/** @param {HTMLVideoElement} video @param {number} seconds @returns {Promise<{frames: number, shown: number}>} what the clip had, and what the browser did not drop */
async function counted(video, seconds) {
  const before = video.getVideoPlaybackQuality();
  await new Promise(resolve => setTimeout(resolve, seconds * 1000));
  const after = video.getVideoPlaybackQuality();
  const frames = after.totalVideoFrames - before.totalVideoFrames;
  return { frames, shown: frames - (after.droppedVideoFrames - before.droppedVideoFrames) };
}
