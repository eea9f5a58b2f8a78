/**
 * The worker in which Python runs. It answers one request at a time; the page keeps the queue.
 *
 * Python starts from the memory that the site's build saved, or, when that fails, from scratch.
 */
import type { Lockfile, PyodideAPI } from "pyodide";
import type { PyCallable, PyProxy } from "pyodide/ffi";

import { DownloadProgress } from "./download_progress";
import { fetchFile } from "./fetch_file";
import { KeptFiles } from "./kept_files";
import type { Answer, CellSource, FromWorker, GivenFiles, Request, ToWorker } from "./messages";
import { OutputStream } from "./output_stream";
import { PageModel } from "./page_model";
import { withRoom } from "./room_for_memory";
import { stayOnThisSite } from "./stay_on_this_site";
import { UNPACK_WHEEL, WHEEL } from "./unpack_wheel";
import { megabytes } from "./waiting_words";

/** `start.json`: what web/browser_python.py made. */
interface Start {
  readonly version: string;
  readonly memory: string;
  readonly package: string;
  readonly bytes: Readonly<Record<string, number>>;
}

/** What a tool is asked. */
type Question = Pick<Extract<Request, { kind: "tool" }>, "tool" | "query">;

interface RunCell extends PyProxy {
  new_namespace(): PyProxy;
  run: PyCallable;
  run_checks: PyCallable;
}

const worker = globalThis as unknown as {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};
const send = worker.postMessage.bind(worker);
const sessions = new Map<string, PyProxy>();
let progress: DownloadProgress | undefined;
let python: PyodideAPI;
let runCell: RunCell;
let site: string;
let kept: KeptFiles;
let model: Promise<PageModel> | undefined;

worker.onmessage = ({ data }) => {
  if (data.kind === "start") void start(data.folder, data.site, data.interrupt);
  else if (data.kind === "forget") forget();
  else void perform(data.id, data.request);
};

// Stop may reach Python between two steps of what it waits for, where nothing of ours can catch it. The page then ends
// this worker; it must not hear of an error beside.
globalThis.addEventListener("error", (event) => {
  if (event.message.includes("KeyboardInterrupt")) event.preventDefault();
});

async function start(folder: string, top: string, interrupt: SharedArrayBuffer | null): Promise<void> {
  site = top;
  kept = new KeptFiles(top, globalThis.caches as CacheStorage | undefined);
  stayOnThisSite(new URL(folder).origin, (response) => progress?.follow(response) ?? response);
  try {
    const facts = await fetchFile(`${folder}start.json`, { cache: "no-cache" });
    const start = (await facts.json()) as Start;
    progress = new DownloadProgress(start.bytes, (loaded, total) => send({ kind: "loading", loaded, total }));
    const [ready, from, why] = await startPython(folder, start);
    progress = undefined;
    if (interrupt) ready.setInterruptBuffer(new Uint8Array(interrupt));
    python = ready;
    runCell = ready.pyimport("run_cell") as RunCell;
    send({ kind: "ready", from, why });
  } catch (error) {
    send({ kind: "cannot-start", why: inWords(error) });
  }
}

/** Start Pyodide: from the saved memory, or from scratch with the reason why that had to be. */
async function startPython(folder: string, facts: Start): Promise<[PyodideAPI, "memory" | "scratch", string]> {
  const [{ loadPyodide }, lock] = await Promise.all([
    import(`${folder}pyodide.mjs`) as Promise<typeof import("pyodide")>,
    fetchFile(`${folder}pyodide-lock.json`, { cache: "no-cache" }).then((response) => response.text()),
  ]);
  const options = { indexURL: folder, lockFileContents: lock, packageBaseUrl: folder, env: { PYTHONHASHSEED: "0" } };
  const wheel = fetchWheel(folder, JSON.parse(lock) as Lockfile, facts.package);
  const memory = savedMemory(folder + facts.memory);
  // Both are awaited later. If one fails before that, it is no failure that nobody heard of.
  for (const download of [wheel, memory]) download.catch(() => {});
  // The wheel is unpacked either way: files are no part of the saved memory.
  try {
    const ready = await withRoom(memory, () => loadPyodide({ ...options, _loadSnapshot: memory }));
    unpack(ready, await wheel);
    // Chance must not repeat itself in every reader's page, as a saved memory would make it do.
    ready.runPython("import random; random.seed()");
    prove(ready);
    return [ready, "memory", ""];
  } catch (error) {
    const ready = await loadPyodide(options);
    unpack(ready, await wheel);
    return [ready, "scratch", inWords(error)];
  }
}

