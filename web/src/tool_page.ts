/**
 * A tool's page: the form and the report are there from the build; the first touch starts Python, and then each
 * change of the form computes the report anew. The state stands in the page's address, so a link shares it.
 */
import { python, type Job, type Outcome } from "./python_client";
import { defaultsOf, fill, invalid, stateOf, type Control, type State } from "./tool_form";

/** What `tools.core.page.answer` says. */
interface ToolAnswer {
  readonly html: string;
  readonly command: string;
  readonly query: string;
  readonly error: string | null;
  readonly field: string | null;
}

/** How long a reader must pause before a report is computed: typing a number is one change, not five. */
const PAUSE_MS = 150;

class ToolPage {
  private readonly tool: string;
  private readonly form: HTMLFormElement;
  private readonly report: HTMLElement;
  private readonly status: HTMLElement;
  private readonly error: HTMLElement;
  /** What the report of the build answers: the page without a state in its address. */
  private readonly first: State;
  private timer: number | undefined;
  private job: Job | undefined;
  /** Counts the questions: an answer to an older one is not shown. */
  private asked = 0;

  constructor(private readonly element: HTMLElement) {
    this.tool = element.dataset["tool"] ?? "";
    this.first = JSON.parse(element.dataset["query"] ?? "{}") as State;
    this.form = find(element, ".tool-form") as HTMLFormElement;
    this.report = find(element, ".tool-report");
    this.status = find(element, ".tool-status");
    this.error = find(element, ".tool-error");
    (find(element, ".tool-controls") as HTMLFieldSetElement).disabled = false;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("change", (event) => void this.chosen(event.target as Control));
    this.openCopyButton();
    if (location.search.length > 1) void this.openAddress(location.search);
  }

  /** The page was opened by a link that carries a state: show that, in the form too. */
  private async openAddress(search: string): Promise<void> {
    const form = await python.ask(() => ({ kind: "form", tool: this.tool }), this.listener()).finished;
    if (form.kind !== "done") return this.showFailure(form, () => void this.openAddress(search));
    fill(this.form, defaultsOf(form.answer.value));
    fill(this.form, stateOf(new URLSearchParams(search)));
    await this.ask(search);
  }

  private changed(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.askForm(), PAUSE_MS);
  }

  /** A file was chosen: Python gets it before it is asked. The file stays in this browser. */
  private async chosen(control: Control): Promise<void> {
    const file = control instanceof HTMLInputElement ? control.files?.[0] : undefined;
    if (!file) return;
    const data = await file.arrayBuffer();
    await python.ask(() => ({ kind: "file", name: file.name, data }), this.listener()).finished;
    this.changed();
  }

  private async askForm(): Promise<void> {
    const wrong = invalid(this.form);
    if (wrong) this.markError(wrong.validationMessage, wrong.name);
    else await this.ask(stateOf(this.form));
  }

  /** Ask the tool, and show its answer unless a newer question has been asked meanwhile. */
  private async ask(question: State | string): Promise<void> {
    this.asked += 1;
    const number = this.asked;
    this.job?.stopIfWaiting();
    this.element.setAttribute("aria-busy", "true");
    const query = JSON.stringify(question);
    this.job = python.ask(() => ({ kind: "tool", tool: this.tool, query }), this.listener());
    const outcome = await this.job.finished;
    if (number !== this.asked) return;
    this.element.removeAttribute("aria-busy");
    this.element.dataset["answered"] = String(number);
    if (outcome.kind === "done") this.show(JSON.parse(outcome.answer.value) as ToolAnswer);
    else this.showFailure(outcome, () => void this.ask(question));
  }

  private listener() {
    return {
      loading: (loaded: number, total: number) =>
        this.say(total ? `Starting Python: ${mega(loaded)} of ${mega(total)} MB` : "Starting Python…"),
      running: () => this.say("Computing…"),
      fetching: (name: string) => this.say(`Fetching ${name.split("/").pop()}…`),
    };
  }

  private show(answer: ToolAnswer): void {
    this.say(answer.error === null ? "The answer is up to date." : "");
    this.markError(answer.error, answer.field);
    if (answer.error !== null) return;
    this.report.innerHTML = answer.html;
    find(this.element, ".tool-command").textContent = answer.command;
    history.replaceState(history.state, "", this.addressOf(answer.query) + location.hash);
  }

  /** The address of a state: what differs from the tool's defaults, and if nothing does, that it does not. */
  private addressOf(query: string): string {
    if (query) return `?${query}`;
    const state = stateOf(this.form);
    const said = Object.keys(this.first).map((key) => [key, String(state[key] ?? "")]);
    return said.length > 0 ? `?${new URLSearchParams(said)}` : location.pathname;
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

  private showFailure(outcome: Outcome, again: () => void): void {
    this.say(outcome.kind === "failed" ? `Python could not do this: ${outcome.why} ` : "");
    if (outcome.kind !== "failed") return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "live-button live-again";
    button.textContent = "Try again";
    button.addEventListener("click", again);
    this.status.append(button);
  }

  private openCopyButton(): void {
    const button = find(this.element, ".tool-copy-command") as HTMLButtonElement;
    const label = button.textContent;
    button.disabled = false;
    button.addEventListener("click", () => {
      const command = find(this.element, ".tool-command").textContent ?? "";
      void navigator.clipboard.writeText(command).then(() => {
        button.textContent = "Copied";
        window.setTimeout(() => (button.textContent = label), 1500);
      });
    });
  }

  private say(text: string): void {
    this.status.textContent = text;
  }
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

function find(element: HTMLElement, selector: string): HTMLElement {
  const found = element.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`a tool page has no ${selector}`);
  return found;
}

export function openTools(elements: Iterable<HTMLElement>): void {
  for (const element of elements) new ToolPage(element);
}
