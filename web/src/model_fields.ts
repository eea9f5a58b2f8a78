/** Fields of a form with which the model of the page is asked: when the reader leaves one, not while it is typed. */
import type { Control } from "./tool_form";

const ASKS = "[data-asks-model]";
/** The field of a tool that looks at files: an example instead of one's own. */
const EXAMPLE = "example";

export function asksModel(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches(ASKS);
}

/** One of them says something now: it takes the place of the others and of the example. */
export function makeAlone(form: HTMLFormElement, control: Control): void {
  if (control.value === "") return;
  emptyOthers(form, control);
  emptyExample(form);
}

/** One question at a time. */
function emptyOthers(form: HTMLFormElement, control: HTMLElement): void {
  for (const other of form.querySelectorAll<Control>(ASKS)) {
    if (other !== control) other.value = "";
  }
}

/** No model is asked any more: its fields are empty, and what goes with them is off. */
export function emptyModelFields(form: HTMLFormElement): void {
  for (const field of form.querySelectorAll<Control>(ASKS)) {
    field.value = "";
    const group = field.closest(".tool-group");
    for (const box of group?.querySelectorAll<HTMLInputElement>("input[type=checkbox]") ?? []) box.checked = false;
  }
}

export function emptyExample(form: HTMLFormElement): void {
  const example = form.elements.namedItem(EXAMPLE);
  if (example instanceof HTMLSelectElement) example.value = "";
}

/** The button beside such fields asks at once. */
export function openAskButtons(form: HTMLFormElement, ask: () => void): void {
  for (const button of form.querySelectorAll(".tool-ask-model")) button.addEventListener("click", ask);
}
