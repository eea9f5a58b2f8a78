/** What tool pages and interactive figures share: asking Python what a form says, and saying how that goes. */
import type { GivenFiles } from "./messages";
import { python, type Job, type Outcome } from "./python_client";
import { invalid, stateOf, type State } from "./tool_form";
import { startingPython } from "./waiting_words";

/** What `tools.core.page.answer` says. */
export interface ToolAnswer {
  readonly html: string;
  readonly says: string;
  readonly command: string;
  readonly query: string;
  readonly error: string | null;
  readonly field: string | null;
}

export class ToolQuestions {
  readonly tool: string;
  readonly form: HTMLFormElement;
  readonly report: HTMLElement;
  /** What the reader gave, by field. */
  readonly files = new Map<string, GivenFiles>();
  private readonly status: HTMLElement;
  private readonly error: HTMLElement;
  private job: Job | undefined;
  /** Counts the questions. */
  private asked = 0;
  /** Answers to questions up to this one are not shown. */
  private settled = 0;

  constructor(
    readonly element: HTMLElement,
    /** Shows a good answer; the report is in its place already. */
    private readonly show: (answer: ToolAnswer) => void,
    /** Whether answers to older questions are shown while the newest waits: a picture then follows a slider. */
    private readonly showOlder: boolean,
  ) {
    this.tool = element.dataset["tool"] ?? "";
    this.form = find(element, ".tool-form") as HTMLFormElement;
    this.report = find(element, ".tool-report");
    this.status = find(element, ".tool-status");
    this.error = find(element, ".tool-error");
    (find(element, ".tool-controls") as HTMLFieldSetElement).disabled = false;
    this.form.addEventListener("submit", (event) => event.preventDefault());
  }

  async askForm(): Promise<void> {
    const wrong = invalid(this.form);
    if (wrong) this.markError(wrong.validationMessage, wrong.name);
    else await this.ask(stateOf(this.form));
  }

  /** Ask the tool. A question that still waits for its turn is dropped for a newer one. */
  async ask(question: State | string): Promise<void> {
    this.asked += 1;
    const number = this.asked;
    this.job?.stopIfWaiting();
    this.element.setAttribute("aria-busy", "true");
    const query = JSON.stringify(question);
    const files = [...this.files.values()];
    this.job = python.ask(() => ({ kind: "tool", tool: this.tool, query, files }), this.listener());
    const outcome = await this.job.finished;
    const newest = number === this.asked;
    if (number <= this.settled) {
      if (this.settled === this.asked) this.say("");
      return;
    }
    if (!newest && !this.showOlder) return;
    if (newest) this.settle();
    if (outcome.kind === "done") this.hear(JSON.parse(outcome.answer.value) as ToolAnswer, newest);
    else if (newest) this.showFailure(outcome, () => void this.ask(question));
  }

  /** Forget the questions that are under way: the reader wants none of their answers. */
  drop(): void {
    this.job?.stopIfWaiting();
    this.settle();
    this.say("");
    this.markError(null, null);
  }

  listener() {
    return {
      loading: (loaded: number, total: number) =>
        this.say(startingPython(loaded, total)),
      running: () => this.say("Computing…"),
      progress: (what: string, share: number) => this.sayProgress(what, share),
      fetching: (name: string) => this.say(`Fetching ${name.split("/").pop()}…`),
    };
  }

  say(text: string): void {
    this.status.textContent = text;
  }

  /** Long work says how far it is, and can be stopped. */
  private sayProgress(what: string, share: number): void {
    const words = `${what}: ${Math.round(share * 100)} %`;
    let said = this.status.querySelector("span");
    if (!said) {
      said = document.createElement("span");
      this.status.replaceChildren(said, " ", button("Stop", () => this.job?.stop()));
    }
    said.textContent = words;
  }

  showFailure(outcome: Outcome, again: () => void): void {
    this.say(outcome.kind === "failed" ? `Python could not do this: ${outcome.why} ` : "Stopped. ");
    this.status.append(button("Try again", again));
  }

  private settle(): void {
    this.settled = this.asked;
    this.element.removeAttribute("aria-busy");
    this.element.dataset["answered"] = String(this.asked);
  }

  private hear(answer: ToolAnswer, newest: boolean): void {
    if (newest) this.say(answer.error === null ? "The answer is up to date." : "");
    this.markError(answer.error, answer.field);
    if (answer.error !== null) return;
    this.report.innerHTML = answer.html;
    this.show(answer);
  }

  private markError(error: string | null, field: string | null): void {
    this.error.hidden = error === null;
    this.error.textContent = error ?? "";
    for (const control of this.form.querySelectorAll("[name]")) {
      if (error !== null && control.getAttribute("name") === field) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
    // The report still answers the last good question: it must not look like an answer to this one.
    this.report.classList.toggle("stale", error !== null);
  }
}

function button(label: string, press: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "live-button live-again";
  made.textContent = label;
  made.addEventListener("click", press);
  return made;
}

export function find(element: HTMLElement, selector: string): HTMLElement {
  const found = element.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`a tool has no ${selector}`);
  return found;
}
