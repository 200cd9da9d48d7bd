// @ts-check
/** The players' boxes and the crop's path by time, as the last events told them. */

/**
 * @typedef {import("../protocol.js").Rect} Rect
 * @typedef {import("../protocol.js").TrackColumns} TrackColumns
 * @typedef {import("../protocol.js").PathPoint} PathPoint
 * @typedef {{id: string, box: Rect, sight: number, score: number, color: string}} Shown
 */

export class Tracks {
  /** @type {number[]} */
  #times = [];
  /** @type {TrackColumns[]} */
  #tracks = [];
  /** @type {PathPoint[]} */
  #crop = [];

  /** @param {import("../protocol.js").TracksChanged} event */
  setTracks(event) {
    this.#times = event.times_us;
    this.#tracks = event.tracks;
  }

  /** @param {import("../protocol.js").PathChanged} event */
  setPath(event) {
    this.#crop = event.crop;
  }

  clear() {
    this.#times = [];
    this.#tracks = [];
    this.#crop = [];
  }

  get known() {
    return this.#times.length > 0;
  }

  /** Everyone in the frame at a moment. @param {number} timeUs @returns {Shown[]} */
  at(timeUs) {
    if (!this.known) return [];
    const frame = nearest(this.#times, timeUs);
    /** @type {Shown[]} */
    const shown = [];
    for (const track of this.#tracks) {
      const row = lowerBound(track.frames, frame);
      if (track.frames[row] !== frame) continue;
      const [x, y, width, height] = track.boxes.slice(4 * row, 4 * row + 4);
      shown.push({ id: track.id, box: { x, y, width, height }, sight: track.sights[row], score: track.scores[row], color: track.color });
    }
    return shown;
  }

  /** Where the crop is at a moment, or null where nothing moves it. @param {number} timeUs @returns {Rect | null} */
  cropAt(timeUs) {
    const points = this.#crop;
    if (points.length === 0) return null;
    const after = lowerBound(points.map(point => point.time_us), timeUs + 1);
    const last = points[Math.min(after, points.length - 1)];
    const first = points[Math.max(after - 1, 0)];
    const span = last.time_us - first.time_us;
    const share = span > 0 ? Math.min(Math.max((timeUs - first.time_us) / span, 0), 1) : 0;
    const mix = (/** @type {keyof Rect} */ side) => first.rect[side] + (last.rect[side] - first.rect[side]) * share;
    return { x: mix("x"), y: mix("y"), width: mix("width"), height: mix("height") };
  }
}

/** Index of the first value that is not less. @param {number[]} values rising @param {number} value */
function lowerBound(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {number[]} times rising, not empty @param {number} time */
function nearest(times, time) {
  const after = Math.min(lowerBound(times, time), times.length - 1);
  const before = Math.max(after - 1, 0);
  return time - times[before] < times[after] - time ? before : after;
}
