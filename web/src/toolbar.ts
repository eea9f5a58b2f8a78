/** The row of buttons of a cell, with a line that says what Python is doing. Made by script: without it, no dead buttons. */
import { startingPython } from "./waiting_words";

export interface Action {
  readonly name: string;
  readonly label: string;
  readonly title?: string;
  readonly do: () => void;
}

export class Toolbar {
  readonly element: HTMLElement;
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private readonly text: HTMLElement;
  private readonly bar: HTMLProgressElement;
  private readonly question: HTMLElement;

  constructor(label: string, actions: readonly Action[]) {
    this.element = div("live-toolbar");
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", label);
    for (const action of actions) this.element.append(this.makeButton(action));
    this.bar = document.createElement("progress");
    this.bar.hidden = true;
    this.bar.setAttribute("aria-label", "Python is being loaded");
    this.text = document.createElement("span");
    this.text.className = "live-status";
    this.text.setAttribute("role", "status");
    this.question = div("live-question");
    this.element.append(this.bar, this.text, this.question);
  }

  /** Say something in the status line; `tone` colours it. */
  say(text: string, tone: "plain" | "good" | "bad" = "plain"): void {
    this.bar.hidden = true;
    if (this.question.contains(document.activeElement)) this.button("run").focus();
    this.question.replaceChildren();
    this.text.textContent = text;
    this.text.dataset["tone"] = tone;
  }

  /** Show how much of Python has arrived. */
  sayLoading(loaded: number, total: number): void {
    this.say(startingPython(loaded, total));
    this.bar.hidden = false;
    if (total) [this.bar.max, this.bar.value] = [total, loaded];
    else this.bar.removeAttribute("value");
  }

  /** Ask something, with a button for each answer. */
  ask(question: string, answers: readonly Action[]): void {
    this.say(question);
    this.question.replaceChildren(...answers.map((answer) => this.makeButton(answer)));
  }

  button(name: string): HTMLButtonElement {
    const found = this.buttons.get(name);
    if (!found) throw new Error(`no button is named ${name}`);
    return found;
  }

  /** Show or hide a button. A button that has the focus hands it on, so that a keyboard is never lost. */
  show(name: string, shown: boolean, focusNext = "run"): void {
    const button = this.button(name);
    const hadFocus = document.activeElement === button;
    button.hidden = !shown;
    if (!shown && hadFocus) this.button(focusNext).focus();
  }

  private makeButton({ name, label, title, do: act }: Action): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `live-button live-${name}`;
    button.textContent = label;
    if (title) button.title = title;
    button.addEventListener("click", act);
    this.buttons.set(name, button);
    return button;
  }
}

function div(className: string): HTMLElement {
  const element = document.createElement("div");
  element.className = className;
  return element;
}
