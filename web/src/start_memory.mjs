// Makes the start memory: Node starts Pyodide, imports the project's modules, and writes down what memory then holds.
// Run by web/browser_python.py:  node start_memory.mjs PYODIDE.mjs WHEEL LOCK OUT MODULES
//
// Files are no part of that memory. The modules imported here live on in it; the wheel is unpacked again in the
// browser, for the data files and for whatever reads a module's source.
import { readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { UNPACK_WHEEL, WHEEL } from "./unpack_wheel.ts";

const [pyodidePath, wheel, lock, out, modules] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(resolve(pyodidePath)));

// An uncaught error would show the line it came from, and Pyodide's lines are a megabyte long.
process.on("uncaughtException", (error) => {
  console.error(error.message);
  process.exit(1);
});

const pyodide = await loadPyodide({
  _makeSnapshot: true,
  indexURL: dirname(resolve(pyodidePath)),
  lockFileContents: await readFile(lock, "utf8"),
  packageBaseUrl: dirname(resolve(wheel)),
  // Python's hashes of text begin with this seed, here and in every page that starts from this memory.
  env: { PYTHONHASHSEED: "0" },
});
pyodide.FS.writeFile(WHEEL, await readFile(wheel));
pyodide.runPython(UNPACK_WHEEL);
pyodide.runPython(`
import gc, importlib, sys

# What cells of the guides import, beside the project's own modules.
COMMON = """bisect collections csv dataclasses datetime decimal enum fractions functools heapq html itertools json math
operator random re statistics string struct textwrap time typing unicodedata zipfile""".split()

sys.dont_write_bytecode = True
for name in [*COMMON, *${modules}]:
    importlib.import_module(name)
importlib.invalidate_caches()  # the folders will be listed anew: their files are gone after a start from memory
gc.collect()
`);
await writeFile(out, pyodide.makeMemorySnapshot());
