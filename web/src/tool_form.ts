/** The words of a tool's form: read from its fields, or from an address, and written into its fields. */

export type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** Words by the key of a parameter. A parameter that takes many has a list. */
export type State = Record<string, string | string[]>;

/** The part of `tools.core.page.form` that matters here. */
interface Schema {
  readonly groups: readonly { readonly fields: readonly { readonly key: string; readonly default: string | string[] }[] }[];
}

/** What the fields of a form say, or the words of an address. */
export function stateOf(source: HTMLFormElement | URLSearchParams): State {
  if (source instanceof URLSearchParams) {
    const keys = [...new Set(source.keys())];
    return Object.fromEntries(keys.map((key) => [key, source.getAll(key)]));
  }
  const state: State = {};
  for (const control of controls(source)) {
    if (control.type === "file") state[control.name] = givenTo(control);
    else if (isListed(control)) state[control.name] = [...list(state[control.name]), ...(control.checked ? [control.value] : [])];
    else state[control.name] = wordOf(control);
  }
  return state;
}

/** Every parameter's own default, from what Python says about the form. */
export function defaultsOf(schema: string): State {
  const fields = (JSON.parse(schema) as Schema).groups.flatMap((group) => group.fields);
  return Object.fromEntries(fields.map((field) => [field.key, field.default]));
}

/** Write a state into the fields it names; the others stay as they are. */
export function fill(form: HTMLFormElement, state: State): void {
  for (const control of controls(form)) {
    const word = state[control.name];
    if (word === undefined) continue;
    const words = list(word);
    if (isListed(control)) control.checked = words.includes(control.value);
    else if (isBox(control)) control.checked = words.at(-1) === control.value;
    else if (control.type !== "file") control.value = words.join("\n");
  }
}

/** The first field whose text is no value at all, such as letters where a number must stand. */
export function invalid(form: HTMLFormElement): Control | undefined {
  return controls(form).find((control) => control.validity.badInput);
}

function controls(form: HTMLFormElement): Control[] {
  return [...form.querySelectorAll<Control>("input[name], select[name], textarea[name]")];
}

function wordOf(control: Control): string {
  if (isBox(control)) return control.checked ? "true" : "false";
  return control.value;
}

/** What a file field was given: by a choice, or by a drop, of which the field itself knows nothing. */
function givenTo(control: Control): string[] {
  return JSON.parse(control.dataset["given"] ?? "[]") as string[];
}

function isBox(control: Control): control is HTMLInputElement {
  return control instanceof HTMLInputElement && control.type === "checkbox";
}

/** Boxes that share a name are one list; a box alone says yes or no. */
function isListed(control: Control): control is HTMLInputElement {
  return isBox(control) && control.closest(".tool-list") !== null;
}

function list(word: string | string[] | undefined): string[] {
  return word === undefined ? [] : typeof word === "string" ? [word] : word;
}
