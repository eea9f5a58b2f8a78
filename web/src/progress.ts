/** How far the reader is: on the page of a guide, and wherever a page has a place for it. */
import { doneExercises, forgetAll, type ExerciseName } from "./kept";
import { siteAddress } from "./site_address";

/** `exercises.json`, made by the build: every exercise of the site. */
interface Listed {
  readonly page: string;
  readonly title: string;
  readonly exercises: readonly { readonly id: string; readonly title: string }[];
}

/** Sent to the window when what is kept has been cleared. */
export const PROGRESS_CHANGED = "nanochat:progress";

export function exerciseName(element: HTMLElement): ExerciseName {
  return `${pagePath()}#${element.dataset["exercise"]}`;
}

/** The page's path below the site's top: the same in every place the site is served from. */
function pagePath(): string {
  return location.href.slice(siteAddress().length).replace(/[?#].*$/, "").replace(/index\.html$/, "");
}

/** Show progress on this page, above its first exercise, and in every `[data-exercise-progress]`. */
export function showProgress(): void {
  showOnGuide();
  for (const place of document.querySelectorAll<HTMLElement>("[data-exercise-progress]")) void showOverview(place);
}

function showOnGuide(): void {
  const exercises = [...document.querySelectorAll<HTMLElement>(".live-cell.exercise")];
  const heading = document.querySelector(".md-content h1");
  if (exercises.length === 0 || !heading) return;
  const done = doneExercises();
  const solved = exercises.filter((exercise) => done.has(exerciseName(exercise))).length;
  const place = document.querySelector(".guide-progress") ?? document.createElement("div");
  place.className = "guide-progress";
  const next = exercises.find((exercise) => !done.has(exerciseName(exercise)));
  const link = document.createElement("a");
  link.href = `#${next?.id ?? ""}`;
  link.textContent = solved === 0 ? "To the first" : "To the next";
  place.replaceChildren(bar(solved, exercises.length), ` ${solved} of ${exercises.length} exercises solved. `);
  if (next) place.append(link);
  heading.after(place);
}

async function showOverview(place: HTMLElement): Promise<void> {
  const answer = await fetch(new URL("assets/live/exercises.json", siteAddress())).catch(() => undefined);
  if (!answer?.ok) return;
  const pages = (await answer.json()) as Listed[];
  const done = doneExercises();
  const list = document.createElement("ul");
  list.className = "exercise-overview";
  for (const { page, title, exercises } of pages) {
    const solved = exercises.filter(({ id }) => done.has(`${page}#${id}`)).length;
    const link = document.createElement("a");
    link.href = new URL(page, siteAddress()).href;
    link.textContent = title;
    const item = document.createElement("li");
    item.append(link, bar(solved, exercises.length), ` ${solved} of ${exercises.length}`);
    list.append(item);
  }
  place.replaceChildren(list);
  if (done.size > 0) place.append(clearButton());
}

function bar(value: number, max: number): HTMLProgressElement {
  const element = document.createElement("progress");
  element.max = max;
  element.value = value;
  element.setAttribute("aria-label", `${value} of ${max} exercises solved`);
  return element;
}

/** Clearing cannot be taken back, so the button asks once more. */
function clearButton(): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "live-button clear-progress";
  button.textContent = "Clear my progress";
  button.addEventListener("click", () => {
    if (button.dataset["sure"]) {
      forgetAll();
      window.dispatchEvent(new Event(PROGRESS_CHANGED));
      showProgress();
    } else {
      button.dataset["sure"] = "asked";
      button.textContent = "Clear solved exercises and your code: press again";
    }
  });
  return button;
}
