/**
 * An interactive figure in a page: its picture is there from the build; the first touch of a control starts Python, and
 * from then on the picture follows the controls. Reset brings the picture of the build back.
 */
import { asksModel, openAskButtons } from "./model_fields";
import { find, ToolQuestions } from "./tool_questions";

class Explore {
  private readonly questions: ToolQuestions;
  private readonly says: HTMLElement;
  private readonly first: { readonly html: string; readonly says: string };

  constructor(element: HTMLElement) {
    this.says = find(element, ".explore-says");
    this.questions = new ToolQuestions(element, (answer) => this.say(answer.says), true);
    const { form, report } = this.questions;
    this.first = { html: report.innerHTML, says: this.says.textContent ?? "" };
    const ask = (): void => void this.questions.askForm();
    form.addEventListener("input", (event) => {
      this.showValues();
      if (!asksModel(event.target)) ask();
    });
    form.addEventListener("change", (event) => {
      if (asksModel(event.target)) ask();
    });
    openAskButtons(form, ask);
    find(element, ".explore-reset").addEventListener("click", () => this.reset());
  }

  private reset(): void {
    this.questions.drop();
    this.questions.form.reset();
    this.showValues();
    this.questions.report.innerHTML = this.first.html;
    this.say(this.first.says);
  }

  private say(text: string): void {
    // The same text again would be read out again.
    if (this.says.textContent !== text) this.says.textContent = text;
  }

  /** Write the sliders' values beside them. */
  private showValues(): void {
    for (const slider of this.questions.form.querySelectorAll<HTMLInputElement>("input[type=range]")) {
      const value = slider.nextElementSibling;
      if (value) value.textContent = slider.value;
    }
  }
}

export function openFigures(elements: Iterable<HTMLElement>): void {
  for (const element of elements) new Explore(element);
}
