/** The output of a cell on the page: the same elements, with the same text, as web/fences.py wrote at build. */
import type { OutputKind } from "./messages";

export class OutputView {
  private readonly fromBuild: Node[];
  private stale = false;

  constructor(readonly element: HTMLElement) {
    this.fromBuild = [...element.childNodes];
  }

  /** A run begins. What is shown stays, faded, until there is something new: the page does not jump. */
  begin(): void {
    this.stale = true;
    this.element.classList.add("stale");
    this.element.setAttribute("aria-busy", "true");
  }

  /** The run has ended; without output there is nothing to show. */
  end(): void {
    this.dropStale();
    this.element.removeAttribute("aria-busy");
  }

  /** Bring back what the build printed. */
  reset(): void {
    this.end();
    this.element.replaceChildren(...this.fromBuild);
  }

  add(kind: OutputKind, text: string): void {
    this.dropStale();
    if (kind === "svg") {
      this.element.append(picture(text));
      return;
    }
    const last = this.element.lastElementChild;
    if (last?.className === `out-${kind}`) last.append(text);
    else this.element.append(block(kind, text));
  }

  private dropStale(): void {
    if (!this.stale) return;
    this.stale = false;
    this.element.classList.remove("stale");
    this.element.replaceChildren();
  }
}

function block(kind: OutputKind, text: string): HTMLElement {
  const element = document.createElement(kind === "note" ? "p" : "pre");
  element.className = `out-${kind}`;
  element.append(text);
  return element;
}

/** An SVG from Python. It is a picture and nothing else: whatever could run or load something is taken out. */
function picture(svg: string): HTMLElement {
  const template = document.createElement("template");
  template.innerHTML = svg;
  for (const element of template.content.querySelectorAll("*")) {
    if (FORBIDDEN.has(element.localName.toLowerCase())) element.remove();
    else for (const { name, value } of [...element.attributes]) if (!harmless(name, value)) element.removeAttribute(name);
  }
  const holder = document.createElement("div");
  holder.className = "out-svg";
  holder.append(template.content);
  return holder;
}

const FORBIDDEN = new Set([
  ...["script", "foreignobject", "iframe", "object", "embed", "link", "meta", "base", "form", "img", "video", "audio"],
  ...["animate", "set", "animatemotion", "animatetransform"], // these could give a link its address later
]);

function harmless(name: string, value: string): boolean {
  if (/^on/i.test(name)) return false;
  if (/(^|:)href$/i.test(name)) return value.startsWith("#");
  return !/url\(\s*['"]?(?!#)/i.test(value);
}
