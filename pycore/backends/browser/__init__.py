"""In a browser's worker, under Pyodide. Nothing outside this package imports `js` or `pyodide`."""
