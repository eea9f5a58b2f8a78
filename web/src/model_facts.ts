/** `model.json`: what web/model_files.py says of the model of the page and of the files that make it. */

export interface Kept {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface Slot {
  readonly type: string;
  readonly shape: readonly number[];
}

export interface ModelFacts {
  readonly files: Readonly<Record<"model" | "lens" | "ranks" | "tokenizer" | "embeddings", Kept>>;
  /** The files of ONNX Runtime Web, by their names. */
  readonly runtime: Readonly<Record<string, Kept>>;
  readonly inputs: Readonly<Record<string, { readonly shape: readonly (number | string)[] }>>;
  readonly empty_cache: Readonly<Record<string, Slot>>;
  readonly model: { readonly n_layer: number; readonly n_embd: number; readonly vocab_size: number };
}

/** The runtime's names carry no hash, so the address does: nothing old is taken from a cache. */
export function runtimeAddress(site: string, { name, sha256 }: Kept): string {
  return `${site}assets/ort/${name}?${sha256.slice(0, 12)}`;
}
