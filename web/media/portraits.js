// @ts-check
/** Thumbnails of players and clips, taken by a silent <video> of their own, one after the other. */

export class Portraits {
  #video = document.createElement("video");
  #url = "";
  /** What a canvas shows or is about to. @type {WeakMap<HTMLCanvasElement, string>} */
  #drawn = new WeakMap();
  #queue = Promise.resolve();

  /** Another medium. @param {string} url "" for none */
  setSource(url) {
    if (url === this.#url) return;
    this.#url = url;
    this.#video.muted = true;
    this.#video.preload = "auto";
    if (url) this.#video.src = url;
    else this.#video.removeAttribute("src");
    this.#video.load();
  }

  /** Draws what is in a box at a moment, unless it is there: the box's height, as wide as the canvas's shape asks. @param {HTMLCanvasElement} canvas @param {number} timeUs @param {import("../protocol.js").Rect} box */
  draw(canvas, timeUs, box) {
    const url = this.#url;
    const key = JSON.stringify([url, timeUs, box]);
    if (!url || this.#drawn.get(canvas) === key) return;
    this.#drawn.set(canvas, key);
    this.#queue = this.#queue.then(async () => {
      if (url !== this.#url || this.#drawn.get(canvas) !== key) return;
      await this.#seek(timeUs / 1e6 + 1e-3);
      if (url === this.#url) cut(canvas, this.#video, box);
    });
  }

  /** @param {number} seconds @returns {Promise<void>} */
  #seek(seconds) {
    const video = this.#video;
    return new Promise(resolve => {
      const limit = setTimeout(resolve, 3000); // a portrait less is better than none after it
      const done = () => {
        clearTimeout(limit);
        resolve();
      };
      video.addEventListener("seeked", done, { once: true });
      video.addEventListener("error", done, { once: true });
      video.currentTime = seconds;
    });
  }
}

/** @param {HTMLCanvasElement} canvas @param {HTMLVideoElement} video @param {import("../protocol.js").Rect} box */
function cut(canvas, video, box) {
  const { y, height } = box;
  const width = (height * canvas.width) / canvas.height;
  const x = box.x + (box.width - width) / 2;
  canvas.getContext("2d")?.drawImage(video, x, y, width, height, 0, 0, canvas.width, canvas.height);
}
