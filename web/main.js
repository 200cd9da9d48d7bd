// @ts-check
/** Wires the page: Python's state is drawn, controls send commands, the <video> plays. Start reading here. */

import { FramePump } from "./media/frame-pump.js";
import { MediaSession } from "./media/session.js";
import { Player } from "./media/player.js";
import { Portraits } from "./media/portraits.js";
import { Tracks } from "./media/tracks.js";
import { Boxes } from "./ui/boxes.js";
import { byTest, fillIcons } from "./ui/dom.js";
import { wireDrop } from "./ui/drop.js";
import { ClipsPanel } from "./ui/clips-panel.js";
import { ExportPanel } from "./ui/export-panel.js";
import { Field } from "./ui/field.js";
import { FollowPanel } from "./ui/follow-panel.js";
import { FramePanel } from "./ui/frame-panel.js";
import { drawFull, wireFull } from "./ui/full.js";
import { drawHeader } from "./ui/header.js";
import { wireHelp } from "./ui/help.js";
import { Jobs } from "./ui/jobs.js";
import { t } from "./ui/language.js";
import { wireLanguage } from "./ui/language-choice.js";
import { Keyframes } from "./ui/keyframes.js";
import { listenToKeys } from "./ui/keyboard.js";
import { PlayerPanel } from "./ui/player-panel.js";
import { Reel } from "./ui/reel.js";
import { drawSeen, nextLost } from "./ui/seen-strip.js";
import { shortcuts } from "./ui/shortcuts.js";
import { SignIn } from "./ui/sign-in.js";
import { drawStatus } from "./ui/status.js";
import { tell } from "./ui/toasts.js";
import { wireTheme } from "./ui/theme.js";
import { Transport } from "./ui/transport.js";
import { keepOffline, useNewest } from "./offline.js";
import { SnapshotKeeper } from "./snapshot.js";
import { CommandError, WorkerClient } from "./worker-client.js";

/**
 * @typedef {import("./protocol.js").AppState} AppState
 * @typedef {import("./protocol.js").Problem} Problem
 * @typedef {import("./worker-client.js").Command} Command
 */

/** Before Python has spoken. @type {AppState} */
let state = {
  capability: null,
  project: null,
  preview: { split: 0, sharpness: 0.4, live: false, message: "" },
  can_undo: false,
  can_redo: false,
  server: null,
  server_problem: null,
  estimates: [],
  tracking_estimates: [],
  upload: null,
  jobs: [],
  analysis: { state: "none", progress: 0, seconds_left: null, message: "", processor: null, problem: null, players: [], revision: 0, waiting: false },
  presets: [],
  local_offer: null,
  local_exports: [],
};
let boot = { progress: 0, message: "Starting" };
/** @type {Problem | null} */
let failure = null;

/** How long after Python's start the page fetches what it needs offline, if no frame has come before. */
const KEEP_AFTER_MS = 10_000;

fillIcons();
wireLanguage(drawAgain);
wireTheme();
const query = new URLSearchParams(location.search);
const api = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=reelballers-api]")).content; // a path here, or a URL elsewhere
const client = new WorkerClient({ software: query.get("adapter") === "software", tier: query.get("tier") ?? "", api, onEvent });

/** Sends a command for a control: a refusal is told, and gives undefined. @param {Command} command @param {object} [attachments] @param {Transferable[]} [transfer] */
async function run(command, attachments, transfer) {
  try {
    return await client.send(command, attachments, transfer);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.problem !== failure) tell(error.problem); // a dead worker has its own face, in Reel
    return undefined;
  }
}

/** Has the page kept for use without a network: its first picture came first. */
function keep() {
  keepOffline(() => tell({ code: "app.updated", title: t("app.updated"), detail: "", hint: t("app.updated-hint"), status: 200 }));
}

/** Tells what a playback action failed of. @param {Promise<void>} action */
function guard(action) {
  action.catch(error => tell({ code: "media.play", title: t("media.play"), detail: String(error.message ?? error), hint: t("media.play-hint"), status: 400 }));
}

