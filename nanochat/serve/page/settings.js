// The settings: how tokens are chosen, and what the model is told first.
import { byId, make } from "./dom.js";
import { FIRST } from "./store.js";

/** @typedef {import("./store.js").Settings} Settings */
/**
 * @typedef {{ name: keyof Settings, label: string, says: string, kind: "range" | "number" | "seed" | "text",
 *   least?: number, most?: number, step?: number }} Field
 */

/** @type {Field[]} */
const FIELDS = [
  { name: "system", label: "System text", kind: "text", says: "What the model is told before the first question." },
  { name: "temperature", label: "Temperature", kind: "range", least: 0, most: 2, step: 0.05,
    says: "At 0 the likeliest token is always taken; above 1 unlikely ones come more often." },
  { name: "top_p", label: "Top-p", kind: "range", least: 0, most: 1, step: 0.01,
    says: "Only the likeliest tokens that together have this probability." },
  { name: "min_p", label: "Min-p", kind: "range", least: 0, most: 1, step: 0.01,
    says: "Only tokens with at least this share of the likeliest one's probability." },
  { name: "repetition_penalty", label: "Repetition penalty", kind: "range", least: 1, most: 2, step: 0.05,
    says: "Above 1, what has been written becomes less likely." },
  { name: "top_k", label: "Top-k", kind: "number", least: 0, most: 100000, says: "Only this many likeliest tokens; 0 for all." },
  { name: "max_tokens", label: "Longest answer", kind: "number", least: 0, says: "In tokens; 0 for as long as it gets." },
  { name: "seed", label: "Seed", kind: "seed", says: "The same seed gives the same answer; empty for chance." },
];

/**
 * Fill the dialog, and have `changed` called with every change.
 *
 * @param {Settings} settings
 * @param {() => void} changed
 * @returns {{ limit: (context: number) => void }}
 */
export function openSettings(settings, changed) {
  const dialog = byId("settings", HTMLDialogElement);
  const inputs = FIELDS.map((field) => addField(field, settings, changed));
  byId("open-settings", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
  byId("reset", HTMLButtonElement).addEventListener("click", () => {
    Object.assign(settings, FIRST);
    for (const show of inputs) show();
    changed();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the darkened page around it
  });
  return {
    limit: (context) => byId("max_tokens", HTMLInputElement).setAttribute("max", String(context)),
  };
}

/** Add a field; what shows the setting in it again.
 * @type {(field: Field, settings: Settings, changed: () => void) => () => void} */
function addField(field, settings, changed) {
  const { name, kind, least = 0, most = 1e9, step = 1 } = field;
  const about = { id: name, "aria-describedby": `${name}-says` };
  const input = kind === "text"
    ? make("textarea", { ...about, rows: 3, maxlength: 20000 })
    : make("input", { ...about, ...(kind === "seed"
        ? { type: "text", inputmode: "numeric", pattern: "[0-9]*", maxlength: 15, autocomplete: "off" }
        : { type: kind, min: least, max: most, step }) });
  const output = make("output", { for: name });
  const show = () => {
    input.value = String(settings[name]);
    output.textContent = kind === "range" ? Number(settings[name]).toFixed(2) : "";
  };
  input.addEventListener("input", () => {
    if (!input.validity.valid || (kind === "number" && input.value === "")) return;
    /** @type {any} */ (settings)[name] = kind === "range" || kind === "number" ? Number(input.value) : input.value;
    output.textContent = kind === "range" ? Number(input.value).toFixed(2) : "";
    changed();
  });
  input.addEventListener("change", show); // what is no number goes back to what was there
  const head = make("div", { class: "field__head" }, make("label", { for: name }, field.label), output);
  const says = make("p", { id: `${name}-says`, class: "field__says" }, field.says);
  byId("fields", HTMLElement).append(make("div", { class: `field field--${kind}` }, head, input, says));
  show();
  return show;
}
