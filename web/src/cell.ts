/** A live cell: code from the build that a reader can run, edit, stop and reset. */
import type { CodeEditor } from "./editor";
import type { Answer, CellSource } from "./messages";
import { OutputView } from "./output";
import { python, type Job, type Listener, type Outcome } from "./python_client";
import { Session } from "./session";
import { Toolbar, type Action } from "./toolbar";

export class LiveCell {
  protected readonly original: string;
  protected readonly output: OutputView;
  protected readonly toolbar: Toolbar;
  private readonly highlighted: HTMLElement;
  private editor: CodeEditor | undefined;
  protected job: Job | undefined;

  constructor(
    protected readonly element: HTMLElement,
    private readonly session: Session | undefined,
  ) {
    this.original = element.dataset["code"] ?? "";
    this.highlighted = part(element, ".highlight pre"); // without the title above it, which stays
    this.output = new OutputView(part(element, ".live-output"));
    this.toolbar = new Toolbar(this.label(), this.actions());
    this.toolbar.show("stop", false);
    this.toolbar.show("reset", false);
    this.output.element.before(this.toolbar.element);
    element.addEventListener("keydown", (event) => this.onKey(event), { capture: true });
    session?.add(this);
  }

  source(): CellSource {
    return { cell: this.element.dataset["cell"] ?? "exercise", code: this.code };
  }

  protected label(): string {
    return `Code cell ${this.element.dataset["cell"]}`;
  }

  protected actions(): Action[] {
    return [
      { name: "run", label: "Run", title: "Run this cell (Ctrl+Enter)", do: () => this.run() },
      { name: "stop", label: "Stop", do: () => this.job?.stop() },
      { name: "edit", label: "Edit", title: "Change the code", do: () => void this.edit() },
      { name: "reset", label: "Reset", title: "Bring back the code and output of the page", do: () => this.reset() },
    ];
  }

  protected get code(): string {
    return this.editor?.text ?? this.original;
  }

  /** What Ctrl+Enter does. */
  protected main(): void {
    this.run();
  }

  protected run(): void {
    void this.work(
      (generation) => ({
        kind: "run",
        session: this.session?.name ?? "",
        before: this.session?.before(this, generation) ?? [],
        source: this.source(),
      }),
      (answer) => this.showEnd(answer),
    );
  }

  /** Have Python do something for this cell, and show how it goes. */
  protected async work(request: Job["makeRequest"], show: (answer: Answer) => void): Promise<void> {
    if (this.job) return;
    const started = performance.now();
    this.output.begin();
    this.setBusy(true);
    this.job = python.ask(request, this.listener());
    const outcome = await this.job.finished;
    this.job = undefined;
    this.setBusy(false);
    this.element.dataset["ms"] = (performance.now() - started).toFixed(0);
    this.showOutcome(outcome, show);
  }

  private showOutcome(outcome: Outcome, show: (answer: Answer) => void): void {
    this.output.end();
    if (outcome.kind === "done") show(outcome.answer);
    else if (outcome.kind === "stopped") this.toolbar.say("Stopped.");
    else {
      const again: Action = { name: "again", label: "Try again", do: () => this.main() };
      this.toolbar.ask(`Python could not do this: ${outcome.why}`, [again]);
    }
    this.element.dataset["state"] = outcome.kind;
  }

  private listener(): Listener {
    return {
      waiting: () => this.toolbar.say("Waiting for another cell…"),
      loading: (loaded, total) => this.toolbar.sayLoading(loaded, total),
      running: () => this.toolbar.say("Running…"),
      output: (kind, text) => this.output.add(kind, text),
      stillRunning: (seconds) =>
        this.toolbar.ask(`Still running after ${seconds} s. Go on?`, [
          { name: "go-on", label: "Go on", do: () => this.goOn() },
          { name: "give-up", label: "Stop it", do: () => this.job?.stop() },
        ]),
    };
  }

  private goOn(): void {
    this.toolbar.say("Running…");
    this.toolbar.button("stop").focus();
  }

  private showEnd({ ok, failedBefore }: Answer): void {
    const quiet = ok && this.output.element.childElementCount === 0;
    const note = failedBefore ? " An earlier cell that runs before this one stopped with an error." : "";
    if (!ok) this.toolbar.say(`Stopped with an error.${note}`, "bad");
    else this.toolbar.say(quiet ? `Done: nothing to show.${note}` : `Done.${note}`, failedBefore ? "bad" : "good");
  }

  private setBusy(busy: boolean): void {
    this.element.classList.toggle("running", busy);
    this.element.dataset["state"] = busy ? "running" : "";
    // Disabled for assistive technology, but it keeps the focus of whoever pressed it.
    this.toolbar.button("run").setAttribute("aria-disabled", String(busy));
    this.toolbar.show("stop", busy);
    this.toolbar.show("reset", true);
  }

  /** Open the editor in place of the code, with the page's own text unless another is given. */
  protected async edit(text = this.original, takeFocus = true): Promise<void> {
    if (!this.editor) {
      this.toolbar.show("edit", false);
      const { CodeEditor } = await import("./editor");
      this.editor = new CodeEditor(text, this.label(), () => this.onChange());
      this.highlighted.hidden = true;
      part(this.element, ".highlight").after(this.editor.element);
      this.toolbar.show("reset", true);
    }
    if (takeFocus) this.editor.focus();
  }

  /** The reader has changed the code. */
  protected onChange(): void {
    this.element.classList.toggle("edited", this.code !== this.original);
  }

  protected reset(): void {
    this.job?.stop();
    this.session?.forget(this);
    this.editor?.close();
    this.editor = undefined;
    this.highlighted.hidden = false;
    this.element.classList.remove("edited");
    this.output.reset();
    this.toolbar.say("");
    this.toolbar.show("edit", true);
    this.toolbar.show("reset", false);
    this.element.dataset["state"] = "";
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    this.main();
  }
}

let pages = 0;

/** Bring the cells of the page to life; cells with the same session share one. */
export function openCells(elements: Iterable<HTMLElement>): void {
  pages += 1;
  const sessions = new Map<string, Session>();
  for (const element of elements) {
    const name = element.dataset["session"];
    if (name && !sessions.has(name)) sessions.set(name, new Session(`${pages}/${name}`));
    new LiveCell(element, name ? sessions.get(name) : undefined);
  }
}

export function part(element: Element, selector: string): HTMLElement {
  const found = element.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`a live cell has no ${selector}`);
  return found;
}