const snapshots = new SnapshotKeeper();
const player = new Player(/** @type {HTMLVideoElement} */ (byTest("video")));
const pump = new FramePump(player, (frame, timeUs) => client.postFrame(frame, timeUs));
const tracks = new Tracks();
const portraits = new Portraits();
const field = new Field(run, player, tracks);
const boxes = new Boxes(player, tracks, run, () => guard(player.toggle()));
const playerPanel = new PlayerPanel(player, portraits, run);
const reel = new Reel(run, player.video);
const transport = new Transport(player, run, guard);
const framePanel = new FramePanel(run);
const clipsPanel = new ClipsPanel(run, player, portraits);
const followPanel = new FollowPanel(run);
const keyframes = new Keyframes(player, tracks, run);
const exportPanel = new ExportPanel(run);
const jobs = new Jobs(run);
const signIn = new SignIn(run);
const media = new MediaSession(player, client, { onChange: draw, tell });
player.onFrame(() => moveFrame());
player.video.addEventListener("seeked", () => moveFrame());
addEventListener("resize", () => reel.drawStandin());
addEventListener("beforeunload", event => {
  if (state.local_exports.some(each => each.state === "running")) event.preventDefault(); // it would be lost
});
wireDrop(media);
wireFull();
wireHelp();
listenToKeys(shortcuts({ player, transport, keyframes, run, guard, toggleBoxes: () => boxes.toggle(), nextLost: () => nextLost(state, player.timeUs) }));
signIn.resume();
draw();
useNewest(() => !media.isOpen);
client.ready.then(() => setTimeout(keep, KEEP_AFTER_MS), () => {});

/** @param {import("./worker-client.js").WorkerEvent} event */
function onEvent(event) {
  if (client?.booted) snapshots.busy();
  switch (event.type) {
    case "booting":
      boot = event;
      return draw();
    case "boot-failed":
      failure = event.problem;
      pump.setLive(false);
      return draw();
    case "state": {
      const before = state;
      state = event.state;
      draw();
      pump.setLive(state.preview.live && media.clipOf(state) !== null);
      if (looksDifferent(before, state)) pump.refresh();
      return media.stateChanged(state);
    }
    case "frame":
      pump.presented(event);
      keep();
      return reel.presented(event, pump.frames);
    case "tracks":
      tracks.setTracks(event);
      return boxes.drawBoxes();
    case "path":
      tracks.setPath(event);
      pump.refresh();
      return draw(); // the frame goes back to where it rests when the path is gone
    case "followed":
      boxes.followed(event);
      if (event.crop) field.place(event.crop);
      return;
    case "notice":
      return tell(event.problem);
  }
}

/** The crop frame, and what stands in for Reel, where the path has them at the moment that is shown. */
function moveFrame() {
  const crop = tracks.cropAt(player.timeUs);
  if (crop) field.place(crop);
  reel.drawStandin(crop);
}

/** Whether the frame on the canvas is no longer what the state asks for. @param {AppState} before @param {AppState} now */
function looksDifferent(before, now) {
  const look = (/** @type {AppState} */ each) => JSON.stringify([each.project?.clips[each.project.selected]?.crop, each.project?.clips[each.project.selected]?.spotlight, each.preview, each.capability?.tier]);
  return look(before) !== look(now);
}

function draw() {
  const clip = media.clipOf(state);
  document.body.dataset.view = media.isOpen ? "work" : "empty";
  drawHeader(media, clip);
  drawStatus(state, boot, failure);
  field.setPicture(media.size);
  if (!clip) tracks.clear();
  portraits.setSource(media.url);
  field.draw(clip, tracks.cropAt(player.timeUs));
  boxes.draw(state);
  playerPanel.draw(state, client.booted);
  drawSeen(state);
  reel.draw(state, clip, boot, failure);
  transport.draw(clip);
  framePanel.draw(state);
  clipsPanel.draw(state, clip);
  followPanel.draw(state, clip);
  keyframes.draw(clip);
  exportPanel.draw(state, client.booted, failure !== null);
  jobs.draw(state);
  signIn.draw(state);
}

/** In another language: what was made with texts in it is made anew. */
function drawAgain() {
  jobs.clear();
  drawFull();
  transport.drawPlayback();
  draw();
}

/** The page for programs: embedding, tests, the console. The same commands that its buttons use. */
globalThis.reelballers = {
  /** Resolves when Python is up; rejects with a readable error when it cannot start. */
  ready: client.ready,
  /** The last AppState, and whether Python is up. */
  state: () => ({ ...state, booted: client.booted }),
  /** Whether Python was started from a snapshot; and makes one for the next visit now, instead of when nothing happens. */
  fromSnapshot: () => client.fromSnapshot,
  makeSnapshot: () => snapshots.make(),
  /**
   * Runs a command by its `type`, with its fields; open-media takes {file: File} alone, as the drop zone does.
   * @param {string} name
   * @param {Record<string, any>} [args]
   */
  command: (name, args = {}) => {
    if (name === "open-media" && args.file) return media.open(args.file);
    if (name === "close-media") return media.close();
    return client.send({ ...args, type: name });
  },
  /** Resolves when Reel shows the present frame as the present state wants it. */
  settled: () => pump.settled(),
};
