/** What the page and its Python worker say to each other. */

export type OutputKind = "stdout" | "stderr" | "result" | "error" | "svg" | "note";

/** One cell's code, and the number under which tracebacks and `inspect` know it. */
export interface CellSource {
  readonly cell: string;
  readonly code: string;
}

/** Something Python is asked to do. */
export type Request =
  | {
      readonly kind: "run";
      /** Cells with the same session share their names; "" gives a cell names of its own. */
      readonly session: string;
      /** Earlier cells of the session that have not run yet: they run first, and their output is not shown. */
      readonly before: readonly CellSource[];
      readonly source: CellSource;
    }
  | { readonly kind: "check"; readonly code: string; readonly checks: string }
  | { readonly kind: "tool"; readonly tool: string; readonly query: string; readonly files: readonly GivenFiles[] }
  /** The text of a file to save. */
  | { readonly kind: "export"; readonly tool: string; readonly query: string; readonly files: readonly GivenFiles[]; readonly key: string }
  | { readonly kind: "form"; readonly tool: string }
  /** Something for the model of the page: a call of tools/live/page.py, and its words as JSON. */
  | { readonly kind: "model"; readonly call: string; readonly words: string };

/**
 * What a reader chose for a field or dropped on it. A `File` is no copy of its bytes: the worker reads them in slices
 * when Python asks for them.
 */
export interface GivenFiles {
  readonly field: string;
  /** Another choice has another number. */
  readonly version: number;
  /** What the field says: names of files, or of the folders that were dropped. */
  readonly names: readonly string[];
  readonly files: readonly { readonly name: string; readonly data: File }[];
}

export type ToWorker =
  | {
      readonly kind: "start";
      /** The folder that holds Pyodide, as an address. */
      readonly folder: string;
      /** The site's top, as an address: what a tool's files are fetched from. */
      readonly site: string;
      /** Where a 2 interrupts Python, if the page may share memory with its worker. */
      readonly interrupt: SharedArrayBuffer | null;
    }
  | { readonly kind: "do"; readonly id: number; readonly request: Request }
  | { readonly kind: "forget" };

export type FromWorker =
  | { readonly kind: "loading"; readonly loaded: number; readonly total: number }
  | { readonly kind: "ready"; readonly from: "memory" | "scratch"; readonly why: string }
  | { readonly kind: "cannot-start"; readonly why: string }
  | { readonly kind: "fetching"; readonly id: number; readonly name: string }
  /** What long work is doing, and which share of it is done (0 where nobody knows). */
  | { readonly kind: "progress"; readonly id: number; readonly what: string; readonly share: number }
  | { readonly kind: "output"; readonly id: number; readonly what: OutputKind; readonly text: string }
  | { readonly kind: "done"; readonly id: number; readonly answer: Answer }
  /** Something went wrong outside the reader's code; after a fatal fault the worker is of no more use. */
  | { readonly kind: "crashed"; readonly id: number; readonly why: string; readonly fatal: boolean };

/** How a request ended. `ok` is false when the code stopped with an error. */
export interface Answer {
  readonly ok: boolean;
  /** Of `before`, how many stopped with an error. */
  readonly failedBefore: number;
  /** JSON: what checks found, or a tool's answer; "" for a run. */
  readonly value: string;
}

/** What one check of an exercise found, in words. */
export interface CheckResult {
  readonly holds: boolean;
  readonly says: string;
}
