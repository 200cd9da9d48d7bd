// @ts-check
/**
 * How many frames a second the analysis worker looks at, alone and with the preview at full rate beside it: the very workers of the page.
 * ?clip=URL&base=URL of dist/&runs=N. Reports {decode, alone, beside} to POST /result, and in the page.
 */

const query = new URLSearchParams(location.search);
const base = new URL(query.get("base") ?? "../", location.href).href;
const runs = Number(query.get("runs") ?? 4);
const software = query.get("adapter") === "software";
const log = /** @type {HTMLElement} */ (document.querySelector("pre"));
/** @type {Record<string, any>} */
const report = { agent: navigator.userAgent, clip: query.get("clip"), notes: [] };

/** @param {string} text */
function say(text) {
  log.textContent += `${text}\n`;
  console.log(text);
}

/** A worker of the page; `heard` gets every message. @param {string} entry @param {(data: any) => void} heard */
function worker(entry, heard) {
  const made = new Worker(new URL("worker.js", base), { type: "module" });
  made.onmessage = ({ data }) => heard(data);
  made.onerror = event => fail(`${entry}: ${event.message}`);
  made.postMessage({ boot: { entry, base, api: "/api/v1", software, tier: query.get("tier") ?? "" } });
  return made;
}

/** @param {any} error */
function fail(error) {
  report.error = String(error?.stack ?? error);
  say(report.error);
  send();
}

function send() {
  document.documentElement.dataset.report = JSON.stringify(report);
  fetch("/result", { method: "POST", body: JSON.stringify(report) }).catch(() => {});
}

/** Frames a second of decoding alone. @param {File} file */
async function decodeOnly(file) {
  const media = await import(new URL("mediabunny/mediabunny.min.mjs", base).href);
  const input = new media.Input({ source: new media.BlobSource(file), formats: media.ALL_FORMATS });
  const track = await input.getPrimaryVideoTrack();
  const started = performance.now();
  let frames = 0;
  for await (const sample of new media.VideoSampleSink(track).samples()) {
    frames += 1;
    sample.close();
  }
  return { frames, fps: (1000 * frames) / (performance.now() - started), size: [track.displayWidth, track.displayHeight] };
}

try {
  const clip = query.get("clip") ?? "demo/demo.mp4";
  const file = new File([await (await fetch(new URL(clip, base))).blob()], "clip.mp4", { type: "video/mp4" });
  report.decode = await decodeOnly(file);
  say(`decoding alone: ${report.decode.fps.toFixed(0)} frames/s`);
  const [width, height] = report.decode.size;
  const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
  video.src = URL.createObjectURL(file);
  await new Promise(done => video.addEventListener("loadeddata", done, { once: true }));
  const request = { type: "analyse", size: { width, height }, duration_us: Math.round(video.duration * 1e6) };

  /** @type {(event: any) => void} */
  let hear = () => {};
  const analyst = worker("analyst", data => {
    if (data.event?.type === "boot-failed") fail(JSON.stringify(data.event.problem));
    if (data.event?.type === "ready") report.processor = data.event.processor.name;
    hear(data.event);
  });

  /** One analysis of the clip. @returns {Promise<any>} */
  const analyse = () =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      hear = event => {
        if (event.type === "failed" || event.type === "trouble") reject(new Error(JSON.stringify(event.problem)));
        if (event.type !== "finished") return;
        const frames = event.tracking.times_us.length;
        resolve({ fps: event.frames_per_second, wall_ms: performance.now() - started, frames, tracks: event.tracking.tracks.length });
      };
      analyst.postMessage({ request, attachments: { file } });
    });

  report.alone = [];
  for (let i = 0; i < runs; i++) {
    const run = await analyse();
    report.alone.push(run);
    say(`alone: ${run.fps.toFixed(1)} frames/s of ${run.frames}, ${run.tracks} tracks`);
  }

  // The preview beside it, as the page's frame pump feeds it.
  let shown = 0;
  let inFlight = false;
  let live = false;
  const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("canvas")).transferControlToOffscreen();
  const app = worker("worker", data => {
    if (data.event?.type === "frame") {
      inFlight = false;
      if (data.event.presented) shown += 1;
    }
    if (data.event?.type === "state") {
      live = data.event.state.preview.live;
      report.tier = data.event.state.capability?.tier ?? report.tier;
    }
    if (data.event?.type === "notice") report.notes.push(data.event.problem);
  });
  const open = { type: "open-media", name: file.name, bytes: file.size, size: { width, height }, duration_us: request.duration_us };
  app.postMessage({ id: 1, command: { type: "attach-canvas" }, attachments: { canvas } }, [canvas]);
  app.postMessage({ id: 2, command: open, attachments: { file } });
  let came = 0;
  const pump = () => {
    video.requestVideoFrameCallback(pump);
    came += 1;
    if (!live || inFlight) return;
    const frame = new VideoFrame(video, { timestamp: 0 });
    inFlight = true;
    app.postMessage({ frame, time_us: Math.round(video.currentTime * 1e6) }, [frame]);
  };
  video.requestVideoFrameCallback(pump);
  await video.play();
  for (let waited = 0; waited < 60_000 && shown < 60; waited += 100) await new Promise(done => setTimeout(done, 100));
  await new Promise(done => setTimeout(done, 3000)); // the nets are measured meanwhile

  /** @param {() => Promise<any>} during */
  const rates = async during => {
    const [started, shownBefore, cameBefore] = [performance.now(), shown, came];
    const result = await during();
    const seconds = (performance.now() - started) / 1000;
    return { ...result, preview_fps: (shown - shownBefore) / seconds, video_fps: (came - cameBefore) / seconds };
  };
  report.preview_alone = await rates(() => new Promise(done => setTimeout(() => done({}), 3000)));
  report.beside = [];
  for (let i = 0; i < runs; i++) {
    const run = await rates(analyse);
    report.beside.push(run);
    say(`beside the preview: ${run.fps.toFixed(1)} frames/s; preview ${run.preview_fps.toFixed(1)} of ${run.video_fps.toFixed(1)} frames/s, tier ${report.tier}`);
  }
  send();
} catch (error) {
  fail(error);
}
