// Boots dist's Python with the test's own modules beside pycore, and calls the functions of run.py.
import { loadPyodide } from "/pyodide/pyodide.mjs";

const MODULES = ["/pycore_tests/gpu_contract.py", "/harness/run.py"];
let canvas;

const module = (async () => {
  const indexURL = new URL("/pyodide/", location.href).href;
  const python = await loadPyodide({
    indexURL,
    lockFileURL: `${indexURL}pyodide-lock.json`,
    packageBaseUrl: indexURL,
    packages: ["pycore"],
  });
  for (const path of MODULES) {
    const text = await (await fetch(path)).text();
    python.FS.writeFile(`/home/pyodide/${path.split("/").at(-1)}`, text);
  }
  return python.pyimport("run");
})();

onmessage = async ({ data }) => {
  if (data.canvas) {
    canvas = data.canvas;
    return;
  }
  try {
    const functions = await module;
    const answer = await functions[data.name](JSON.stringify(data.argument ?? null), canvas);
    postMessage({ answer: JSON.parse(answer) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
