// What the page remembers: the conversation and the settings, in this browser alone.

/**
 * @typedef {{ type: "text" | "python" | "python_output", text: string }} Part
 * @typedef {{ message: string, code: string }} Fault
 * @typedef {{ tokens: number, first: number, seconds: number }} Figures
 * @typedef {"writing" | "done" | "stopped" | "cut" | "failed"} State
 * @typedef {{ role: "user", text: string }} Question
 * @typedef {{ role: "assistant", parts: Part[], state: State, leftOut: number, fault?: Fault | undefined,
 *   figures?: Figures | undefined }} Answer
 * @typedef {Question | Answer} Message
 * @typedef {{ system: string, temperature: number, top_p: number, top_k: number, min_p: number,
 *   repetition_penalty: number, max_tokens: number, seed: string }} Settings
 */

const KEY = "nanochat.chat";

/** @type {Settings} */
export const FIRST = {
  system: "", temperature: 0.8, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_tokens: 0, seed: "",
};

/**
 * What was kept, or nothing: also where it was written by another version of this page.
 *
 * @returns {{ messages: Message[], settings: Settings }}
 */
export function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const messages = Array.isArray(kept.messages) && kept.messages.every(isMessage) ? kept.messages : [];
    for (const message of messages) if (message.state === "writing") message.state = "stopped";
    return { messages, settings: checked(kept.settings) };
  } catch {
    return { messages: [], settings: { ...FIRST } };
  }
}

/**
 * Keep everything. Where there is no room, or the browser keeps nothing, the conversation lasts until the page
 * is closed.
 *
 * @param {Message[]} messages
 * @param {Settings} settings
 */
export function keep(messages, settings) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ messages, settings }));
  } catch {
    // See above.
  }
}

/** @type {(kept: any) => Settings} */
function checked(kept) {
  /** @type {any} */
  const settings = { ...FIRST };
  for (const name of Object.keys(FIRST)) if (typeof kept?.[name] === typeof settings[name]) settings[name] = kept[name];
  return settings;
}

/** @type {(found: any) => boolean} */
function isMessage(found) {
  if (found?.role === "user") return typeof found.text === "string";
  const isPart = (/** @type {any} */ part) => typeof part?.type === "string" && typeof part.text === "string";
  return found?.role === "assistant" && Array.isArray(found.parts) && found.parts.every(isPart);
}

/**
 * The text of an answer without its calls of tools.
 *
 * @param {Answer} answer
 */
export function textOf(answer) {
  return answer.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
}
