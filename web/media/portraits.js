// @ts-check
/** Players' thumbnails, taken by a silent <video> of their own, one after the other. */

const MARGIN = 0.35;

/** @typedef {import("../protocol.js").Player} Player */

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

  /** Draws a player's portrait, unless it is there. @param {HTMLCanvasElement} canvas @param {Player} player */
  draw(canvas, player) {
    const { url } = { url: this.#url };
    const key = JSON.stringify([url, player.portrait_us, player.portrait]);
    if (!url || this.#drawn.get(canvas) === key) return;
    this.#drawn.set(canvas, key);
    this.#queue = this.#queue.then(async () => {
      if (url !== this.#url || this.#drawn.get(canvas) !== key) return;
      await this.#seek(player.portrait_us / 1e6 + 1e-3);
      if (url === this.#url) cut(canvas, this.#video, player.portrait);
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
  const height = box.height * (1 + MARGIN);
  const width = (height * canvas.width) / canvas.height;
  const x = box.x + (box.width - width) / 2;
  const y = box.y + (box.height - height) / 2;
  canvas.getContext("2d")?.drawImage(video, x, y, width, height, 0, 0, canvas.width, canvas.height);
}
