// Boots dist's Python and numpy with the test's own modules beside pycore, and calls the functions of run.py.
import { loadPyodide } from "/pyodide/pyodide.mjs";

const MODULES = ["/pycore_tests/detector_contract.py", "/harness/run.py"];
globalThis.importModule = (url) => import(url);

const module = (async () => {
  const indexURL = new URL("/pyodide/", location.href).href;
  const python = await loadPyodide({
    indexURL,
    lockFileURL: `${indexURL}pyodide-lock.json`,
    packageBaseUrl: indexURL,
    packages: ["pycore", "numpy"],
  });
  for (const path of MODULES) {
    const text = await (await fetch(path)).text();
    python.FS.writeFile(`/home/pyodide/${path.split("/").at(-1)}`, text);
  }
  return python.pyimport("run");
})();

onmessage = async ({ data }) => {
  try {
    const functions = await module;
    postMessage({ answer: JSON.parse(await functions[data.name](JSON.stringify(data.argument ?? null))) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