/** Fetch the wheel that the lock names; the browser compares its hash with the lock's. */
async function fetchWheel(folder: string, lock: Lockfile, name: string): Promise<Uint8Array> {
  const found = lock.packages[name];
  if (!found) throw new Error(`pyodide-lock.json names no ${name}.`);
  const bytes = found.sha256.match(/../g)?.map((byte) => parseInt(byte, 16)) ?? [];
  const integrity = `sha256-${btoa(String.fromCharCode(...bytes))}`;
  return new Uint8Array(await (await fetchFile(folder + found.file_name, { integrity })).arrayBuffer());
}

function unpack(ready: PyodideAPI, wheel: Uint8Array): void {
  ready.FS.writeFile(WHEEL, wheel);
  ready.runPython(UNPACK_WHEEL);
}

/**
 * See that a Python that started from memory works. The memory refers to functions of the browser's engine by number;
 * an engine that counts them in another way breaks at the first call, and then Python must start from scratch.
 */
function prove(ready: PyodideAPI): void {
  const runner = ready.pyimport("run_cell") as RunCell;
  const said: string[] = [];
  const namespace = runner.new_namespace();
  const code = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    print(sorted(str(n) for n in {2, 1}))";
  runner.run(code, namespace, (_kind: string, text: string) => said.push(text), "start");
  namespace.destroy();
  if (said.join("") !== "['1', '2']\n") throw new Error("Python did not start well from the saved memory.");
}

async function savedMemory(address: string): Promise<ArrayBuffer> {
  const response = await fetchFile(address);
  return new Response(response.body?.pipeThrough(new DecompressionStream("gzip")) ?? null).arrayBuffer();
}

async function perform(id: number, request: Request): Promise<void> {
  const output = new OutputStream((what, text) => send({ kind: "output", id, what, text }));
  try {
    const answer = await answerTo(id, request, output);
    output.flush();
    send({ kind: "done", id, answer });
  } catch (error) {
    output.flush();
    const fatal = !(error instanceof Error && error.name === "PythonError");
    send({ kind: "crashed", id, why: inWords(error), fatal });
  }
}

async function answerTo(id: number, request: Request, output: OutputStream): Promise<Answer> {
  switch (request.kind) {
    case "run":
      return run(request.session, request.before, request.source, output);
    case "check": {
      const value = json(runCell.run_checks(request.code, request.checks, output.take));
      return { ok: true, failedBefore: 0, value };
    }
    case "tool":
      mount(request.files);
      return { ok: true, failedBefore: 0, value: await withNeeds(id, request, () => toolPages().answer(request.tool, request.query) as string) };
    case "export": {
      mount(request.files);
      const { tool, query, key } = request;
      const value = await withNeeds(id, request, () => toolPages().export(tool, query, key) as string);
      return { ok: true, failedBefore: 0, value };
    }
    case "form":
      return { ok: true, failedBefore: 0, value: toolPages().form(request.tool) as string };
    case "model": {
      await needModel(id);
      return { ok: true, failedBefore: 0, value: await livePages().answer(request.call, request.words) as string };
    }
  }
}

function run(session: string, before: readonly CellSource[], source: CellSource, output: OutputStream): Answer {
  const namespace = namespaceOf(session);
  const quiet = (): void => {};
  let failedBefore = 0;
  for (const { code, cell } of before) if (!runCell.run(code, namespace, quiet, cell)) failedBefore += 1;
  const ok = runCell.run(source.code, namespace, output.take, source.cell) as boolean;
  if (!session) namespace.destroy();
  return { ok, failedBefore, value: "" };
}

