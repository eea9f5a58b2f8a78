/**
 * A tool's page: the form and the report are there from the build; the first touch starts Python, and then each
 * change of the form computes the report anew. The state stands in the page's address, so a link shares it.
 */
import { chosen, dropped, given, inWords } from "./given_files";
import type { GivenFiles } from "./messages";
import { asksModel, emptyExample, emptyModelFields, makeAlone, openAskButtons } from "./model_fields";
import { python, type Outcome } from "./python_client";
import { defaultsOf, fill, stateOf, type Control, type State } from "./tool_form";
import { find, ToolQuestions, type ToolAnswer } from "./tool_questions";

/** How long a reader must pause before a report is computed: typing a number is one change, not five. */
const PAUSE_MS = 150;
/** The field of a tool that looks at files: an example instead of one's own. */
const EXAMPLE = "example";

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
    this.form.addEventListener("input", (event) => {
      if (!asksModel(event.target)) this.changed();
    });
    this.form.addEventListener("change", (event) => this.chosen(event.target as Control));
    openAskButtons(this.form, () => this.askNow());
    this.openDropping();
    this.openCopyButton();
    this.openSaveButtons();
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

  private askNow(): void {
    window.clearTimeout(this.timer);
    void this.questions.askForm();
  }

  /** Files were chosen: Python can read them when it is asked. They stay in this browser. */
  private chosen(control: Control): void {
    if (asksModel(control)) {
      makeAlone(this.form, control);
      if (control.value !== "") this.takeBack();
      this.changed();
    } else if (control instanceof HTMLInputElement && control.type === "file") this.give(control, chosen(control));
    else if (control.name === EXAMPLE && control.value !== "") {
      this.takeBack();
      emptyModelFields(this.form);
    }
  }

  /** Something else is to be looked at: what was given before no longer matters. */
  private takeBack(): void {
    for (const input of this.form.querySelectorAll<HTMLInputElement>("input[data-given]")) {
      input.value = "";
      this.note(input, given(input.name, [], []));
    }
  }

  private give(input: HTMLInputElement, files: GivenFiles): void {
    if (files.names.length > 0) {
      emptyExample(this.form);
      emptyModelFields(this.form);
    }
    this.note(input, files);
    this.changed();
  }

  private note(input: HTMLInputElement, files: GivenFiles): void {
    this.questions.files.set(input.name, files);
    input.dataset["given"] = JSON.stringify(files.names);
    const said = document.getElementById(`${input.id}-given`);
    if (said) said.textContent = inWords(files.names);
  }

  /** Files and folders may be dropped anywhere on the tool: on a field, else they are for the first one. */
  private openDropping(): void {
    const first = this.form.querySelector<HTMLInputElement>("input[type=file]");
    if (!first) return;
    const over = (on: boolean): void => void this.element.classList.toggle("tool-drop", on);
    this.element.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      over(true);
    });
    this.element.addEventListener("dragleave", (event) => {
      if (!this.element.contains(event.relatedTarget as Node | null)) over(false);
    });
    this.element.addEventListener("drop", (event) => {
      if (!event.dataTransfer) return;
      event.preventDefault();
      over(false);
      const on = event.target instanceof HTMLInputElement && event.target.type === "file" ? event.target : first;
      void dropped(on, event.dataTransfer).then(
        (files) => this.give(on, files),
        (error: unknown) => this.questions.say(`This could not be read: ${String(error)}`),
      );
    });
  }

  /** Each saves what the form asks for as a file; it is made in this page. */
  private openSaveButtons(): void {
    const { tool } = this.questions;
    for (const button of this.element.querySelectorAll<HTMLButtonElement>(".tool-save")) {
      button.disabled = false;
      button.addEventListener("click", () => {
        const query = JSON.stringify(stateOf(this.form));
        const files = [...this.questions.files.values()];
        const key = button.value;
        const job = python.ask(() => ({ kind: "export", tool, query, files, key }), this.questions.listener());
        void job.finished.then((outcome) => this.save(outcome));
      });
    }
  }

  private save(outcome: Outcome): void {
    if (outcome.kind !== "done") return this.questions.say(outcome.kind === "failed" ? outcome.why : "Stopped.");
    const made = JSON.parse(outcome.answer.value) as { text: string; file_name: string; error: string | null };
    if (made.error !== null) return this.questions.say(made.error);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([made.text]));
    link.download = made.file_name;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.questions.say(`${made.file_name} is among your downloads.`);
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
