/**
 * What a run shows, on its way from the worker to the page: joined, batched and capped.
 *
 * Each `print` writes two or more pieces. The first pieces of a run go out at once, so that a slow cell shows its
 * first line; later ones are joined and sent every 50 ms, so that a fast loop does not drown the page.
 */
import type { OutputKind } from "./messages";

export const MOST_CHARACTERS = 100_000;
const MOST_SVG_CHARACTERS = 2_000_000;
const AT_ONCE = 100;
const EVERY_MS = 50;

export class OutputStream {
  private kind: OutputKind = "stdout";
  private waiting: string[] = [];
  private sent = 0;
  private characters = 0;
  private full = false;
  private lastSent = 0;

  constructor(private readonly send: (kind: OutputKind, text: string) => void) {}

  /** Take one piece of output. */
  readonly take = (kind: OutputKind, text: string): void => {
    if (kind === "error") this.full = false; // the reason why a run stopped is always shown
    if (this.full) return;
    if (kind !== this.kind || kind === "svg") this.flush();
    this.kind = kind;
    this.waiting.push(this.fitting(kind, text));
    if (this.full) this.noteTheEnd();
    else if (this.sent < AT_ONCE || performance.now() - this.lastSent > EVERY_MS) this.flush();
  };

  /** Send what waits. */
  flush(): void {
    if (this.waiting.length === 0) return;
    const text = this.waiting.join("");
    this.waiting = [];
    this.sent += 1;
    this.lastSent = performance.now();
    if (text) this.send(this.kind, text);
  }

  private fitting(kind: OutputKind, text: string): string {
    if (kind === "svg") {
      this.full = text.length > MOST_SVG_CHARACTERS;
      return this.full ? "" : text;
    }
    if (kind === "error") return text.slice(0, MOST_CHARACTERS);
    const room = MOST_CHARACTERS - this.characters;
    this.characters += text.length;
    if (text.length <= room) return text;
    this.full = true;
    return text.slice(0, room);
  }

  private noteTheEnd(): void {
    this.flush();
    const most = MOST_CHARACTERS.toLocaleString("en-US");
    this.send("note", `The output is longer than ${most} characters; the rest is not shown.`);
  }
}
