// Asking the server: one request, and its answer as it comes.

/** @typedef {import("./store.js").Part} Part */
/** @typedef {import("./store.js").Message} Message */
/** @typedef {import("./store.js").Settings} Settings */
/**
 * @typedef {{ part: Part } | { leftOut: number } | { finish: string } | { tokens: number }} News
 * @typedef {{ id: string, context: number, fingerprint: string, tools: string[] }} Model
 */

/** Something that the reader is told, with a way out. */
export class ApiFault extends Error {
  /**
   * @param {string} message
   * @param {string} code
   */
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }
}

/** @returns {Promise<Model>} */
export async function findModel() {
  const found = await (await reached("/v1/models")).json();
  return { id: found.data[0].id, ...found.data[0].nanochat };
}

/**
 * Ask for an answer to the last message, and give what comes of it until the end.
 *
 * @param {Message[]} messages
 * @param {Settings} settings
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<News>}
 */
export async function* ask(messages, settings, signal) {
  const { system, max_tokens, seed, ...sampling } = settings;
  const body = {
    messages: [...(system.trim() ? [{ role: "system", content: system }] : []), ...messages.map(sent)],
    ...sampling,
    ...(max_tokens ? { max_tokens } : {}),
    ...(seed.trim() ? { seed: Number(seed) } : {}),
    truncation: "auto",
    stream: true,
    stream_options: { include_usage: true },
  };
  const headers = { "Content-Type": "application/json" };
  const response = await reached("/v1/chat/completions", { method: "POST", headers, body: JSON.stringify(body), signal });
  for await (const data of events(response)) {
    if (data.error) throw new ApiFault(data.error.message, data.error.code ?? "");
    yield* read(data);
  }
}

/** A message as the server reads it: calls of tools stay what they are.
 * @type {(message: Message) => object} */
function sent(message) {
  return message.role === "user" ? { role: "user", content: message.text } : { role: "assistant", content: message.parts };
}

/** @type {(data: any) => Generator<News>} */
function* read(data) {
  if (data.usage) yield { tokens: data.usage.completion_tokens };
  for (const { delta, finish_reason } of data.choices) {
    if (delta.content) yield { part: { type: "text", text: delta.content } };
    if (delta.nanochat?.type === "turns_left_out") yield { leftOut: delta.nanochat.turns };
    else if (delta.nanochat) yield { part: delta.nanochat };
    if (finish_reason) yield { finish: finish_reason };
  }
}

/** The server's answer, if it is one; otherwise a fault in words.
 * @type {(address: string, request?: RequestInit) => Promise<Response>} */
async function reached(address, request) {
  let response;
  try {
    response = await fetch(address, request);
  } catch (error) {
    if (request?.signal?.aborted) throw error;
    throw new ApiFault("The server cannot be reached. Is it still running?", "unreachable");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  const message = told.error?.message ?? `The server answered with status ${response.status}.`;
  throw new ApiFault(message, told.error?.code ?? "");
}

/** The events of a stream. One that ends without `[DONE]` was cut.
 * @type {(response: Response) => AsyncGenerator<any>} */
async function* events(response) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  while (reader) {
    const { done, value } = await reader.read().catch((error) => {
      if (error.name === "AbortError") throw error;
      return { done: true, value: undefined };
    });
    if (done) break;
    rest += decoder.decode(value, { stream: true });
    const pieces = rest.split("\n\n");
    rest = pieces.pop() ?? "";
    for (const piece of pieces) {
      if (piece === "data: [DONE]") return;
      if (piece.startsWith("data: ")) {
        const data = JSON.parse(piece.slice(6));
        yield data;
        if (data.error) return;
      }
    }
  }
  throw new ApiFault("The connection broke off before the answer was whole.", "cut");
}
