/**
 * The playground: a question for the model of the page, and its answer, one token at a time.
 *
 * Python keeps the tree of what was written and makes the HTML; here is only who asks for what, and when. Each token is
 * a request of its own, so that Stop is not asking for the next, and a slider counts from the next token on.
 */
import { keepOffline } from "./keep_offline";
import { python, type Job } from "./python_client";
import { find } from "./tool_questions";
import { startingPython } from "./waiting_words";

/** What `tools.live.page` says of a place. */
interface Shown {
  readonly error?: string;
  readonly place: number;
  readonly finish: string | null;
  readonly written: number;
  readonly answer: string;
  readonly next: string;
  readonly branches: string;
}

type Words = Readonly<Record<string, unknown>>;

const PAUSE_MS = 30;

class PlaygroundPage {
  private readonly form: HTMLFormElement;
  private readonly status: HTMLElement;
  private at: number | undefined;
  private ended = false;
  private running = false;
  private job: Job | undefined;
  private timer: number | undefined;

  constructor(private readonly element: HTMLElement) {
    this.form = find(element, "form") as HTMLFormElement;
    this.status = find(element, ".model-status");
    (find(element, ".model-controls") as HTMLFieldSetElement).disabled = false;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.ask();
    });
    this.form.addEventListener("input", (event) => this.changed(event.target as HTMLInputElement));
    this.form.addEventListener("click", (event) => this.pressed(event.target));
    this.form.addEventListener("keydown", (event) => {
      const send = event.key === "Enter" && !event.shiftKey && (event.target as HTMLElement).matches("textarea");
      if (!send || event.isComposing) return;
      event.preventDefault();
      void this.ask();
    });
    element.addEventListener("click", (event) => this.chosen(event.target));
    this.showValues();
    this.showButtons();
  }

  // ---- what the reader does

  private pressed(target: EventTarget | null): void {
    const name = target instanceof HTMLButtonElement ? target.name : "";
    if (name === "step") void this.step();
    else if (name === "go") void this.run();
    else if (name === "stop") this.stop();
    else if (name === "new") void this.startAnew();
    else if (name === "example" && target instanceof HTMLButtonElement) void this.askExample(target);
  }

  private chosen(target: EventTarget | null): void {
    const button = target instanceof Element ? target.closest("button") : null;
    const { place, take, end } = button?.dataset ?? {};
    const to = place ?? end;
    if (to !== undefined) void this.goTo(Number(to));
    else if (take !== undefined) void this.take(Number(take));
  }

  private changed(control: HTMLInputElement): void {
    this.showValues();
    if (!control.matches("[data-sampling]") || this.at === undefined || this.running) return;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), PAUSE_MS);
  }

  private async ask(): Promise<void> {
    this.stop();
    const text = this.control("text").value;
    const complete = this.form.querySelector<HTMLInputElement>("[name=mode]:checked")?.value === "complete";
    const shown = await this.request("ask", { text, complete, at: this.at });
    if (!shown) return;
    if (!complete) this.control("text").value = "";
    this.scrollToAnswer();
    if (this.form.querySelector<HTMLInputElement>("[name=slowly]")?.checked) this.focusNext();
    else await this.run();
  }

  private async askExample(button: HTMLButtonElement): Promise<void> {
    const mode = this.form.querySelector<HTMLInputElement>(`[name=mode][value=${button.dataset["mode"] ?? "chat"}]`);
    if (mode) mode.checked = true;
    await this.startAnew();
    this.control("text").value = button.dataset["text"] ?? "";
    await this.ask();
  }

  private async startAnew(): Promise<void> {
    this.stop();
    if (this.at !== undefined) await this.request("clear", {});
    this.at = undefined;
    this.ended = false;
    for (const part of ["answer", "next", "branches"]) find(this.element, `.model-${part}-place`).innerHTML = "";
    this.say("");
    this.showButtons();
  }

  private async step(): Promise<void> {
    this.stop();
    if (this.at !== undefined) await this.request("step", { at: this.at });
    this.focusNext();
  }

  private async take(id: number): Promise<void> {
    this.stop();
    await this.request("take", { at: this.at, id });
  }

  private async goTo(place: number): Promise<void> {
    this.stop();
    await this.request("look", { at: place });
  }

  private async look(): Promise<void> {
    this.job?.stopIfWaiting();
    await this.request("look", { at: this.at });
  }

  /** Write until the answer ends or the reader stops it. */
  private async run(): Promise<void> {
    if (this.at === undefined || this.running) return;
    this.running = true;
    this.showButtons();
    const begun = performance.now();
    let written = 0;
    while (this.running && !this.ended) {
      const shown = await this.request("step", { at: this.at });
      if (!shown) break;
      written += 1;
      const speed = (1000 * written) / (performance.now() - begun);
      this.say(`${this.ended ? "The answer has ended. " : ""}${written} tokens, ${speed.toFixed(0)} a second`);
      this.element.dataset["speed"] = speed.toFixed(1);
    }
    this.running = false;
    this.showButtons();
  }

  private stop(): void {
    this.running = false;
  }

  // ---- asking

  private async request(call: string, words: Words): Promise<Shown | undefined> {
    const said = JSON.stringify({ ...words, ...this.sampling() });
    this.element.setAttribute("aria-busy", "true");
    this.job = python.ask(() => ({ kind: "model", call, words: said }), {
      loading: (loaded, total) => this.say(startingPython(loaded, total)),
      progress: (what, share) => this.say(`${what}: ${Math.round(share * 100)} %`),
    });
    const outcome = await this.job.finished;
    this.element.removeAttribute("aria-busy");
    if (outcome.kind === "stopped") return undefined;
    if (outcome.kind === "failed") {
      this.lost(outcome.why);
      return undefined;
    }
    const shown = JSON.parse(outcome.answer.value) as Shown;
    if (shown.error !== undefined) {
      this.say(shown.error, "bad");
      return undefined;
    }
    if (call !== "clear") this.show(shown);
    void keepOffline();
    return shown;
  }

  /** The worker has broken down or could not start: what it knew of this conversation is gone. */
  private lost(why: string): void {
    this.at = undefined;
    this.running = false;
    this.say(`The model could not do this: ${why}`, "bad");
    this.showButtons();
  }

  private sampling(): Words {
    const found: Record<string, string> = {};
    for (const one of this.form.querySelectorAll<HTMLInputElement>("[data-sampling]")) found[one.name] = one.value;
    return found;
  }

  // ---- showing

  private show(shown: Shown): void {
    this.at = shown.place;
    this.ended = shown.finish !== null;
    find(this.element, ".model-answer-place").innerHTML = shown.answer;
    find(this.element, ".model-next-place").innerHTML = shown.next;
    find(this.element, ".model-branches-place").innerHTML = shown.branches;
    this.element.dataset["written"] = String(shown.written);
    this.element.dataset["finish"] = shown.finish ?? "";
    if (!this.running) this.say(shown.finish ? "The answer has ended." : "");
    this.showButtons();
  }

  private showButtons(): void {
    const there = this.at !== undefined;
    for (const name of ["step", "go"]) this.button(name).disabled = !there || this.ended || this.running;
    this.button("stop").disabled = !this.running;
    this.button("new").disabled = !there;
  }

  private showValues(): void {
    for (const slider of this.form.querySelectorAll<HTMLInputElement>("input[type=range]")) {
      const value = slider.parentElement?.querySelector("output");
      if (value) value.textContent = slider.name === "top_k" && slider.value === "0" ? "all" : slider.value;
    }
  }

  private say(text: string, tone = ""): void {
    this.status.textContent = text;
    this.status.dataset["tone"] = tone;
  }

  /** On a phone the answer stands below the sliders, out of sight. */
  private scrollToAnswer(): void {
    const answer = find(this.element, ".model-answer-place");
    if (answer.getBoundingClientRect().top > window.innerHeight - 100) this.status.scrollIntoView({ block: "start" });
  }

  /** One token at a time by the keyboard: the button stays under the finger. */
  private focusNext(): void {
    const step = this.button("step");
    if (!step.disabled) step.focus();
  }

  private control(name: string): HTMLTextAreaElement {
    return this.form.elements.namedItem(name) as HTMLTextAreaElement;
  }

  private button(name: string): HTMLButtonElement {
    return find(this.element, `button[name=${name}]`) as HTMLButtonElement;
  }
}

export function openPlaygrounds(elements: Iterable<HTMLElement>): void {
  for (const element of elements) new PlaygroundPage(element);
}
