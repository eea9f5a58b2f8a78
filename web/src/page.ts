/** Bring one page to life: its cells, exercises, quizzes, tools, figures, and the reader's progress. */
import { openCells } from "./cell";
import { openExercises } from "./exercise";
import { openFigures } from "./explore";
import { showProgress } from "./progress";
import { python } from "./python_client";
import { openQuizzes } from "./quiz";
import { siteAddress } from "./site_address";
import { openTools } from "./tool_page";

export function openPage(): void {
  const cells = fresh(".live-cell");
  openCells(cells.filter((cell) => !cell.matches(".exercise")));
  openExercises(cells.filter((cell) => cell.matches(".exercise")));
  openQuizzes(fresh("fieldset.quiz"));
  openTools(fresh(".tool"));
  openFigures(fresh(".explore"));
  openWith(".playground", async (found) => (await import("./playground")).openPlaygrounds(found));
  openWith(".looking", async (found) => (await import("./looking")).openLooking(found));
  openWith(".words-map", async (found) => (await import("./words_map")).openWordsMaps(found));
  showProgress();
}

/** The reader goes to another page: nothing of this one may keep Python busy. */
export function leavePage(): void {
  python.leavePage();
}

/** Open elements with a script that few pages need. They are alive when that is done, not before. */
function openWith(selector: string, open: (elements: HTMLElement[]) => Promise<void>): void {
  const found = [...document.querySelectorAll<HTMLElement>(selector)].filter((element) => !element.dataset["opened"]);
  if (found.length === 0) return;
  for (const element of found) element.dataset["opened"] = "yes";
  needStyles();
  void open(found).then(() => {
    for (const element of found) element.dataset["alive"] = "yes";
  });
}

/** Their style sheet stands in their pages alone. Instant navigation may have left it behind. */
function needStyles(): void {
  if (document.querySelector('link[href$="stylesheets/model.css"]')) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("stylesheets/model.css", siteAddress()).href;
  document.head.append(link);
}

/** The elements that are not alive yet. Two navigations in quick succession may open the same page twice. */
function fresh(selector: string): HTMLElement[] {
  const found = [...document.querySelectorAll<HTMLElement>(selector)].filter((element) => !element.dataset["alive"]);
  for (const element of found) element.dataset["alive"] = "yes";
  return found;
}
