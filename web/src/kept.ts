/**
 * What stays in this browser between visits: which exercises are done, and the reader's own solutions.
 *
 * It lies in `localStorage` and goes nowhere else. A browser that keeps nothing (private windows, blocked storage)
 * is no error: the site then works for the visit.
 */
const DONE = "nanochat.exercises-done";
const DRAFT = "nanochat.draft:";

/** The name of an exercise on the whole site: `guides/02-tokenization/#count-bytes`. */
export type ExerciseName = string;

export function doneExercises(): Set<ExerciseName> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(DONE) ?? "[]");
    return new Set(Array.isArray(kept) ? kept.filter((name) => typeof name === "string") : []);
  } catch {
    return new Set();
  }
}

export function keepDone(name: ExerciseName): void {
  const done = doneExercises().add(name);
  keep(DONE, JSON.stringify([...done].sort()));
}

export function draft(name: ExerciseName): string | undefined {
  try {
    return localStorage.getItem(DRAFT + name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keep the reader's code of an exercise; `undefined` forgets it. */
export function keepDraft(name: ExerciseName, code: string | undefined): void {
  keep(DRAFT + name, code);
}

/** Forget everything this site has kept about exercises. */
export function forgetAll(): void {
  try {
    const ours = Object.keys(localStorage).filter((key) => key === DONE || key.startsWith(DRAFT));
    for (const key of ours) localStorage.removeItem(key);
  } catch {
    // There is no storage, so there is nothing to forget.
  }
}

function keep(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // No storage, or a full one: the reader loses the memory of the next visit and nothing else.
  }
}
