// @ts-check
/** Figures as people read them. */

import { language, said, t } from "./language.js";

/** @param {number} value @param {number} digits behind the point, or the comma */
export function decimal(value, digits) {
  return value.toLocaleString(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });
}

/** 83400000 -> "01:23.40". @param {number} us microseconds */
export function clock(us) {
  const hundredths = Math.max(0, Math.floor(us / 10_000 + 1e-6));
  const pad = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const seconds = Math.floor(hundredths / 100);
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}.${pad(hundredths % 100)}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${rest}` : rest;
}

/** 95 -> "≈ 2 min". @param {number} seconds */
export function span(seconds) {
  if (seconds < 90) return `≈ ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `≈ ${Math.round(seconds / 60)} min`;
  return `≈ ${decimal(seconds / 3600, 1)} h`;
}

/** A running length: 12.4 s, 3:05. @param {number} us microseconds */
export function length(us) {
  const seconds = us / 1e6;
  if (seconds < 60) return `${decimal(seconds, 1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  if (bytes < 1e9) return `${decimal(bytes / 1e6, bytes < 1e7 ? 1 : 0)} MB`;
  return `${decimal(bytes / 1e9, 1)} GB`;
}

/** @param {number} usd */
export function money(usd) {
  if (usd <= 0) return t("free");
  return usd < 0.01 ? t("cheap") : `$${decimal(usd, 2)}`;
}

/** @param {number} milliseconds */
export function ms(milliseconds) {
  return `${milliseconds < 9.95 ? decimal(milliseconds, 1) : Math.round(milliseconds)} ms`;
}

/** @param {{width: number, height: number}} pixels whole or not */
export function pixels({ width, height }) {
  return `${Math.round(width)} × ${Math.round(height)}`;
}

/** A problem in one string, as Python's Problem.__str__. @param {import("../protocol.js").Problem} problem */
export function problemText(problem) {
  return [said(problem.title).replace(/\.$/, "") + ".", said(problem.detail), said(problem.hint)].filter(Boolean).join(" ");
}
