/**
 * A tool's page: the form and the report are there from the build; the first touch starts Python, and then each
 * change of the form computes the report anew. The state stands in the page's address, so a link shares it.
 */
import { python } from "./python_client";
import { defaultsOf, fill, stateOf, type Control, type State } from "./tool_form";
import { find, ToolQuestions, type ToolAnswer } from "./tool_questions";

/** How long a reader must pause before a report is computed: typing a number is one change, not five. */
const PAUSE_MS = 150;

class ToolPage {
  private readonly questions: ToolQuestions;
  private readonly form: HTMLFormElement;
  /** What the report of the build answers: the page without a state in its address. */
  private readonly first: State;
  private timer: number | undefined;

  constructor(private readonly element: HTMLElement) {
    this.first = JSON.parse(element.dataset["query"] ?? "{}") as State;
    this.questions = new ToolQuestions(element, (answer) => this.show(answer), false);
    this.form = this.questions.form;
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("change", (event) => void this.chosen(event.target as Control));
    this.openCopyButton();
    if (location.search.length > 1) void this.openAddress(location.search);
  }

  /** The page was opened by a link that carries a state: show that, in the form too. */
  private async openAddress(search: string): Promise<void> {
    const { tool } = this.questions;
    const form = await python.ask(() => ({ kind: "form", tool }), this.questions.listener()).finished;
    if (form.kind !== "done") return this.questions.showFailure(form, () => void this.openAddress(search));
    fill(this.form, defaultsOf(form.answer.value));
    fill(this.form, stateOf(new URLSearchParams(search)));
    await this.questions.ask(search);
  }

  private changed(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.questions.askForm(), PAUSE_MS);
  }

  /** A file was chosen: Python gets it before it is asked. The file stays in this browser. */
  private async chosen(control: Control): Promise<void> {
    const file = control instanceof HTMLInputElement ? control.files?.[0] : undefined;
    if (!file) return;
    const data = await file.arrayBuffer();
    await python.ask(() => ({ kind: "file", name: file.name, data }), this.questions.listener()).finished;
    this.changed();
  }

  private show(answer: ToolAnswer): void {
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
}

export function openTools(elements: Iterable<HTMLElement>): void {
  for (const element of elements) new ToolPage(element);
}
