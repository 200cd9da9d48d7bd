"""ReelBallers' core: one application in Python, for the browser (Pyodide) and for the server (CPython).

Imports the standard library and, where arrays are needed, numpy; nothing else. `pycore.protocol` defines all
that crosses a boundary; `pycore.app` is the browser worker's application; `pycore.backends` are the only
places that know where they run.
"""
