// node lock.mjs RUNTIME PACKAGES FOLDER SCRIPT: runs SCRIPT in Pyodide's own interpreter, under Node, with micropip loaded and FOLDER
// mounted at /build. RUNTIME holds pyodide.mjs and what belongs to it, PACKAGES the wheels and Pyodide's list of them.
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [runtime, packages, folder, script] = process.argv.slice(2).map((each) => path.resolve(each));
const { loadPyodide } = await import(pathToFileURL(path.join(runtime, "pyodide.mjs")).href);
const pyodide = await loadPyodide({
  indexURL: runtime + path.sep,
  lockFileContents: readFileSync(path.join(packages, "pyodide-lock.json"), "utf8"),
  packageBaseUrl: packages + path.sep,
  packageCacheDir: packages + path.sep,
});
await pyodide.loadPackage("micropip", { messageCallback() {}, checkIntegrity: true });
pyodide.mountNodeFS("/build", folder);
await pyodide.runPythonAsync(readFileSync(script, "utf8"), { filename: script });
