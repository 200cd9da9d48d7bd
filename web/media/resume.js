// @ts-check
/** Which project a file belonged to, so that opening it again takes up the work and an unfinished upload. Kept in this browser. */

const KEY = "reelballers.projects";
const MOST = 50;

/** @param {File} file */
function nameOf(file) {
  return `${file.name}|${file.size}|${file.lastModified}`;
}

/** The id of the project last made of this file, or "". @param {File} file @returns {string} */
export function projectOf(file) {
  return read()[nameOf(file)] ?? "";
}

/** @param {File} file @param {string} projectId */
export function remember(file, projectId) {
  const projects = read();
  const name = nameOf(file);
  if (projects[name] === projectId) return;
  delete projects[name]; // newest last
  projects[name] = projectId;
  const kept = Object.fromEntries(Object.entries(projects).slice(-MOST));
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch (error) {
    console.warn("This browser keeps nothing, so a closed tab cannot resume its upload.", error);
  }
}

/** @returns {Record<string, string>} */
function read() {
  try {
    const projects = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return projects && typeof projects === "object" ? projects : {};
  } catch (error) {
    console.warn(`localStorage "${KEY}" cannot be read; starting afresh.`, error);
    return {};
  }
}
