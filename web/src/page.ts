/** Bring one page to life: its cells, exercises, quizzes, tools, figures, and the reader's progress. */
import { openCells } from "./cell";
import { openExercises } from "./exercise";
import { openFigures } from "./explore";
import { showProgress } from "./progress";
import { python } from "./python_client";
import { openQuizzes } from "./quiz";
import { openTools } from "./tool_page";

export function openPage(): void {
  const cells = fresh(".live-cell");
  openCells(cells.filter((cell) => !cell.matches(".exercise")));
  openExercises(cells.filter((cell) => cell.matches(".exercise")));
  openQuizzes(fresh("fieldset.quiz"));
  openTools(fresh(".tool"));
  openFigures(fresh(".explore"));
  const playgrounds = fresh(".playground");
  if (playgrounds.length > 0) void import("./playground").then(({ openPlaygrounds }) => openPlaygrounds(playgrounds));
  const looking = fresh(".looking");
  if (looking.length > 0) void import("./looking").then(({ openLooking }) => openLooking(looking));
  const maps = fresh(".words-map");
  if (maps.length > 0) void import("./words_map").then(({ openWordsMaps }) => openWordsMaps(maps));
  showProgress();
}

/** The reader goes to another page: nothing of this one may keep Python busy. */
export function leavePage(): void {
  python.leavePage();
}

/** The elements that are not alive yet. Two navigations in quick succession may open the same page twice. */
function fresh(selector: string): HTMLElement[] {
  const found = [...document.querySelectorAll<HTMLElement>(selector)].filter((element) => !element.dataset["alive"]);
  for (const element of found) element.dataset["alive"] = "yes";
  return found;
}
