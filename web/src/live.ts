/**
 * What every page loads: small, and it only looks whether there is something to bring to life.
 *
 * Material's instant navigation exchanges the page's content without loading the page anew, and tells so through
 * `document$`. Nothing here starts Python or fetches the editor before a reader asks for it.
 */
declare global {
  interface Window {
    /** Material's stream of pages: it hands over the document at the first page and after each navigation. */
    document$?: { subscribe(handler: (page: Document) => void): void };
  }
}

const ALIVE = ".live-cell, .tool, .explore, .playground, .looking, .words-map, .quiz, [data-exercise-progress]";
let used: typeof import("./page") | undefined;

async function openPage(): Promise<void> {
  used?.leavePage();
  if (!document.querySelector(ALIVE)) return;
  used ??= await import("./page");
  used.openPage();
}

if (window.document$) window.document$.subscribe(() => void openPage());
else void openPage();

export {};
