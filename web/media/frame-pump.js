// @ts-check
/** Sends the frame that the <video> shows to the worker: one in flight, late ones dropped, the last one never lost. */

export class FramePump {
  /** Frames that reached the canvas since the page was opened. */
  frames = 0;
  #video;
  #player;
  #post;
  #live = false;
  #inFlight = false;
  /** The canvas does not yet show what it should. */
  #stale = false;
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {import("./player.js").Player} player
   * @param {(frame: VideoFrame, timeUs: number) => void} post
   */
  constructor(player, post) {
    this.#player = player;
    this.#video = player.video;
    this.#post = post;
    player.onFrame(() => this.refresh());
    for (const type of ["seeked", "loadeddata"]) this.#video.addEventListener(type, () => this.refresh());
  }

  /** Whether frames are worth sending: AppState.preview.live. @param {boolean} live */
  setLive(live) {
    if (live === this.#live) return;
    this.#live = live;
    this.#inFlight = false; // a lost device may have taken its frame along
    if (live) this.refresh();
    else this.#tell();
  }

  /** The present frame must be drawn (again): it is new, or the crop or the look has changed. */
  refresh() {
    this.#stale = true;
    this.#send();
  }

  /** The worker has answered a frame. @param {import("../protocol.js").FramePresented} event */
  presented(event) {
    this.#inFlight = false;
    if (event.presented) this.frames += 1;
    this.#send();
    this.#tell();
  }

  /** Resolves when the canvas shows the present frame as the present state wants it; at once where nothing is live. */
  async settled() {
    for (;;) {
      while (this.#live && (this.#inFlight || this.#stale || this.#video.seeking)) {
        await new Promise(resolve => this.#waiting.push(() => resolve(undefined)));
      }
      for (let i = 0; i < 3; i++) await new Promise(resolve => requestAnimationFrame(resolve)); // the compositor takes it over
      if (!this.#live || !(this.#inFlight || this.#stale || this.#video.seeking)) return;
    }
  }

  #send() {
    const video = this.#video;
    const shows = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0 && !video.seeking;
    if (!this.#live || this.#inFlight || !this.#stale || !shows) return;
    const timeUs = this.#player.timeUs;
    const frame = new VideoFrame(video, { timestamp: timeUs });
    this.#inFlight = true;
    this.#stale = false;
    this.#post(frame, timeUs);
  }

  #tell() {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
