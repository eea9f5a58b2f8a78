/**
 * Cells that share their names, in the order of the page.
 *
 * A reader may run a later cell first. Then Python does not know yet what the earlier ones define, and they run
 * before it: with the code the reader has made of them, else with the build's.
 */
import type { CellSource } from "./messages";

export interface SessionCell {
  source(): CellSource;
}

export class Session {
  private readonly cells: SessionCell[] = [];
  private readonly ranIn = new Map<SessionCell, number>();

  /** `name` is unique in the visit: Python keeps the names of a session under it. */
  constructor(readonly name: string) {}

  add(cell: SessionCell): void {
    this.cells.push(cell);
  }

  /** The cell has its first code again: what its other code defined no longer counts. */
  forget(cell: SessionCell): void {
    this.ranIn.delete(cell);
  }

  /** What must run before `cell` in this generation of the worker. From now on, all of that counts as run. */
  before(cell: SessionCell, generation: number): CellSource[] {
    const earlier = this.cells.slice(0, this.cells.indexOf(cell));
    const missing = earlier.filter((other) => this.ranIn.get(other) !== generation);
    for (const one of [...missing, cell]) this.ranIn.set(one, generation);
    return missing.map((one) => one.source());
  }
}
