// @ts-check
/** The sizes that an export is offered in, per shape of the reel. */

/** @typedef {import("../protocol.js").Size} Size */

/** @type {Record<string, [number, number][]>} */
const SIZES = {
  "9:16": [[720, 1280], [1080, 1920], [1440, 2560], [2160, 3840]],
  "4:5": [[720, 900], [1080, 1350], [1440, 1800], [2160, 2700]],
  "1:1": [[720, 720], [1080, 1080], [1440, 1440], [2160, 2160]],
  "16:9": [[1280, 720], [1920, 1080], [2560, 1440], [3840, 2160]],
};
const FREE_FACTORS = [1, 2, 3, 4];
const FREE_LONGEST = 3840;

/**
 * Choices for a clip, smallest first; the present size is among them even where it is none of the usual ones.
 * @param {import("../protocol.js").Clip} clip
 * @param {Size} present
 * @returns {{value: string, label: string}[]} value as "1080x1920"
 */
export function outputSizes(clip, present) {
  const usual = SIZES[clip.aspect] ?? free(clip.crop);
  const all = usual.some(([width, height]) => width === present.width && height === present.height)
    ? usual
    : [...usual, /** @type {[number, number]} */ ([present.width, present.height])];
  return [...all].sort((a, b) => a[0] - b[0]).map(([width, height]) => ({ value: `${width}x${height}`, label: `${width} × ${height}` }));
}

/** @param {string} value "1080x1920" @returns {Size} */
export function parseSize(value) {
  const [width, height] = value.split("x").map(Number);
  return { width, height };
}

/** @param {import("../protocol.js").Rect} crop @returns {[number, number][]} */
function free(crop) {
  const even = (/** @type {number} */ value) => Math.max(16, 2 * Math.round(value / 2));
  return FREE_FACTORS.filter(factor => factor === 1 || Math.max(crop.width, crop.height) * factor <= FREE_LONGEST).map(factor => [
    even(crop.width * factor),
    even(crop.height * factor),
  ]);
}
