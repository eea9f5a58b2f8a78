/** Have the page at hand without a network: register the service worker, and tell it what was fetched before it came. */
import { runtimeAddress, type ModelFacts } from "./model_facts";
import { siteAddress } from "./site_address";

let asked = false;

/** Called when the model has answered for the first time; where a browser refuses, the page works with a network. */
export async function keepOffline(): Promise<void> {
  if (asked || !("serviceWorker" in navigator)) return;
  asked = true;
  const site = siteAddress();
  try {
    await navigator.serviceWorker.register(`${site}offline.js`, { scope: site, updateViaCache: "none" });
    const ready = await navigator.serviceWorker.ready;
    ready.active?.postMessage([location.href.split(/[?#]/)[0], ...fetched(), ...(await pythonFiles(site))]);
    document.documentElement.dataset["offline"] = "kept";
  } catch {
    // A private window, or an address without https.
  }
}

function fetched(): string[] {
  return performance.getEntriesByType("resource").map(({ name }) => name);
}

/** What Python's worker has fetched: the page's own list does not show it. */
async function pythonFiles(site: string): Promise<string[]> {
  const folder = `${site}assets/pyodide/`;
  const read = async (name: string): Promise<unknown> => (await fetch(folder + name)).json() as Promise<unknown>;
  const start = (await read("start.json")) as { memory: string; package: string; bytes: Record<string, number> };
  const lock = (await read("pyodide-lock.json")) as { packages: Record<string, { file_name: string }> };
  const wheel = lock.packages[start.package]?.file_name ?? "";
  const model = (await (await fetch(`${site}assets/model/model.json`)).json()) as ModelFacts;
  const scripts = Object.values(model.runtime).filter(({ name }) => name.endsWith(".mjs"));
  const names = ["start.json", "pyodide-lock.json", "pyodide.mjs", "pyodide.asm.mjs", wheel, ...Object.keys(start.bytes)];
  return [...names.map((name) => folder + name), ...scripts.map((one) => runtimeAddress(site, one))];
}
