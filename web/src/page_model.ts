/**
 * The model of the page: ONNX Runtime Web runs the network in this worker, and Python asks it.
 *
 * It is fetched when it is first asked for, and kept in the browser's cache under a name that holds its hash. The KV
 * cache of a text stays here, under a number; Python says which text it goes on from.
 */
import type { InferenceSession, Tensor } from "onnxruntime-web";
import type { PyBuffer } from "pyodide/ffi";

import { KeptFiles } from "./kept_files";
import { runtimeAddress, type ModelFacts } from "./model_facts";

type Ort = typeof import("onnxruntime-web");
type Feeds = Record<string, Tensor>;

interface Question {
  readonly ids: readonly number[];
  /** The number of the cache of the text before; 0 for none. */
  readonly past: number;
  /** How much of each part is kept, by the graph's input, flat. */
  readonly keep: Readonly<Record<string, readonly number[]>>;
  readonly outputs: readonly string[];
}

interface Output {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** The logits after the last token alone: a part of the graph's output, so that little crosses over to Python. */
const LAST = "last_logits";

/** The smallest module with a SIMD instruction: `i8x16.splat` and what takes it from the stack again. */
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];

export function hasSimd(): boolean {
  return WebAssembly.validate(new Uint8Array(SIMD));
}

export class PageModel {
  private readonly caches = new Map<number, Feeds>();
  private last = 0;
  private lensSession: Promise<InferenceSession> | undefined;

  private constructor(
    readonly facts: ModelFacts,
    readonly factsText: string,
    private readonly ort: Ort,
    private readonly session: InferenceSession,
    private readonly kept: KeptFiles,
  ) {}

  /** Fetch and start it. `tell` hears how many bytes have come. */
  static async load(site: string, kept: KeptFiles, tell: (loaded: number, total: number) => void): Promise<PageModel> {
    if (!hasSimd()) throw new Error("The model needs WebAssembly SIMD, which this browser lacks (Chrome 91, Firefox 89 and Safari 16.4 have it).");
    const factsText = await kept.fresh(`${site}assets/model/model.json`);
    const facts = JSON.parse(factsText) as ModelFacts;
    const [script, wasm] = Object.values(facts.runtime).sort((one, other) => one.bytes - other.bytes);
    if (!script || !wasm) throw new Error("model.json names no runtime.");
    const total = facts.files.model.bytes + wasm.bytes;
    let loaded = 0;
    const count = (bytes: number): void => tell((loaded += bytes), total);
    const [ort, binary, graph] = await Promise.all([
      import(runtimeAddress(site, script)) as Promise<Ort>,
      kept.read(runtimeAddress(site, wasm), count),
      kept.read(`${site}assets/model/${facts.files.model.name}`, count),
    ]);
    ort.env.wasm.wasmBinary = binary;
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.proxy = false;
    const session = await ort.InferenceSession.create(new Uint8Array(graph), { executionProviders: ["wasm"] });
    return new PageModel(facts, factsText, ort, session, kept);
  }

  /** Read some ids behind a text, and keep the cache of both. The question is JSON, as Python writes it. */
  async run(asked: string): Promise<{ present: number; outputs: Record<string, Output> }> {
    const question = JSON.parse(asked) as Question;
    const wanted = question.outputs.map((name) => (name === LAST ? "logits" : name));
    const fetches = [...new Set([...wanted, ...this.session.outputNames.filter((name) => name.startsWith("present_"))])];
    const found = await this.session.run(this.feeds(question), fetches);
    const present: Feeds = {};
    for (const name of fetches) {
      const tensor = found[name];
      if (tensor && name.startsWith("present_")) present[name.replace("present", "past")] = tensor;
    }
    this.caches.set((this.last += 1), present);
    const outputs: Record<string, Output> = {};
    for (const name of question.outputs) outputs[name] = this.output(found, name);
    return { present: this.last, outputs };
  }

  private feeds({ ids, past, keep }: Question): Feeds {
    const { Tensor } = this.ort;
    const before = this.caches.get(past) ?? this.empty();
    const kept = Object.entries(keep).map(([name, numbers]) => {
      const shape = this.facts.inputs[name]?.shape as readonly number[];
      return [name, new Tensor("float32", Float32Array.from(numbers), shape)] as const;
    });
    return {
      ...before,
      ...Object.fromEntries(kept),
      ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
    };
  }

  private empty(): Feeds {
    const { Tensor } = this.ort;
    return Object.fromEntries(
      Object.entries(this.facts.empty_cache).map(([name, { type, shape }]) => {
        const none = type === "int64" ? new BigInt64Array() : new Float32Array();
        return [name, new Tensor(type as "int64" | "float32", none as never, [...shape])];
      }),
    );
  }

  private output(found: Readonly<Record<string, Tensor>>, name: string): Output {
    const tensor = found[name === LAST ? "logits" : name];
    if (!tensor) throw new Error(`the model has no output ${name}`);
    // The batch is one text: the first dimension is left out. A copy, since the runtime may use the memory again.
    const dims = tensor.dims.slice(1);
    const data = tensor.data as Float32Array;
    if (name !== LAST) return { dims, data: data.slice() };
    const width = dims[dims.length - 1] ?? 0;
    return { dims: [width], data: data.slice(data.length - width) };
  }

  /** What the head says of a stream, [T, C]: the logits [T, V]. The graph for it is fetched at the first call. */
  async lens(stream: PyBuffer): Promise<Output> {
    // Read before anything is waited for: Python's bytes are lent for the call alone.
    const view = stream.getBuffer("u8");
    const data = new Float32Array(view.data.slice().buffer);
    view.release();
    this.lensSession ??= this.kept
      .read(`${this.site}assets/model/${this.facts.files.lens.name}`, () => {})
      .then((graph) => this.ort.InferenceSession.create(new Uint8Array(graph), { executionProviders: ["wasm"] }));
    const session = await this.lensSession;
    const width = this.facts.model.n_embd;
    const shape = [data.length / width, width];
    const given: Feeds = {};
    // Its other input is what backout takes out.
    for (const name of session.inputNames) {
      given[name] = new this.ort.Tensor("float32", name === "stream" ? data : new Float32Array(data.length), shape);
    }
    const found = await session.run(given);
    const logits = found["logits"];
    if (!logits) throw new Error("the lens has no logits");
    return { dims: logits.dims, data: (logits.data as Float32Array).slice() };
  }

  /** Drop the cache of a text. */
  forget(past: number): void {
    for (const tensor of Object.values(this.caches.get(past) ?? {})) tensor.dispose();
    this.caches.delete(past);
  }

  private get site(): string {
    return this.kept.site;
  }
}
