// The chat page: a question goes out, the answer comes in piece by piece, and everything can be stopped, tried
// again or changed.
import { ApiFault, ask, findModel } from "./api.js";
import { byId, make } from "./dom.js";
import { AnswerView, questionElement } from "./message.js";
import { openSettings } from "./settings.js";
import { keep, load, textOf } from "./store.js";

/** @typedef {import("./store.js").Answer} Answer */

const EXAMPLES = ["What is 37 * 12?", "Spell the word strawberry.", "Who are you?"];
const NEAR_END = 120; // pixels from the bottom within which the page follows the answer

const { messages, settings } = load();
const list = byId("messages", HTMLOListElement);
const question = byId("question", HTMLTextAreaElement);
const buttons = { send: byId("send", HTMLButtonElement), stop: byId("stop", HTMLButtonElement) };
const clear = byId("clear", HTMLButtonElement);
const status = byId("status", HTMLElement);
/** @type {AnswerView | undefined} */
let lastView;
/** @type {AbortController | undefined} */
let asking;

// ---- showing ----

function showAll() {
  lastView = undefined;
  list.replaceChildren();
  messages.forEach((message, number) => {
    if (message.role === "user") list.append(questionElement(message, (text) => void resend(number, text)));
    else addView(message).close();
  });
  showState();
}

/** @type {(answer: Answer) => AnswerView} */
function addView(answer) {
  lastView?.setLast(false);
  lastView = new AnswerView(answer, { regenerate: () => void regenerate() });
  list.append(lastView.element);
  return lastView;
}

function showState() {
  byId("welcome", HTMLElement).hidden = messages.length > 0;
  clear.hidden = messages.length === 0;
  buttons.send.hidden = asking !== undefined;
  buttons.stop.hidden = asking === undefined;
  buttons.send.disabled = !question.value.trim();
}

/** Do something that makes the page longer; follow it down if its end was in sight. */
function followed(/** @type {() => void} */ change) {
  const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
  const follow = scrollHeight - clientHeight - scrollTop < NEAR_END;
  change();
  if (follow) scrollTo({ top: document.documentElement.scrollHeight });
}

function grow() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight + 2}px`;
  showState();
}

// ---- asking ----

/** @type {(text: string) => Promise<void>} */
async function send(text) {
  await stop();
  messages.push({ role: "user", text });
  question.value = "";
  grow();
  const number = messages.length - 1;
  const asked = messages[number];
  if (asked?.role === "user") list.append(questionElement(asked, (changed) => void resend(number, changed)));
  await answer();
}

/** Change a question, and leave everything after it. */
async function resend(/** @type {number} */ number, /** @type {string} */ text) {
  await stop();
  messages.splice(number, messages.length, { role: "user", text });
  showAll();
  question.focus();
  await answer();
}

async function regenerate() {
  await stop();
  if (messages.at(-1)?.role === "assistant") messages.pop();
  showAll();
  question.focus();
  await answer();
}

/** @type {Promise<void>} */
let ended = Promise.resolve();

/** Stop the answer that is being written, and wait until it has its end. */
async function stop() {
  asking?.abort();
  await ended;
}

function answer() {
  ended = write();
  return ended;
}

async function write() {
  const mine = (asking = new AbortController());
  /** @type {Answer} */
  const answer = { role: "assistant", parts: [], state: "writing", leftOut: 0 };
  const before = [...messages];
  messages.push(answer);
  const view = addView(answer);
  scrollTo({ top: document.documentElement.scrollHeight });
  status.textContent = "nanochat is answering.";
  showState();
  const began = performance.now();
  let first = 0;
  let drawing = 0;
  try {
    for await (const news of ask(before, settings, mine.signal)) {
      if ("part" in news) {
        first ||= (performance.now() - began) / 1000;
        const last = answer.parts.at(-1);
        if (news.part.type === "text" && last?.type === "text") last.text += news.part.text;
        else answer.parts.push({ ...news.part });
      } else if ("leftOut" in news) answer.leftOut = news.leftOut;
      else if ("finish" in news) answer.state = news.finish === "length" ? "cut" : "done";
      else answer.figures = { tokens: news.tokens, first, seconds: (performance.now() - began) / 1000 };
      drawing ||= requestAnimationFrame(() => {
        drawing = 0;
        followed(() => view.update());
      });
    }
  } catch (error) {
    answer.state = mine.signal.aborted ? "stopped" : "failed";
    if (answer.state === "failed") answer.fault = faultOf(error);
  }
  cancelAnimationFrame(drawing);
  asking = undefined;
  followed(() => view.close());
  status.textContent = answer.state === "failed" ? "" : `nanochat answered: ${textOf(answer)}`;
  if (document.activeElement === buttons.stop || document.activeElement === document.body) question.focus();
  keep(messages, settings);
  showState();
}

/** @type {(error: unknown) => import("./store.js").Fault} */
function faultOf(error) {
  if (error instanceof ApiFault) return { message: error.message, code: error.code };
  console.error(error);
  return { message: "The page could not read the answer.", code: "" };
}

// ---- the page ----

byId("composer", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text && !asking) void send(text);
});
question.addEventListener("input", grow);
question.addEventListener("keydown", (event) => {
  // While a word is being put together (Chinese, Japanese, ...), Enter chooses it.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!asking) byId("composer", HTMLFormElement).requestSubmit();
});
buttons.stop.addEventListener("click", () => void stop());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && asking && !document.querySelector("dialog[open]")) void stop();
});
clear.addEventListener("click", async () => {
  await stop();
  messages.length = 0;
  keep(messages, settings);
  showAll();
  status.textContent = "A new conversation.";
  question.focus();
});
addEventListener("pagehide", () => keep(messages, settings));

for (const text of EXAMPLES) {
  const example = make("button", { type: "button", class: "example", click: () => void (asking || send(text)) }, text);
  byId("examples", HTMLElement).append(make("li", {}, example));
}
const dialog = openSettings(settings, () => keep(messages, settings));
showAll();
grow();
question.focus();

async function showModel() {
  const label = byId("model", HTMLElement);
  try {
    const model = await findModel();
    label.textContent = model.fingerprint;
    label.title = `reads ${model.context.toLocaleString("en")} tokens; tools: ${model.tools.join(", ")}`;
    document.title = `${model.id} · nanochat`;
    dialog.limit(model.context);
  } catch {
    label.textContent = "the server cannot be reached";
    setTimeout(() => void showModel(), 5000);
  }
}
void showModel();
