// One message as it is shown, and the buttons under it.
import { copyButton, make } from "./dom.js";
import { render } from "./markdown.js";
import { textOf } from "./store.js";

/** @typedef {import("./store.js").Answer} Answer */
/** @typedef {import("./store.js").Question} Question */
/** @typedef {import("./store.js").Part} Part */

const ARITHMETIC = /^[\d\s+\-*/%^().,_]+$/;

/**
 * A question, with Edit and Copy. Edit puts a field in its place; what is sent from it replaces the question and
 * all that came after.
 *
 * @param {Question} question
 * @param {(text: string) => void} resend
 */
export function questionElement(question, resend) {
  const bubble = make("div", { class: "bubble" }, question.text);
  const edit = make("button", { type: "button", class: "quiet small", "aria-label": "Edit this question" }, "Edit");
  const actions = make("div", { class: "actions" }, edit, copyButton(() => question.text, "Copy this question"));
  const element = make("li", { class: "message question" }, make("h2", { class: "unseen" }, "You"), bubble, actions);
  edit.addEventListener("click", () => {
    const area = make("textarea", { "aria-label": "Your question, to be changed", rows: 3, maxlength: 200000 });
    area.value = question.text;
    const form = make(
      "form",
      { class: "edit" },
      area,
      make("div", { class: "edit__end" }, make("button", { type: "button", class: "quiet", click: leave }, "Cancel"),
        make("button", { type: "submit", class: "strong" }, "Send again")),
    );
    function leave() {
      form.replaceWith(bubble, actions);
      edit.focus();
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (area.value.trim()) resend(area.value.trim());
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        leave();
      }
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    bubble.remove();
    actions.replaceWith(form);
    area.focus();
  });
  return element;
}

/** An answer: its text, cards for calls of tools, and what has become of it. */
export class AnswerView {
  /**
   * @param {Answer} answer
   * @param {{ regenerate: () => void }} doing
   */
  constructor(answer, doing) {
    this.answer = answer;
    this.doing = doing;
    this.body = make("div", { class: "body" });
    this.end = make("div", { class: "end" });
    this.note = make("p", { class: "note", hidden: true });
    /** @type {HTMLElement[]} */
    this.parts = [];
    const name = make("h2", { class: "unseen" }, "nanochat");
    this.element = make("li", { class: "message answer" }, name, this.note, this.body, this.end);
    this.update();
  }

  /** Show what has come. */
  update() {
    const { parts, state, leftOut } = this.answer;
    this.element.dataset["state"] = state;
    this.note.hidden = !leftOut;
    this.note.textContent = leftOut === 1
      ? "The oldest turn no longer fits: the model does not see it."
      : `The oldest ${leftOut} turns no longer fit: the model does not see them.`;
    const shown = parts.filter((part) => part.type !== "python_output");
    shown.forEach((part, number) => {
      const old = this.parts[number];
      const result = parts[parts.indexOf(part) + 1];
      if (part.type === "text") render(old ?? this.add("div", "prose"), part.text);
      else showCall(old ?? this.add("section", "tool"), part, result?.type === "python_output" ? result : undefined, state);
    });
    this.element.classList.toggle("empty", parts.length === 0);
  }

  /** The answer has ended: say how, and offer what can be done. */
  close() {
    this.update();
    const { state, fault, figures } = this.answer;
    const text = textOf(this.answer);
    const row = make("div", { class: "actions" });
    if (text) row.append(copyButton(() => textOf(this.answer), "Copy this answer"));
    if (state !== "failed") row.append(button("Regenerate", "Regenerate this answer", this.doing.regenerate));
    if (state === "stopped") row.append(make("span", { class: "figures" }, "stopped"));
    if (state === "cut") row.append(make("span", { class: "figures" }, "cut off: its number of tokens was used up"));
    if (figures && figures.tokens > 1) row.append(make("span", { class: "figures" }, inWords(figures)));
    this.end.replaceChildren(row);
    if (state !== "failed" || !fault) return;
    const says = make("p", {}, fault.message);
    const again = button("Retry", "Retry", this.doing.regenerate);
    this.end.prepend(make("div", { class: "fault", role: "alert" }, says, again));
  }

  /** Only the last answer can be asked for again.
   * @param {boolean} last */
  setLast(last) {
    for (const one of this.end.querySelectorAll("[data-again]")) if (one instanceof HTMLElement) one.hidden = !last;
  }

  /** @param {"div" | "section"} name
   * @param {string} kind */
  add(name, kind) {
    const made = make(name, { class: kind });
    this.parts.push(made);
    this.body.append(made);
    return made;
  }
}

/** @type {(text: string, label: string, click: () => void) => HTMLButtonElement} */
function button(text, label, click) {
  return make("button", { type: "button", class: "quiet small", "aria-label": label, "data-again": true, click }, text);
}

/** A card for a call of a tool, with its result when that has come.
 * @type {(card: HTMLElement, call: Part, result: Part | undefined, state: string) => void} */
function showCall(card, call, result, state) {
  const key = JSON.stringify([call.text, result?.text, state === "writing"]);
  if (card.dataset["shown"] === key) return;
  card.dataset["shown"] = key;
  const name = ARITHMETIC.test(call.text) ? "Calculator" : "Python";
  card.setAttribute("aria-label", name);
  const bad = result?.text.startsWith("error:") ?? false;
  const waiting = state === "writing" ? "at work" : "no result";
  card.replaceChildren(
    make("p", { class: "tool__name" }, name),
    make("pre", { class: "tool__call", tabindex: 0 }, make("code", {}, call.text)),
    make("div", { class: bad ? "tool__result bad" : "tool__result" },
      make("span", { class: "tool__arrow", "aria-hidden": "true" }, "→"),
      result ? make("pre", { tabindex: 0 }, make("code", {}, result.text || "(nothing)")) : make("span", { class: "tool__waits" }, waiting)),
  );
}

/** @type {(figures: import("./store.js").Figures) => string} */
function inWords({ tokens, first, seconds }) {
  const rate = Math.round((tokens - 1) / Math.max(seconds - first, 0.001)).toLocaleString("en");
  const wait = first < 1 ? `${Math.round(first * 1000)} ms` : `${first.toFixed(1)} s`;
  return `${tokens.toLocaleString("en")} tokens · ${rate} a second · first after ${wait}`;
}
