/**
 * A tool's page: the form and the report are there from the build; the first touch starts Python, and then each
 * change of the form computes the report anew. The state stands in the page's address, so a link shares it.
 */
import { python, type Job, type Outcome } from "./python_client";

/** What `tools.core.page.answer` says. */
interface ToolAnswer {
  readonly html: string;
  readonly command: string;
  readonly query: string;
  readonly error: string | null;
  readonly field: string | null;
}

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** How long a reader must pause before a report is computed: typing a number is one change, not five. */
const PAUSE_MS = 150;

class ToolPage {
  private readonly tool: string;
  private readonly form: HTMLFormElement;
  private readonly report: HTMLElement;
  private readonly status = document.createElement("p");
  private readonly error = document.createElement("p");
  private command = "";
  private timer: number | undefined;
  private job: Job | undefined;
  /** Counts the changes: an answer to an older state of the form is not shown. */
  private change = 0;

  constructor(element: HTMLElement) {
    this.tool = element.dataset["tool"] ?? "";
    this.form = find(element, "form.tool-form") as HTMLFormElement;
    this.report = find(element, ".tool-report");
    this.status.className = "tool-status live-status";
    this.status.setAttribute("role", "status");
    this.error.className = "tool-error";
    this.error.id = `${this.tool}-error`;
    this.error.setAttribute("role", "alert");
    this.error.hidden = true;
    this.report.before(this.status, this.error);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("change", (event) => void this.chosen(event.target as Control));
    this.form.addEventListener("reset", () => window.setTimeout(() => this.changed()));
    this.addCopyButton(element);
    if (location.search) void this.openAddress(location.search);
  }

  /** The page was opened by a link that carries a state: show that. */
  private async openAddress(search: string): Promise<void> {
    const answer = await this.ask(search);
    if (answer) this.fillForm(answer.query);
  }

  private changed(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.ask(this.state()), PAUSE_MS);
  }

  /** A file was chosen: Python gets it before it is asked. The file stays in this browser. */
  private async chosen(control: Control): Promise<void> {
    if (!(control instanceof HTMLInputElement) || control.type !== "file") return;
    const file = control.files?.[0];
    if (file) {
      const data = await file.arrayBuffer();
      await python.ask(() => ({ kind: "file", name: file.name, data }), {}).finished;
    }
    this.changed();
  }

  /** Ask the tool about a state of its form, and show its answer. */
  private async ask(state: Record<string, string | string[]> | string): Promise<ToolAnswer | undefined> {
    this.change += 1;
    const change = this.change;
    this.job?.stopIfWaiting();
    const request = { kind: "tool", tool: this.tool, query: JSON.stringify(state) } as const;
    this.report.setAttribute("aria-busy", "true");
    this.job = python.ask(() => request, {
      loading: (loaded, total) => this.say(total ? `Starting Python: ${mega(loaded)} of ${mega(total)} MB` : "Starting Python…"),
      running: () => this.say("Computing…"),
      fetching: (name) => this.say(`Fetching ${name.split("/").pop()}…`),
    });
    const outcome = await this.job.finished;
    return change === this.change ? this.showOutcome(outcome) : undefined;
  }

  private showOutcome(outcome: Outcome): ToolAnswer | undefined {
    this.report.removeAttribute("aria-busy");
    if (outcome.kind === "done") {
      const answer = JSON.parse(outcome.answer.value) as ToolAnswer;
      this.show(answer);
      return answer;
    }
    this.say(outcome.kind === "failed" ? `Python could not do this: ${outcome.why}. Change a field to try again.` : "");
    return undefined;
  }

  private show(answer: ToolAnswer): void {
    this.say("");
    this.markError(answer);
    if (answer.error !== null) return;
    this.report.innerHTML = answer.html;
    this.command = answer.command;
    for (const place of document.querySelectorAll(".tool-command")) place.textContent = answer.command;
    history.replaceState(history.state, "", answer.query ? `?${answer.query}` : location.pathname);
  }

  private markError({ error, field }: ToolAnswer): void {
    this.error.hidden = error === null;
    this.error.textContent = error ?? "";
    for (const control of this.controls()) {
      const wrong = error !== null && control.name === field;
      if (wrong) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
    // The report below still answers the last good question: it must not look like an answer to this one.
    this.report.classList.toggle("stale", error !== null);
  }

  private controls(): Control[] {
    return [...this.form.elements].filter((one): one is Control => "name" in one && one.matches("input,select,textarea"));
  }

  /** The form as Python reads it: words by key. A field left empty says nothing, and the tool's default holds. */
  private state(): Record<string, string | string[]> {
    const state: Record<string, string | string[]> = {};
    for (const control of this.controls()) {
      const value = read(control);
      if (control.name && value !== undefined) state[control.name] = value;
    }
    return state;
  }

  /** Set every control to what an address says, or to its default. */
  private fillForm(query: string): void {
    const words = new URLSearchParams(query);
    this.form.reset();
    window.clearTimeout(this.timer);
    for (const control of this.controls()) if (words.has(control.name)) write(control, words.getAll(control.name));
  }

  private addCopyButton(element: HTMLElement): void {
    const button = element.querySelector<HTMLButtonElement>(".tool-copy-command");
    if (!button) return;
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", () => {
      void navigator.clipboard.writeText(this.command || (button.dataset["command"] ?? "")).then(() => {
        button.textContent = "Copied";
        window.setTimeout(() => (button.textContent = label), 1500);
      });
    });
  }

  private say(text: string): void {
    this.status.textContent = text;
  }
}

function read(control: Control): string | string[] | undefined {
  if (control instanceof HTMLSelectElement && control.multiple) return [...control.selectedOptions].map((one) => one.value);
  if (control instanceof HTMLInputElement) {
    if (control.type === "checkbox") return control.checked ? "yes" : "no";
    if (control.type === "radio") return control.checked ? control.value : undefined;
    if (control.type === "file") return control.files?.[0]?.name;
  }
  return control.value === "" ? undefined : control.value;
}

function write(control: Control, words: string[]): void {
  const last = words.at(-1) ?? "";
  if (control instanceof HTMLSelectElement && control.multiple) {
    for (const option of control.options) option.selected = words.includes(option.value);
  } else if (control instanceof HTMLInputElement && control.type === "checkbox") {
    control.checked = last === "yes";
  } else if (control instanceof HTMLInputElement && control.type === "radio") {
    control.checked = words.includes(control.value);
  } else if (!(control instanceof HTMLInputElement && control.type === "file")) {
    control.value = last;
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
