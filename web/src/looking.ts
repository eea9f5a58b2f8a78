/**
 * Pages that look inside the model for the reader's own text: attention, what each layer would say, ablation.
 *
 * Python makes the HTML of each place of the page; here is who asks for what, and what needs no asking: where a token
 * looks, and what a layer holds likely, are on the page already.
 */
import { python, type Job } from "./python_client";
import { find } from "./tool_questions";
import { startingPython } from "./waiting_words";

/** What `tools.live.looking_page` says. */
interface Shown {
  readonly error?: string;
  readonly says: string;
  readonly more?: boolean;
  readonly parts: Readonly<Record<string, string>>;
}

type Words = Readonly<Record<string, unknown>>;

class LookingPage {
  private readonly form: HTMLFormElement;
  private readonly field: HTMLTextAreaElement;
  private readonly status: HTMLElement;
  /** The text that the page shows now; what is being written may be another. */
  private text: string;
  private job: Job | undefined;
  private asked = 0;
  private runningThroughAll = false;

  constructor(private readonly element: HTMLElement) {
    this.form = find(element, "form") as HTMLFormElement;
    this.field = find(element, "textarea") as HTMLTextAreaElement;
    this.status = find(element, ".model-status");
    this.text = this.field.value;
    (find(element, "fieldset") as HTMLFieldSetElement).disabled = false;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.read();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      void this.read();
    });
    this.form.addEventListener("change", (event) => {
      if ((event.target as HTMLElement).matches("[name=keep]")) void this.leaveOut();
    });
    element.addEventListener("click", (event) => this.pressed(event.target));
    for (const kind of ["pointerover", "focusin"]) element.addEventListener(kind, (event) => this.pointed(event.target));
  }

  // ---- what the reader does

  private pressed(target: EventTarget | null): void {
    const button = target instanceof Element ? target.closest("button") : null;
    if (!button) return;
    if (button.name === "stop") this.stop();
    else if (button.name === "example") void this.readExample(button.textContent ?? "");
    else if (button.name === "all") this.keepAll();
    else if (button.name === "alone") void this.eachAlone();
    else if (button.matches(".look-map")) void this.chooseHead(button);
    else if (button.matches(".look-token")) this.pointed(button);
    else if (button.matches(".look-cell")) showCell(button, find(this.element, "[data-part=cell]"));
  }

  private pointed(target: EventTarget | null): void {
    const token = target instanceof Element ? target.closest<HTMLElement>(".look-token") : null;
    if (token) showToken(token, find(this.element, ".look-told"));
  }

  private async read(): Promise<void> {
    this.stop();
    this.text = this.field.value;
    await this.ask(this.element.dataset["call"] ?? "", { off: this.off() });
  }

  private async readExample(text: string): Promise<void> {
    this.field.value = text;
    await this.read();
  }

  private async chooseHead(button: HTMLElement): Promise<void> {
    const { layer, head } = button.dataset;
    await this.ask("attention", { layer, head });
    this.element.querySelector<HTMLElement>(`.look-map[data-layer="${layer}"][data-head="${head}"]`)?.focus();
  }

  private async leaveOut(): Promise<void> {
    await this.ask("ablation", { off: this.off() });
  }

  private keepAll(): void {
    for (const box of this.boxes()) box.checked = true;
    void this.leaveOut();
  }

  /** One part after another, so that the chart grows and Stop is not asking for the next. */
  private async eachAlone(): Promise<void> {
    this.stop();
    this.runningThroughAll = true;
    let more: boolean | undefined = true;
    while (more && this.runningThroughAll) more = (await this.ask("alone", {}))?.more;
    this.runningThroughAll = false;
    this.showStop();
  }

  private stop(): void {
    const through = this.runningThroughAll;
    this.runningThroughAll = false;
    if (!through) this.job?.stop();
  }

  // ---- asking

  private async ask(call: string, words: Words): Promise<Shown | undefined> {
    const number = (this.asked += 1);
    this.job?.stopIfWaiting();
    const said = JSON.stringify({ text: this.text, ...words });
    this.element.setAttribute("aria-busy", "true");
    const job = python.ask(() => ({ kind: "model", call, words: said }), {
      loading: (loaded, total) => this.say(startingPython(loaded, total)),
      running: () => !this.runningThroughAll && this.say("Reading…"),
      progress: (what, share) => this.say(`${what}: ${Math.round(share * 100)} %`),
    });
    this.job = job;
    this.showStop();
    const outcome = await job.finished;
    if (number !== this.asked) return undefined;
    this.job = undefined;
    this.element.removeAttribute("aria-busy");
    this.showStop();
    if (outcome.kind === "stopped") this.say("Stopped.");
    else if (outcome.kind === "failed") this.say(`The model could not do this: ${outcome.why}`, "bad");
    else return this.hear(JSON.parse(outcome.answer.value) as Shown);
    return undefined;
  }

  private hear(shown: Shown): Shown | undefined {
    if (shown.error !== undefined) {
      this.say(`${shown.error[0]?.toUpperCase() ?? ""}${shown.error.slice(1)}.`, "bad");
      return undefined;
    }
    for (const [part, html] of Object.entries(shown.parts)) find(this.element, `[data-part=${part}]`).innerHTML = html;
    this.say(shown.says);
    this.element.dataset["answered"] = String(Number(this.element.dataset["answered"] ?? 0) + 1);
    return shown;
  }

  // ---- showing

  private boxes(): HTMLInputElement[] {
    return [...this.form.querySelectorAll<HTMLInputElement>("[name=keep]")];
  }

  private off(): string[] {
    return this.boxes()
      .filter((box) => !box.checked)
      .map((box) => box.value);
  }

  private say(text: string, tone = ""): void {
    this.status.textContent = text;
    this.status.dataset["tone"] = tone;
  }

  private showStop(): void {
    (find(this.element, "button[name=stop]") as HTMLButtonElement).disabled = !this.job && !this.runningThroughAll;
  }
}

/** Shade each token by how much this one looks at it, and say it in words. */
function showToken(token: HTMLElement, told: HTMLElement): void {
  const shades = token.dataset["shades"] ?? "";
  const all = token.parentElement?.querySelectorAll<HTMLElement>(".look-token") ?? [];
  [...all].forEach((other, at) => {
    other.dataset["shade"] = shades[at] ?? "0";
    other.setAttribute("aria-pressed", String(other === token));
  });
  told.textContent = token.dataset["told"] ?? "";
}

/** List what a cell's layer holds likely. */
function showCell(cell: HTMLElement, place: HTMLElement): void {
  for (const other of cell.closest("table")?.querySelectorAll(".look-cell") ?? []) other.setAttribute("aria-pressed", String(other === cell));
  const { where, likely, came } = cell.dataset;
  const says = element("p", "model-says", `${where ?? ""}${came ? `; what came next had ${came}` : ""}`);
  const list = document.createElement("ol");
  for (const [text, chance] of JSON.parse(likely ?? "[]") as [string, string][]) {
    const item = document.createElement("li");
    item.append(element("span", "model-token", visible(text)), ` ${chance}`);
    list.append(item);
  }
  place.replaceChildren(says, list);
}

function element(tag: string, kind: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = kind;
  made.textContent = text;
  return made;
}

/** A space at the edge as a dot, a line break as an arrow. */
function visible(text: string): string {
  return text.replaceAll("\n", "↵").replace(/^ | $/g, "·");
}

export function openLooking(elements: Iterable<HTMLElement>): void {
  for (const one of elements) new LookingPage(one);
}
