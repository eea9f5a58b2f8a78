/** An exercise: a live cell whose code is checked, in words, by checks that the page hides. */
import { LiveCell } from "./cell";
import { doneExercises, draft, keepDone, keepDraft } from "./kept";
import type { Answer, CheckResult } from "./messages";
import { exerciseName, PROGRESS_CHANGED, showProgress } from "./progress";
import type { Action } from "./toolbar";

class Exercise extends LiveCell {
  private readonly name: string;
  private readonly report = document.createElement("ul");

  constructor(
    element: HTMLElement,
    private readonly checks: string,
  ) {
    super(element, undefined);
    this.name = exerciseName(element);
    this.report.className = "check-report";
    this.output.element.after(this.report);
    this.report.hidden = true;
    this.report.setAttribute("aria-live", "polite");
    this.showDone();
    window.addEventListener(PROGRESS_CHANGED, () => this.showDone());
    const kept = draft(this.name);
    if (kept !== undefined && kept !== this.original) void this.continueDraft(kept);
  }

  protected override label(): string {
    return `Exercise: ${this.element.dataset["title"] ?? this.element.dataset["exercise"]}`;
  }

  protected override actions(): Action[] {
    const check: Action = { name: "check", label: "Check", title: "Check this code (Ctrl+Enter)", do: () => this.check() };
    return [check, ...super.actions()];
  }

  protected override main(): void {
    this.check();
  }

  private check(): void {
    this.report.hidden = true;
    void this.work(
      () => ({ kind: "check", code: this.code, checks: this.checks }),
      (answer) => this.showChecks(answer),
    );
  }

  protected override run(): void {
    this.report.hidden = true;
    super.run();
  }

  private showChecks({ value }: Answer): void {
    const results = JSON.parse(value) as CheckResult[];
    const held = results.filter((result) => result.holds).length;
    this.report.replaceChildren(...results.map(line));
    this.report.hidden = false;
    const all = held === results.length;
    this.toolbar.say(all ? "Solved: every check holds." : `${held} of ${results.length} checks hold.`, all ? "good" : "bad");
    if (!all) return;
    keepDone(this.name);
    showProgress();
  }

  private showDone(): void {
    this.element.classList.toggle("done", doneExercises().has(this.name));
  }

  /** Open the editor with the code of an earlier visit; the page keeps its place, and the focus. */
  private async continueDraft(code: string): Promise<void> {
    await this.edit(code, false);
    this.toolbar.say("Your code from an earlier visit. Reset brings back the start.");
  }

  protected override onChange(): void {
    super.onChange();
    keepDraft(this.name, this.code === this.original ? undefined : this.code);
  }

  protected override reset(): void {
    super.reset();
    this.report.hidden = true;
    keepDraft(this.name, undefined);
  }
}

function line({ holds, says }: CheckResult): HTMLElement {
  const item = document.createElement("li");
  item.className = holds ? "holds" : "fails";
  const verdict = document.createElement("span");
  verdict.className = "check-verdict";
  verdict.textContent = holds ? "holds" : "fails";
  item.append(verdict, ` ${says}`);
  return item;
}

/** Bring the exercises of the page to life; their checks stand beside them. */
export function openExercises(elements: Iterable<HTMLElement>): void {
  for (const element of elements) {
    const id = CSS.escape(element.dataset["exercise"] ?? "");
    const checks = document.querySelector<HTMLElement>(`.exercise-checks[data-exercise="${id}"]`)?.dataset["code"];
    if (checks) new Exercise(element, checks);
  }
}
