/**
 * Room for a saved memory that is larger than the one that Pyodide begins with.
 *
 * Pyodide copies the saved memory into that of a fresh interpreter, which has 30 MB at first. What was saved after more
 * than that was needed does not fit, so the fresh memory is made to grow before Pyodide looks at it.
 */
const PAGE = 65_536;

/** From bytes come a module and an instance of it; from a module an instance alone. */
type Made = WebAssembly.WebAssemblyInstantiatedSource | WebAssembly.Instance;

/** Do what starts an interpreter; any that is made meanwhile has room for `saved`. */
export async function withRoom<T>(saved: Promise<ArrayBuffer>, start: () => Promise<T>): Promise<T> {
  const { instantiate, instantiateStreaming } = WebAssembly;
  const grown = async <M extends Made>(making: Promise<M>): Promise<M> => {
    const made = await making;
    const instance: WebAssembly.Instance = "instance" in made ? made.instance : made;
    const { memory } = instance.exports;
    if (memory instanceof WebAssembly.Memory) {
      const { byteLength } = await saved;
      const missing = Math.floor(byteLength / PAGE) - memory.buffer.byteLength / PAGE;
      if (missing > 0) memory.grow(missing);
    }
    return made;
  };
  WebAssembly.instantiateStreaming = (source, imports) => grown(instantiateStreaming(source, imports));
  WebAssembly.instantiate = ((code: BufferSource, imports?: WebAssembly.Imports) =>
    grown(instantiate(code, imports))) as typeof WebAssembly.instantiate;
  try {
    return await start();
  } finally {
    Object.assign(WebAssembly, { instantiate, instantiateStreaming });
  }
}
