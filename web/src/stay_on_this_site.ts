/**
 * Keep the worker's network inside this site.
 *
 * A page's Content-Security-Policy does not reach a worker whose script comes over the network. So the worker gives up,
 * before Python starts, every way to ask another host for something. What remains is `fetch` and `XMLHttpRequest`,
 * and both refuse any address that is not this site's.
 */

/** Other ways out of a worker. Each would open a connection, load a file, or make a scope in which nothing is closed. */
const CLOSED = [
  "WebSocket",
  "WebSocketStream",
  "EventSource",
  "WebTransport",
  "Worker",
  "SharedWorker",
  "importScripts",
  "caches",
  "FontFace",
  "Notification",
  "RTCPeerConnection",
] as const;

export class AnotherSite extends Error {
  constructor(address: string) {
    super(`This page's Python reads only files of this site, and ${address} is not one of them.`);
    this.name = "AnotherSite";
  }
}

/** Close the worker. From here on only `origin` can be reached; `seen` may look at each response on its way. */
export function stayOnThisSite(origin: string, seen: (response: Response) => Response): void {
  const check = (address: string | URL): void => {
    const url = new URL(address, origin);
    // Data and blobs hold their content themselves: nothing is asked of anybody.
    if (url.origin !== origin && url.protocol !== "data:" && url.protocol !== "blob:") throw new AnotherSite(url.href);
  };

  const fetchAnywhere = globalThis.fetch;
  replace(globalThis, "fetch", async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    check(input instanceof Request ? input.url : input);
    return seen(await fetchAnywhere(input, init));
  });

  const open = XMLHttpRequest.prototype.open as (...args: unknown[]) => void;
  replace(XMLHttpRequest.prototype, "open", function (this: XMLHttpRequest, ...args: unknown[]): void {
    check(args[1] as string | URL);
    open.apply(this, args);
  });

  for (const name of CLOSED) if (name in globalThis) replace(globalThis, name, undefined);

  // Text that becomes code could `import()` from anywhere, which no wrapper can catch.
  const refuse = function (): never {
    throw new EvalError("This page's Python runs Python only: making JavaScript from text is switched off.");
  };
  replace(globalThis, "eval", refuse);
  const functions = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (const one of functions) replace(Object.getPrototypeOf(one), "constructor", refuse);
}

function replace(owner: object, name: string, value: unknown): void {
  Object.defineProperty(owner, name, { value, writable: false, configurable: false });
}
