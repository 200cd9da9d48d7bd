// @ts-check
/** The clip that is open: from a chosen file to the <video> at once, and to Python as soon as it is up. */

import { t } from "../ui/language.js";
import { CommandError } from "../worker-client.js";
import { byId } from "../ui/dom.js";
import { hush } from "../ui/toasts.js";
import { drawFilmstrip } from "./filmstrip.js";
import { inspect, playbackError, UnusableMedia } from "./open.js";
import { projectOf, remember } from "./resume.js";

const DEMO = new URL("../demo/demo.mp4", import.meta.url);

/** @typedef {import("../protocol.js").Problem} Problem */

export class MediaSession {
  /** @type {File | null} */
  file = null;
  /** Display size in pixels. @type {{width: number, height: number} | null} */
  size = null;
  /** What is being opened, or "". */
  opening = "";
  #url = "";
  #player;
  #client;
  #hooks;
  #strip = new AbortController();
  #turn = 0;

  /**
   * @param {import("./player.js").Player} player
   * @param {import("../worker-client.js").WorkerClient} client
   * @param {{onChange: () => void, tell: (problem: Problem) => void}} hooks
   */
  constructor(player, client, hooks) {
    this.#player = player;
    this.#client = client;
    this.#hooks = hooks;
    player.video.addEventListener("error", () => {
      if (this.file) hooks.tell(playbackError(player.video, this.file.name).problem);
    });
  }

  /** The open file's address, or "". */
  get url() {
    return this.#url;
  }

  get isOpen() {
    return this.file !== null;
  }

  /** The state's clip, where it is of the file that is open (Python may still be with the one before). @param {import("../protocol.js").AppState} state */
  clipOf(state) {
    const clip = state.project?.clips[state.project.selected ?? 0];
    return clip && clip.media.name === this.file?.name && clip.media.bytes === this.file?.size ? clip : null;
  }

  /** As `open`, for controls: what goes wrong is told. @param {File} file */
  async choose(file) {
    try {
      await this.open(file);
    } catch (error) {
      if (!(error instanceof UnusableMedia || error instanceof CommandError)) throw error;
      this.#hooks.tell(error.problem);
    }
  }

  /**
   * Opens a file in place of what is open; resolves when Python has taken it up. Throws UnusableMedia or a CommandError; a file
   * that cannot be used leaves what is open as it is.
   * @param {File} file
   */
  async open(file) {
    const turn = ++this.#turn;
    this.#setOpening(file.name);
    try {
      const opened = await inspect(file);
      if (turn !== this.#turn) return URL.revokeObjectURL(opened.url); // another file was chosen meanwhile
      this.#show(file, opened);
      await this.#tellPython(file, opened);
    } finally {
      if (turn === this.#turn) this.#setOpening("");
    }
  }

  /** Opens the clip that comes with the page. */
  async openDemo() {
    this.#setOpening("demo.mp4");
    try {
      const answer = await fetch(DEMO);
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      const blob = await answer.blob();
      await this.choose(new File([blob], "demo.mp4", { type: "video/mp4", lastModified: 0 }));
    } catch (error) {
      this.#setOpening("");
      const detail = error instanceof Error ? error.message : String(error);
      this.#hooks.tell({ code: "media.no-demo", title: t("media.no-demo"), detail, hint: t("media.no-demo-hint"), status: 404 });
    }
  }

  async close() {
    this.#turn += 1;
    this.#forget();
    this.#hooks.onChange();
    await this.#client.send({ type: "close-media" });
  }

  /** @param {import("../protocol.js").AppState} state */
  stateChanged(state) {
    const clip = this.clipOf(state);
    if (!clip || !this.file || !state.project) return;
    remember(this.file, state.project.id);
    if (clip.media.fps > 0) this.#player.frameSeconds = 1 / clip.media.fps;
  }

  /** @param {File} file @param {import("./open.js").Opened} opened */
  #show(file, opened) {
    this.#forget();
    hush();
    this.file = file;
    this.size = opened.size;
    this.#url = opened.url;
    this.#player.load(opened.url);
    this.opening = "";
    this.#hooks.onChange(); // the strip must be laid out before it is drawn
    this.#strip = new AbortController();
    drawFilmstrip(/** @type {HTMLCanvasElement} */ (byId("filmstrip")), opened.url, this.#strip.signal, seconds => {
      this.#player.frameSeconds = seconds;
    }).catch(error => console.warn("The timeline has no thumbnails:", error.message));
  }

  /** @param {File} file @param {import("./open.js").Opened} opened */
  async #tellPython(file, opened) {
    const command = {
      type: "open-media",
      name: file.name,
      bytes: file.size,
      size: opened.size,
      duration_us: opened.durationUs,
      content_type: file.type,
      project_id: projectOf(file),
    };
    await this.#client.ready.catch(() => {}); // without Python the video still plays; Reel says what failed
    if (this.#client.booted && this.file === file) await this.#client.send(command, { file });
  }

  #forget() {
    this.#strip.abort();
    this.file = null;
    this.size = null;
    this.#player.unload();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = "";
  }

  /** @param {string} name */
  #setOpening(name) {
    this.opening = name;
    this.#hooks.onChange();
  }
}
