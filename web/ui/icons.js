// @ts-check
/** The page's icons, drawn on a 24-unit grid with one stroke width. */

/** Paths that are stroked; a leading "!" marks one that is filled. @type {Record<string, string[]>} */
const PATHS = {
  play: ["!M8 5.2v13.6a.7.7 0 0 0 1.07.6l10.7-6.8a.7.7 0 0 0 0-1.2L9.07 4.6A.7.7 0 0 0 8 5.2z"],
  pause: ["!M7 5h3.2v14H7z", "!M13.8 5H17v14h-3.2z"],
  stepBack: ["!M17 6.2v11.6a.6.6 0 0 1-.93.5L8 12.5a.6.6 0 0 1 0-1l8.07-5.8a.6.6 0 0 1 .93.5z", "M5.6 6v12"],
  stepForward: ["!M7 6.2v11.6a.6.6 0 0 0 .93.5L16 12.5a.6.6 0 0 0 0-1L7.93 5.7a.6.6 0 0 0-.93.5z", "M18.4 6v12"],
  loop: ["M4.5 11V9.5a3 3 0 0 1 3-3h11", "M16 4l2.6 2.5L16 9", "M19.5 13v1.5a3 3 0 0 1-3 3h-11", "M8 20l-2.6-2.5L8 15"],
  volume: ["M4 9.5v5h3.2l4.3 3.7V5.8L7.2 9.5z", "M15 9.2a4 4 0 0 1 0 5.6", "M17.6 6.6a7.6 7.6 0 0 1 0 10.8"],
  muted: ["M4 9.5v5h3.2l4.3 3.7V5.8L7.2 9.5z", "M15.5 9.7l4.6 4.6", "M20.1 9.7l-4.6 4.6"],
  expand: ["M9 4.5H4.5V9", "M15 4.5h4.5V9", "M9 19.5H4.5V15", "M15 19.5h4.5V15"],
  shrink: ["M4.5 9H9V4.5", "M19.5 9H15V4.5", "M4.5 15H9v4.5", "M19.5 15H15v4.5"],
  undo: ["M8 5L4 9l4 4", "M4.4 9H14a5.5 5.5 0 0 1 0 11h-3"],
  redo: ["M16 5l4 4-4 4", "M19.6 9H10a5.5 5.5 0 0 0 0 11h3"],
  reset: ["M4.5 8V4.5H8", "M16 4.5h3.5V8", "M4.5 16v3.5H8", "M16 19.5h3.5V16", "M9 9h6v6H9z"],
  up: ["M6 14.5l6-6 6 6"],
  down: ["M6 9.5l6 6 6-6"],
  close: ["M6.5 6.5l11 11", "M17.5 6.5l-11 11"],
  folder: ["M3.5 7.5a2 2 0 0 1 2-2h3.3l2.2 2.5h7.5a2 2 0 0 1 2 2v6.5a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2z"],
  clip: ["M3.5 6.5a2 2 0 0 1 2-2h13a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2z", "!M10 9v6a.5.5 0 0 0 .77.42l4.6-3a.5.5 0 0 0 0-.84l-4.6-3A.5.5 0 0 0 10 9z"],
  export: ["M12 15V4.5", "M8 8.2l4-4 4 4", "M4.5 14.5v3a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2v-3"],
  download: ["M12 4.5V15", "M8 11.3l4 4 4-4", "M4.5 16.5v1a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2v-1"],
  jobs: ["M4.5 7h15", "M4.5 12h15", "M4.5 17h9"],
  keyboard: ["M3 8a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z", "M7 10h.01", "M10.3 10h.01", "M13.7 10h.01", "M17 10h.01", "M8.5 14h7"],
  moment: ["M6 20.5V4", "M6 5h11.5l-2.6 4 2.6 4H6"],
  settings: ["M4.5 7.5h8", "M16.5 7.5h3", "M14.5 5.5v4", "M4.5 16.5h3", "M11.5 16.5h8", "M9.5 14.5v4"],
  keyframe: ["M12 4.5l7.5 7.5-7.5 7.5L4.5 12z"],
  split: ["M9.5 8L5.5 12l4 4", "M14.5 8l4 4-4 4"],
  alert: ["M12 4L2.8 19.5h18.4z", "M12 10v4.5", "M12 17h.01"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
};

const SVG = "http://www.w3.org/2000/svg";

/** An icon as an <svg> that takes the text's colour. Decorative: the control around it carries the name. @param {string} name */
export function icon(name) {
  const paths = PATHS[name];
  if (!paths) throw new Error(`there is no icon "${name}"; there are ${Object.keys(PATHS).join(", ")}`);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    const filled = d.startsWith("!");
    path.setAttribute("d", filled ? d.slice(1) : d);
    if (filled) path.setAttribute("class", "filled");
    svg.append(path);
  }
  return svg;
}

const SHAPES = /** @type {const} */ ({ "9:16": [9, 16], "1:1": [13, 13], "4:5": [12, 15], "16:9": [18, 10.1], free: [15, 13] });

/** A little frame in the shape of an aspect. @param {keyof typeof SHAPES} aspect */
export function aspectIcon(aspect) {
  const [width, height] = SHAPES[aspect];
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS(SVG, "rect");
  const place = { x: 12 - width / 2, y: 12 - height / 2, width, height, rx: 2 };
  for (const [key, value] of Object.entries(place)) rect.setAttribute(key, String(value));
  if (aspect === "free") rect.setAttribute("stroke-dasharray", "3 2.6");
  svg.append(rect);
  return svg;
}

/** Little pictures of a player and the mark, on the icons' grid; what is the mark's is filled or stroked in the accent by CSS. @type {Record<string, string>} */
const MARKS = {
  none: "",
  ring: '<ellipse class="mark" cx="12" cy="19.4" rx="6.4" ry="2.4"/>',
  dim: '<path class="mark shade" fill-rule="evenodd" d="M2.5 2.5h19v19h-19z M12 4a6 8.2 0 1 0 .01 0z"/>',
  arrow: '<path class="mark solid" d="M9.2 1.6h5.6L12 5.4z"/>',
  label: '<rect class="mark solid" x="5" y="1.6" width="14" height="3.8" rx="1.2"/>',
};

/** A player with a spotlight of that style. @param {string} style */
export function spotlightIcon(style) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon spotlight");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = `${MARKS[style]}<circle class="filled" cx="12" cy="8.4" r="1.7"/><path d="M12 10.8v4.4M12 15.2l-2 4M12 15.2l2 4M9.2 12.4h5.6"/>`;
  return svg;
}