function namespaceOf(session: string): PyProxy {
  const known = sessions.get(session);
  if (known) return known;
  const fresh = runCell.new_namespace();
  if (session) sessions.set(session, fresh);
  return fresh;
}

/** The version of what each field was given, as Python has it. */
const mounted = new Map<string, number>();

/** Let Python see what the reader chose, as a folder of its own for each choice. Nothing is read before Python reads. */
function mount(given: readonly GivenFiles[]): void {
  const { FS } = python;
  for (const { field, version, names, files } of given) {
    if (mounted.get(field) === version) continue;
    mounted.set(field, version);
    const folder = `/given/${field}-${version}`;
    FS.mkdirTree(folder);
    const blobs = files.map(({ name, data }) => ({ name, data }));
    FS.mount(FS.filesystems.WORKERFS, { blobs }, folder);
    toolPages().give(field, folder, JSON.stringify(names));
  }
}

/**
 * What a tool answers. Files it says it needs are fetched from the site, the model works out what it needs of it, and
 * then it is asked again.
 */
async function withNeeds(id: number, { tool, query }: Question, ask: () => string): Promise<string> {
  const asked = new Set<string>();
  let prepared = false;
  toolPages().tell_progress((what: string, share: number) => send({ kind: "progress", id, what, share }));
  for (;;) {
    const answer = ask();
    const { needs, needs_model } = JSON.parse(answer) as { needs: string[]; needs_model: boolean };
    const missing = needs.filter((name) => !asked.has(name));
    if (missing.length === 0 && (prepared || !needs_model)) return answer;
    if (needs_model) {
      await needModel(id);
      await toolPages().prepare(tool, query);
      prepared = true;
    }
    for (const name of missing) {
      asked.add(name);
      send({ kind: "fetching", id, name });
      putFile(name, await (await fetchFile(new URL(name, site).href)).arrayBuffer());
    }
  }
}

function putFile(name: string, data: ArrayBuffer): string {
  return toolPages().put_file(name, python.toPy(new Uint8Array(data))) as string;
}

/** The module of Python that answers for the tools; loaded when the first tool asks. */
function toolPages() {
  return python.pyimport("tools.core.page");
}

/** Python's side of the model; loaded when it is first asked. */
function livePages() {
  return python.pyimport("tools.live.page");
}

const LIVE_FOLDER = "/model";

/** Fetch the model and show it to Python, unless that was done before. */
async function needModel(id: number): Promise<void> {
  const tell = (loaded: number, total: number): void =>
    send({ kind: "progress", id, what: `Fetching the model, ${megabytes(total)} MB`, share: loaded / total });
  model ??= loadModel(tell);
  try {
    await model;
  } catch (error) {
    model = undefined;
    throw error;
  }
}

async function loadModel(tell: (loaded: number, total: number) => void): Promise<PageModel> {
  const loaded = await PageModel.load(site, kept, tell);
  const { ranks, tokenizer } = loaded.facts.files;
  python.FS.mkdirTree(LIVE_FOLDER);
  for (const [name, as] of [[ranks.name, "tokenizer.tiktoken"], [tokenizer.name, "tokenizer_settings.json"]] as const) {
    const data = await kept.read(`${site}assets/model/${name}`, () => {});
    python.FS.writeFile(`${LIVE_FOLDER}/${as}`, new Uint8Array(data));
  }
  livePages().connect(loaded.factsText, LIVE_FOLDER, loaded);
  return loaded;
}

/** A Python list of dictionaries, as JSON. */
function json(value: PyProxy): string {
  const plain = value.toJs({ dict_converter: Object.fromEntries }) as unknown;
  value.destroy();
  return JSON.stringify(plain);
}

/** Drop every session: the reader has left the page. */
function forget(): void {
  for (const namespace of sessions.values()) namespace.destroy();
  sessions.clear();
}

function inWords(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return said.trim().split("\n").pop() ?? said;
}
