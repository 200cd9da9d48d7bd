// @ts-check
/** The bench's tables and its plot. */

const TIERS = /** @type {const} */ (["base", "S", "M", "L"]);
const PLOTTED = { width: 1280, height: 720 };
const LIMIT_MS = 1000 / 60 / 3;
const ROW = 26;
const NAMES = 150;
const WIDTH = 900;

/**
 * @typedef {import("../protocol.js").BenchReport} BenchReport
 * @typedef {import("./peers.js").PeerTime} PeerTime
 */

/** @param {HTMLElement} table @param {string[]} head @param {string[][]} rows */
function fill(table, head, rows) {
  const row = (/** @type {string[]} */ cells, /** @type {"th" | "td"} */ kind) => {
    const line = document.createElement("tr");
    line.append(
      ...cells.map(text => {
        const cell = document.createElement(kind);
        cell.textContent = text;
        return cell;
      }),
    );
    return line;
  };
  table.replaceChildren(row(head, "th"), ...rows.map(each => row(each, "td")));
}

/** @param {HTMLElement} table @param {BenchReport} ours @param {PeerTime[]} peers */
export function drawTable(table, ours, peers) {
  const sizes = [...new Set(ours.frames.map(each => `${each.width}×${each.height}`))];
  const at = (/** @type {{width: number, height: number}} */ each) => `${each.width}×${each.height}`;
  const rows = TIERS.map(tier => {
    const mine = ours.frames.filter(each => each.tier === tier);
    const share = Math.max(...mine.map(each => each.share));
    return [`Tier ${tier}`, ...sizes.map(size => mine.find(each => at(each) === size)?.ms.toFixed(3) ?? ""), share ? `${Math.round(share * 100)} %` : ""];
  });
  for (const name of new Set(peers.map(each => each.name))) {
    const theirs = peers.filter(each => each.name === name);
    rows.push([`${name} (${theirs[0].how})`, ...sizes.map(size => theirs.find(each => at(each) === size)?.ms.toFixed(3) ?? ""), ""]);
  }
  fill(table, ["ms per frame", ...sizes, "inner convolutions, of peak"], rows);
}

/** @param {HTMLElement} table @param {BenchReport} ours */
export function drawStages(table, ours) {
  const detailed = ours.frames.filter(each => each.stages.length);
  const rows = detailed.flatMap(frame => frame.stages.map((stage, index) => [index ? "" : `Tier ${frame.tier}, ${frame.width}×${frame.height}`, `${stage.name}${stage.kernel && ` (${stage.kernel})`}`, stage.ms.toFixed(3), stage.share ? `${Math.round(stage.share * 100)} %` : ""]));
  fill(table, ["stage by stage", "", "ms alone", "of peak"], rows);
}

/**
 * Bars of milliseconds at PLOTTED, or at the first size where that is not there.
 * @param {HTMLElement} place @param {HTMLElement} caption @param {BenchReport} ours @param {PeerTime[]} peers
 */
export function drawPlot(place, caption, ours, peers) {
  const same = (/** @type {{width: number, height: number}} */ a, /** @type {{width: number, height: number}} */ b) => a.width === b.width && a.height === b.height;
  const size = ours.frames.find(each => same(each, PLOTTED)) ?? ours.frames[0];
  const here = (/** @type {{width: number, height: number}} */ each) => same(each, size);
  caption.textContent = `Milliseconds per frame, ${size.width}×${size.height} doubled. The line is a third of a 60 fps interval: what the app allows.`;
  const bars = [...ours.frames.filter(here).map(each => ({ name: `Tier ${each.tier}`, ms: each.ms, kind: "ours" })), ...peers.filter(here).map(each => ({ name: each.name, ms: each.ms, kind: "peer" }))];
  const most = Math.max(LIMIT_MS * 1.05, ...bars.map(each => each.ms));
  const x = (/** @type {number} */ ms) => NAMES + (ms / most) * (WIDTH - NAMES - 80);
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${bars.length * ROW + 8}`, role: "img", "aria-label": "Milliseconds per frame" });
  bars.forEach(({ name, ms, kind }, index) => {
    const y = index * ROW + 4;
    svg.append(text(0, y + 16, name), element("rect", { class: kind, x: NAMES, y, width: Math.max(1, x(ms) - NAMES), height: ROW - 8, rx: 3 }), text(x(ms) + 8, y + 14, ms.toFixed(2)));
  });
  svg.append(element("line", { class: "limit", x1: x(LIMIT_MS), x2: x(LIMIT_MS), y1: 0, y2: bars.length * ROW }));
  place.replaceChildren(...(bars.length ? [svg] : []));
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** @param {number} x @param {number} y @param {string} content */
function text(x, y, content) {
  const made = element("text", { x, y });
  made.textContent = content;
  return made;
}
