/**
 * Words on a map: find a word, and see its nearest.
 *
 * The drawing is there from the build; the file with every token's place and neighbours is fetched at the first search.
 */
import { siteAddress } from "./site_address";
import { find } from "./tool_questions";

/** What the site's build wrote: lists of one length. */
interface Words {
  readonly ids: readonly number[];
  readonly texts: readonly string[];
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly neighbours: readonly (readonly number[])[];
  /** Cosines. */
  readonly similarity: readonly (readonly number[])[];
}

const SVG = "http://www.w3.org/2000/svg";
const SUGGESTIONS = 8;

class WordsMap {
  private readonly field: HTMLInputElement;
  private readonly status: HTMLElement;
  private readonly scale: readonly number[];
  private words: Promise<Words> | undefined;

  constructor(private readonly element: HTMLElement) {
    this.field = find(element, "[name=word]") as HTMLInputElement;
    this.status = find(element, ".model-status");
    this.scale = (element.dataset["scale"] ?? "").split(" ").map(Number);
    (find(element, "fieldset") as HTMLFieldSetElement).disabled = false;
    find(element, "form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.search(this.field.value);
    });
    element.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (button?.name === "example") void this.search(button.textContent ?? "");
      else if (button?.dataset["token"]) void this.show(Number(button.dataset["token"]));
    });
  }

  private async search(word: string): Promise<void> {
    this.field.value = word;
    const wanted = word.trim();
    if (!wanted) return this.say("Write a word first.", "bad");
    const words = await this.fetched();
    if (!words) return;
    const at = [` ${wanted}`, wanted].map((one) => words.texts.indexOf(one)).find((one) => one >= 0);
    if (at !== undefined) return this.show(words.ids[at] ?? 0);
    const like = words.texts.filter((text) => text.trim().toLowerCase().startsWith(wanted.toLowerCase().slice(0, 3)));
    const instead = [...new Set(like.map((text) => text.trim()))].slice(0, SUGGESTIONS).join(", ");
    this.say(`No token is “${wanted}”: the tokenizer cuts it into pieces.${instead ? ` There are ${instead}.` : ""}`, "bad");
  }

  private async show(id: number): Promise<void> {
    const words = await this.fetched();
    const at = words?.ids.indexOf(id) ?? -1;
    if (!words || at < 0) return;
    const near = (words.neighbours[at] ?? []).map((one) => words.ids.indexOf(one));
    const cosines = words.similarity[at] ?? [];
    const place = find(this.element, ".words-place");
    place.replaceChildren(heading(words, at), table(words, near, cosines));
    this.draw(words, at, near);
    this.field.value = (words.texts[at] ?? "").trim();
    this.element.dataset["shown"] = String(id);
    this.say("");
  }

  private draw(words: Words, chosen: number, near: readonly number[]): void {
    const group = find(this.element, ".words-found");
    const [x, y] = this.spot(words, chosen);
    const lines = near.map((at) => `M${x} ${y}L${this.spot(words, at).join(" ")}`).join("");
    const marks = [...near, chosen].flatMap((at) => this.mark(words, at, at === chosen ? "words-chosen" : "words-near"));
    group.replaceChildren(drawn("path", { class: "words-lines", d: lines }), ...marks);
    // On a phone the drawing is wider than the screen; the list above it stays where it is.
    const drawing = find(this.element, ".words-drawing");
    const width = (find(this.element, ".words") as unknown as SVGSVGElement).viewBox.baseVal.width;
    drawing.scrollLeft = (x / width) * drawing.scrollWidth - drawing.clientWidth / 2;
    const names = near.map((at) => words.texts[at]?.trim()).join(", ");
    const said = this.element.querySelector(".words desc");
    if (said) said.textContent = `${words.ids.length} tokens in two dimensions; ${words.texts[chosen]?.trim()} has lines to ${names}`;
  }

  private mark(words: Words, at: number, kind: string): SVGElement[] {
    const [x, y] = this.spot(words, at);
    const left = x > 0.8 * (find(this.element, ".words") as unknown as SVGSVGElement).viewBox.baseVal.width;
    const text = drawn("text", { class: kind, x: String(x + (left ? -5 : 5)), y: String(y + 4), "text-anchor": left ? "end" : "start" });
    text.textContent = (words.texts[at] ?? "").trim();
    return [drawn("circle", { class: kind, cx: String(x), cy: String(y), r: "3" }), text];
  }

  private spot(words: Words, at: number): readonly [number, number] {
    const [left = 0, bottom = 0, leastX = 0, leastY = 0, perX = 0, perY = 0] = this.scale;
    const round = (number: number): number => Math.round(number * 10) / 10;
    return [round(left + ((words.x[at] ?? 0) - leastX) * perX), round(bottom - ((words.y[at] ?? 0) - leastY) * perY)];
  }

  private async fetched(): Promise<Words | undefined> {
    if (!this.words) this.say("Fetching the map…");
    this.words ??= fetch(new URL(this.element.dataset["file"] ?? "", siteAddress())).then((response) => {
      if (!response.ok) throw new Error(`the server said ${response.status}`);
      return response.json() as Promise<Words>;
    });
    try {
      const words = await this.words;
      this.say("");
      return words;
    } catch (error) {
      this.words = undefined;
      this.say(`The map could not be fetched: ${error instanceof Error ? error.message : String(error)}. Try again.`, "bad");
      return undefined;
    }
  }

  private say(text: string, tone = ""): void {
    this.status.textContent = text;
    this.status.dataset["tone"] = tone;
  }
}

function heading(words: Words, at: number): HTMLElement {
  const says = document.createElement("p");
  says.className = "model-says";
  const name = document.createElement("span");
  name.className = "model-token";
  name.append(...visible(words.texts[at] ?? ""));
  says.append(
    name,
    ` is token ${words.ids[at]}. Most like it are, by the cosine of the angle between them (1 is the same direction, 0 a right angle):`,
  );
  return says;
}

function table(words: Words, near: readonly number[], cosines: readonly number[]): HTMLTableElement {
  const made = document.createElement("table");
  made.className = "look-bars look-near";
  const body = made.createTBody();
  near.forEach((at, index) => {
    const cosine = cosines[index] ?? 0;
    const row = body.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "model-token";
    button.dataset["token"] = String(words.ids[at]);
    button.append(...visible(words.texts[at] ?? ""));
    head.append(button);
    row.append(head);
    const bar = drawn("svg", { class: "look-bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
    bar.append(drawn("rect", { class: "look-worse", width: (100 * Math.max(0, cosine)).toFixed(0), height: "8" }));
    row.insertCell().append(bar);
    row.insertCell().textContent = cosine.toFixed(2);
  });
  return made;
}

/** A space at its edge as a dot. */
function visible(text: string): (string | HTMLElement)[] {
  const dot = (): HTMLElement => {
    const made = document.createElement("i");
    made.textContent = "·";
    return made;
  };
  const inside = text.replace(/^ /, "").replace(/ $/, "");
  return [...(text.startsWith(" ") ? [dot()] : []), inside, ...(text.length > 1 && text.endsWith(" ") ? [dot()] : [])];
}

function drawn(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function openWordsMaps(elements: Iterable<HTMLElement>): void {
  for (const one of elements) new WordsMap(one);
}
