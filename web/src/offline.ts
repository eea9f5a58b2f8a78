/**
 * The service worker: what a reader of the playground has used is there without a network, too.
 *
 * It is registered when the model is first asked, never before. The network goes first, so that nobody reads an old
 * page; what came is kept, and given when the network does not answer. Files whose names hold their hash are never old,
 * and the worker that runs the model keeps the largest of them itself (kept_files.ts).
 */
const STORE = "nanochat-pages";

interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(kind: "fetch", listener: (event: Asked) => void): void;
  addEventListener(kind: "message", listener: (event: Lasting & { readonly data: readonly string[] }) => void): void;
}

interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}

interface Asked {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(scope.registration.scope)) event.respondWith(answer(event.request));
});
/** What the page had fetched before this worker was there. */
scope.addEventListener("message", (event) => event.waitUntil(Promise.allSettled(event.data.map(keepAddress))));

async function answer(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.status === 200) await keep(request.url, response.clone());
    return response;
  } catch (error) {
    // Every cache of this site is looked at, the model's own too. An address may carry a tool's state.
    const kept = (await caches.match(request)) ?? (await caches.match(request, { ignoreSearch: true }));
    if (kept) return kept;
    throw error;
  }
}

async function keepAddress(address: string): Promise<void> {
  if (!address.startsWith(scope.registration.scope) || (await caches.match(address))) return;
  const response = await fetch(address, { cache: "force-cache" });
  if (response.status === 200) await keep(address, response);
}

async function keep(address: string, response: Response): Promise<void> {
  const whole = new URL(address);
  whole.search = /\.m?js$/.test(whole.pathname) ? whole.search : "";
  // What the model's worker keeps is not kept twice.
  if (/\/assets\/(?:model|ort)\/.*\.(?:onnx|wasm)$/.test(whole.pathname)) return;
  const store = await caches.open(STORE);
  const stem = stemOf(whole.href);
  if (stem !== whole.href) {
    for (const { url } of await store.keys()) if (url !== whole.href && stemOf(url) === stem) await store.delete(url);
  }
  await store.put(whole.href, response).catch(() => {});
}

/** An address of Python's own files without the hash in it: an older version takes megabytes. */
function stemOf(address: string): string {
  return address.replace(/-0?[0-9a-f]{12}(?=\.bin$|-py3-none-any\.whl$)/, "");
}

export {};
