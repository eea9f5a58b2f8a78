/**
 * The page's side of Python: one worker for the whole visit, and a queue of what it is asked to do.
 *
 * The module lives as long as the browser tab stays on this site: Material's instant navigation exchanges the page's
 * content and leaves modules alone. So Python starts once, at the first thing it is asked.
 */
import type { Answer, FromWorker, OutputKind, Request, ToWorker } from "./messages";
import { siteAddress } from "./site_address";

/** What a job tells while it waits and runs. Every handler is called in order, and none after `finished` is settled. */
export interface Listener {
  waiting?(): void;
  loading?(loaded: number, total: number): void;
  running?(): void;
  fetching?(name: string): void;
  progress?(what: string, share: number): void;
  output?(what: OutputKind, text: string): void;
  /** The job has run for 30 s, and then for as long again, and so on: does the reader want to go on? */
  stillRunning?(seconds: number): void;
}

export type Outcome =
  | { readonly kind: "done"; readonly answer: Answer }
  | { readonly kind: "stopped" }
  /** Python could not start, or broke down. */
  | { readonly kind: "failed"; readonly why: string };

/** Makes the request when its turn comes: what must run before a cell depends on what Python still knows by then. */
export type RequestMaker = (generation: number) => Request;

declare const BUILD: string;

const ASK_AFTER_SECONDS = 30;
const INTERRUPT_PATIENCE_MS = 500;
const SIGINT = 2;

export class Job {
  readonly finished: Promise<Outcome>;
  private settle!: (outcome: Outcome) => void;

  constructor(
    readonly makeRequest: RequestMaker,
    readonly listener: Listener,
    private readonly client: PythonClient,
  ) {
    this.finished = new Promise((settle) => (this.settle = settle));
  }

  /** Stop it, whether it waits or runs. */
  stop(): void {
    this.client.stop(this);
  }

  /** Take it out of the queue if its turn has not come; a newer question has made it needless. */
  stopIfWaiting(): void {
    this.client.stopIfWaiting(this);
  }

  finish(outcome: Outcome): void {
    this.settle(outcome);
  }
}

export class PythonClient {
  /** Grows with every new worker. What ran in an older one is forgotten. */
  generation = 0;
  /** How Python started, for those who measure it. */
  startedFrom: "memory" | "scratch" | "" = "";

  private worker: Worker | undefined;
  private ready = false;
  private readonly queue: Job[] = [];
  private current: Job | undefined;
  private currentId = 0;
  private stopping: number | undefined;
  private asking: number | undefined;
  private readonly interrupt = globalThis.crossOriginIsolated ? new SharedArrayBuffer(1) : null;

  /** Put a request at the end of the queue. */
  ask(makeRequest: RequestMaker, listener: Listener): Job {
    const job = new Job(makeRequest, listener, this);
    this.queue.push(job);
    if (this.current) listener.waiting?.();
    else this.next();
    return job;
  }

  /** The reader went to another page: nothing of the old one may keep Python busy. */
  leavePage(): void {
    for (const job of this.queue.splice(0)) job.finish({ kind: "stopped" });
    if (this.current) this.stop(this.current);
    if (this.ready) this.post({ kind: "forget" });
  }

  stopIfWaiting(job: Job): void {
    const place = this.queue.indexOf(job);
    if (place < 0) return;
    this.queue.splice(place, 1);
    job.finish({ kind: "stopped" });
  }

  stop(job: Job): void {
    if (job !== this.current) {
      this.stopIfWaiting(job);
    } else if (this.interrupt && this.ready) {
      this.interruptPython();
    } else {
      this.endWorker({ kind: "stopped" });
    }
  }

  /** Ask Python to stop by itself, which keeps every name it knows; end the worker if it does not listen. */
  private interruptPython(): void {
    if (this.stopping !== undefined || !this.interrupt) return;
    new Uint8Array(this.interrupt)[0] = SIGINT;
    this.stopping = window.setTimeout(() => this.endWorker({ kind: "stopped" }), INTERRUPT_PATIENCE_MS);
  }

  private next(): void {
    const job = this.queue.shift();
    this.current = job;
    if (!job) return;
    if (this.ready) this.begin(job);
    else if (!this.worker) this.startWorker();
  }

  private begin(job: Job): void {
    if (this.interrupt) new Uint8Array(this.interrupt)[0] = 0;
    this.currentId += 1;
    job.listener.running?.();
    this.askLater(job, ASK_AFTER_SECONDS, 0);
    this.post({ kind: "do", id: this.currentId, request: job.makeRequest(this.generation) });
  }

  private askLater(job: Job, wait: number, passed: number): void {
    this.asking = window.setTimeout(() => {
      job.listener.stillRunning?.(passed + wait);
      this.askLater(job, passed + wait, passed + wait);
    }, wait * 1000);
  }

  private end(outcome: Outcome): void {
    window.clearTimeout(this.stopping);
    window.clearTimeout(this.asking);
    this.stopping = undefined;
    const job = this.current;
    this.current = undefined;
    job?.finish(outcome);
    this.next();
  }

  private startWorker(): void {
    const worker = new Worker(new URL(`./python_worker.js?${BUILD}`, import.meta.url), { type: "module", name: "python" });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const why = event.message || "the script that runs Python could not be fetched";
      this.endWorker(this.stopping === undefined ? { kind: "failed", why } : { kind: "stopped" });
    };
    this.worker = worker;
    const folder = new URL("assets/pyodide/", siteAddress()).href;
    this.post({ kind: "start", folder, site: siteAddress(), interrupt: this.interrupt });
    this.current?.listener.loading?.(0, 0);
  }

  /** End the worker and what it was doing. A worker that was ready is followed by a fresh one at once. */
  private endWorker(outcome: Outcome): void {
    const wasReady = this.ready;
    this.worker?.terminate();
    this.worker = undefined;
    this.ready = false;
    this.generation += 1;
    this.end(outcome);
    if (wasReady && outcome.kind === "stopped" && !this.worker) this.startWorker();
  }

  private hear(message: FromWorker): void {
    switch (message.kind) {
      case "loading":
        this.current?.listener.loading?.(message.loaded, message.total);
        break;
      case "ready":
        this.ready = true;
        this.startedFrom = message.from;
        document.documentElement.dataset["python"] = message.from;
        if (this.current) this.begin(this.current);
        break;
      case "cannot-start":
        this.endWorker({ kind: "failed", why: message.why });
        break;
      case "crashed":
        if (message.id === this.currentId) this.hearOfCrash(message.why, message.fatal);
        break;
      default:
        if (message.id === this.currentId && this.current) this.hearOf(this.current, message);
    }
  }

  private hearOf(job: Job, message: Extract<FromWorker, { kind: "output" | "fetching" | "progress" | "done" }>): void {
    if (message.kind === "output") {
      if (this.stopping === undefined) job.listener.output?.(message.what, message.text);
    } else if (message.kind === "fetching") job.listener.fetching?.(message.name);
    else if (message.kind === "progress") job.listener.progress?.(message.what, message.share);
    else if (this.stopping !== undefined) this.end({ kind: "stopped" });
    else this.end({ kind: "done", answer: message.answer });
  }

  private hearOfCrash(why: string, fatal: boolean): void {
    const outcome: Outcome = this.stopping === undefined ? { kind: "failed", why } : { kind: "stopped" };
    if (fatal) this.endWorker(outcome);
    else this.end(outcome);
  }

  private post(message: ToWorker): void {
    this.worker?.postMessage(message);
  }
}

/** The one Python of this visit. */
export const python = new PythonClient();
