/** Unpack a wheel where Python looks for packages. Node (at build) and the worker do it alike, so paths are the same. */
export const WHEEL = "/tmp/pages.whl";

/** Pyodide's own installer takes a second for what this does in a twentieth of one. */
export const UNPACK_WHEEL = `
import importlib, os, sys, zipfile
with zipfile.ZipFile("${WHEEL}") as wheel:
    wheel.extractall(next(path for path in sys.path if path.endswith("site-packages")))
os.remove("${WHEEL}")
importlib.invalidate_caches()
`;
