// @ts-check
/** What a drag of the crop frame asks for, in display pixels. Python clamps it again and decides; these only keep the anchor still. */

/** @typedef {import("../protocol.js").Rect} Rect @typedef {import("../protocol.js").Size} Size */

export const MIN_SIDE = 16; // pycore.framing.crop.MIN_SIDE

/** @type {Record<string, number | null>} */
const RATIOS = { "9:16": 9 / 16, "1:1": 1, "4:5": 4 / 5, "16:9": 16 / 9, free: null };

/** width / height, or null where the frame is free. @param {string} aspect */
export function ratioOf(aspect) {
  return RATIOS[aspect] ?? null;
}

/** @param {Rect} crop @param {number} dx @param {number} dy @param {Size} picture @returns {Rect} */
export function moved(crop, dx, dy, picture) {
  const x = Math.min(Math.max(crop.x + dx, 0), picture.width - crop.width);
  const y = Math.min(Math.max(crop.y + dy, 0), picture.height - crop.height);
  return { ...crop, x, y };
}

/**
 * The frame with one corner dragged by (dx, dy) and the opposite corner held.
 * @param {Rect} crop
 * @param {string} corner "nw", "ne", "sw" or "se"
 * @param {number} dx
 * @param {number} dy
 * @param {Size} picture
 * @param {number | null} ratio
 * @returns {Rect}
 */
export function resized(crop, corner, dx, dy, picture, ratio) {
  const west = corner.includes("w");
  const north = corner.includes("n");
  const anchorX = west ? crop.x + crop.width : crop.x;
  const anchorY = north ? crop.y + crop.height : crop.y;
  const roomX = west ? anchorX : picture.width - anchorX;
  const roomY = north ? anchorY : picture.height - anchorY;
  let width = crop.width + (west ? -dx : dx);
  let height = crop.height + (north ? -dy : dy);
  if (ratio === null) {
    width = clamp(width, MIN_SIDE, roomX);
    height = clamp(height, MIN_SIDE, roomY);
  } else {
    width = clamp(Math.max(width, height * ratio), MIN_SIDE * Math.max(1, ratio), Math.min(roomX, roomY * ratio));
    height = width / ratio;
  }
  return { x: west ? anchorX - width : anchorX, y: north ? anchorY - height : anchorY, width, height };
}

/** The frame grown (factor over 1) or shrunk around its middle, pushed back into the picture. @param {Rect} crop @param {number} factor @param {Size} picture @returns {Rect} */
export function scaled(crop, factor, picture) {
  const most = Math.min(picture.width / crop.width, picture.height / crop.height);
  const least = MIN_SIDE / Math.min(crop.width, crop.height);
  const by = Math.min(Math.max(factor, Math.min(least, 1)), Math.max(most, 1));
  const width = Math.min(crop.width * by, picture.width);
  const height = Math.min(crop.height * by, picture.height);
  return moved({ x: crop.x + (crop.width - width) / 2, y: crop.y + (crop.height - height) / 2, width, height }, 0, 0, picture);
}

/** @param {number} value @param {number} least @param {number} most */
function clamp(value, least, most) {
  return Math.max(Math.min(value, most), Math.min(least, most));
}
