// @ts-check
/** What this browser keeps of a person's choices. One that keeps nothing (private windows, blocked storage) asks again next time. */

/** @param {string} name @returns {string} "" where nothing is kept */
export function remembered(name) {
  try {
    return localStorage.getItem(`reelballers-${name}`) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} name @param {string} value "" forgets it */
export function remember(name, value) {
  try {
    if (value) localStorage.setItem(`reelballers-${name}`, value);
    else localStorage.removeItem(`reelballers-${name}`);
  } catch {}
}
