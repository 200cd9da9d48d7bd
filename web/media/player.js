// @ts-check
/** The native <video>: playback, seeking without piling up seeks, single frames, and a call for every frame that is shown. */

const DEFAULT_FRAME_SECONDS = 1 / 30;

export class Player {
  /** Time of the frame that is shown, in microseconds. */
  timeUs = 0;
  /** Length of a frame in seconds, as far as it is known: see learnFrameLength and MediaInfo.fps. */
  frameSeconds = DEFAULT_FRAME_SECONDS;
  loop = false;
  inUs = 0;
  outUs = Infinity;
  /** @type {number | null} */
  #wanted = null;
  #steps = Promise.resolve();
  /** @type {((timeUs: number) => void)[]} */
  #listeners = [];

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
    video.addEventListener("seeked", () => this.#seeked());
    video.addEventListener("ended", () => this.loop && this.#again());
    if ("requestVideoFrameCallback" in video) {
      const onFrame = (/** @type {number} */ _now, /** @type {VideoFrameCallbackMetadata} */ metadata) => {
        video.requestVideoFrameCallback(onFrame);
        this.#shown(metadata.mediaTime);
      };
      video.requestVideoFrameCallback(onFrame);
    } else {
      const tick = () => {
        requestAnimationFrame(tick);
        if (!this.video.paused) this.#shown(this.video.currentTime);
      };
      tick();
    }
  }

  get durationUs() {
    return Number.isFinite(this.video.duration) ? Math.round(this.video.duration * 1e6) : 0;
  }

  /** Calls `listener` with the time of each frame that is shown, in microseconds. @param {(timeUs: number) => void} listener */
  onFrame(listener) {
    this.#listeners.push(listener);
  }

  /** @param {string} url */
  load(url) {
    this.timeUs = 0;
    this.#wanted = null;
    this.frameSeconds = DEFAULT_FRAME_SECONDS;
    this.video.src = url;
  }

  unload() {
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.inUs = 0;
    this.outUs = Infinity;
  }

  /** The clip's range: playing stops, or starts again, at its end. @param {number} inUs @param {number} outUs */
  setRange(inUs, outUs) {
    this.inUs = inUs;
    this.outUs = outUs;
  }

  #roaming = false;

  /** Plays on beyond the clip's range until it is paused: somebody watches the match, not the clip. */
  roam() {
    this.#roaming = true;
  }

  async toggle() {
    if (!this.video.paused) return this.video.pause();
    const now = this.video.currentTime * 1e6;
    const end = Math.min(this.outUs, this.durationUs);
    const atEnd = Math.abs(now - end) <= this.frameSeconds * 1e6;
    this.#roaming = !atEnd && (now > end || now < this.inUs - 1);
    if (atEnd) this.seek(this.inUs);
    try {
      await this.video.play();
    } catch (error) {
      // pausing or closing the clip before playing began is no error; a refusal to play is
      if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    }
  }

  /** Goes to a moment; while a seek is under way only the newest wish is kept. @param {number} timeUs */
  seek(timeUs) {
    const seconds = Math.min(Math.max(timeUs / 1e6, 0), this.durationUs / 1e6);
    if (this.video.seeking) this.#wanted = seconds;
    else this.video.currentTime = seconds;
  }

  /** @param {number} seconds forward, or back where negative */
  skip(seconds) {
    this.seek((this.#wanted ?? this.video.currentTime) * 1e6 + seconds * 1e6);
  }

  /** One frame forward (1) or back (-1), whatever the frames' lengths. Steps asked for in a row are all taken. @param {1 | -1} direction */
  step(direction) {
    this.#steps = this.#steps.then(() => this.#step(direction));
    return this.#steps;
  }

  /** @param {1 | -1} direction */
  async #step(direction) {
    this.video.pause();
    const length = this.frameSeconds;
    const shown = this.timeUs / 1e6;
    const start = Math.abs(this.video.currentTime - shown) < 1.5 * length ? shown : this.video.currentTime;
    let target = direction > 0 ? start + 1.25 * length : start - 0.5 * length;
    for (let attempt = 0; attempt < 8; attempt++) {
      this.seek(target * 1e6);
      const moved = await this.#nextFrame();
      if (moved === null || Math.abs(moved / 1e6 - start) > 1e-4) return;
      target += (direction * length) / 2; // a longer frame than usual: variable frame rate
    }
  }

  /** Resolves with the time of the next frame that is shown, or null when none comes (either end of the video). @returns {Promise<number | null>} */
  #nextFrame() {
    return new Promise(resolve => {
      const done = (/** @type {number | null} */ value) => {
        clearTimeout(timer);
        this.#listeners = this.#listeners.filter(each => each !== done);
        resolve(value);
      };
      const timer = setTimeout(() => done(null), 500);
      this.#listeners.push(done);
    });
  }

  /** @param {number} mediaTime seconds */
  #shown(mediaTime) {
    this.timeUs = Math.round(mediaTime * 1e6);
    if (!this.video.paused && !this.#roaming && this.timeUs >= this.outUs - 1 && this.outUs < this.durationUs) {
      if (this.loop) this.#again();
      else {
        this.video.pause();
        this.seek(this.outUs - this.frameSeconds * 5e5);
      }
    }
    for (const listener of [...this.#listeners]) listener(this.timeUs);
  }

  #again() {
    this.seek(this.inUs);
    this.video.play().catch(error => {
      if (error.name !== "AbortError") console.error(error);
    });
  }

  #seeked() {
    if (this.#wanted !== null) {
      const seconds = this.#wanted;
      this.#wanted = null;
      this.video.currentTime = seconds;
    } else if (!("requestVideoFrameCallback" in this.video)) {
      this.#shown(/** @type {HTMLVideoElement} */ (this.video).currentTime);
    }
  }
}
