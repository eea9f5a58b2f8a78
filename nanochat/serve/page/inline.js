// Markdown within a line: code, bold, italic, links. The result is a list of nodes; what a model writes can
// only ever become text in them, or the address of a link that has been looked at.
import { make } from "./dom.js";

const LONGEST_LINK = 2_000;
const DEEPEST = 6; // bold in italic in a link in bold ...
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const BARE_LINK = /https?:\/\/[^\s<>"'`]+/y;
const MARKS = ["**", "__", "*", "_"];

/**
 * The nodes of a stretch of Markdown.
 *
 * @param {string} text
 * @param {number} [depth]
 * @returns {Node[]}
 */
export function inline(text, depth = 0) {
  if (depth > DEEPEST) return [document.createTextNode(text)];
  /** @type {Node[]} */
  const nodes = [];
  let plain = "";
  /** @type {Set<string>} */
  const unclosed = new Set(); // marks with no partner further on: looking once is enough
  const push = (/** @type {Node} */ node) => {
    if (plain) nodes.push(document.createTextNode(plain));
    plain = "";
    nodes.push(node);
  };
  for (let at = 0; at < text.length; ) {
    const found =
      escaped(text, at) ?? lineBreak(text, at) ?? code(text, at, unclosed) ?? link(text, at, depth) ??
      emphasis(text, at, depth, unclosed);
    if (!found) plain += text[at++];
    else {
      if (typeof found.what === "string") plain += found.what;
      else push(found.what);
      at = found.next;
    }
  }
  if (plain) nodes.push(document.createTextNode(plain));
  return nodes;
}

/** @typedef {{ what: Node | string, next: number } | undefined} Found */

/** @type {(text: string, at: number) => Found} */
function escaped(text, at) {
  const letter = text[at + 1];
  if (text[at] !== "\\" || letter === undefined || !ESCAPABLE.test(letter)) return undefined;
  return { what: letter, next: at + 2 };
}

/** Every end of a line is shown: small models write verses and lists without knowing Markdown's rule.
 * @type {(text: string, at: number) => Found} */
function lineBreak(text, at) {
  return text[at] === "\n" ? { what: make("br"), next: at + 1 } : undefined;
}

/** @type {(text: string, at: number, unclosed: Set<string>) => Found} */
function code(text, at, unclosed) {
  if (text[at] !== "`") return undefined;
  let size = 1;
  while (text[at + size] === "`") size++;
  const fence = "`".repeat(size);
  let end = unclosed.has(fence) ? -1 : at + size;
  do {
    end = end < 0 ? -1 : text.indexOf(fence, end);
    if (end < 0) {
      unclosed.add(fence);
      return { what: fence, next: at + size };
    }
    if (text[end + size] !== "`") break;
    while (text[end] === "`") end++;
  } while (true);
  const inside = text.slice(at + size, end).replaceAll("\n", " ");
  const trimmed = inside.startsWith(" ") && inside.endsWith(" ") && inside.trim() ? inside.slice(1, -1) : inside;
  return { what: make("code", {}, trimmed), next: end + size };
}

/** `[text](address)`, the same with `!` before it (a picture, which is not fetched), `<address>`, or an address.
 * @type {(text: string, at: number, depth: number) => Found} */
function link(text, at, depth) {
  const letter = text[at];
  if (letter === "h" && !/\w/.test(text[at - 1] ?? "")) {
    BARE_LINK.lastIndex = at;
    const found = withoutEnd(BARE_LINK.exec(text)?.[0] ?? "");
    const node = found && anchor(found, [document.createTextNode(found)]);
    return node ? { what: node, next: at + found.length } : undefined;
  }
  const start = letter === "!" && text[at + 1] === "[" ? at + 1 : at;
  if (text[start] !== "[") return undefined;
  const near = text.slice(start, start + LONGEST_LINK);
  const middle = near.indexOf("](") + start;
  const end = middle < start ? -1 : near.indexOf(")", middle - start) + start;
  if (end < middle || middle < start) return undefined;
  const label = text.slice(start + 1, middle);
  const address = text.slice(middle + 2, end).trim().split(/\s/, 1)[0] ?? "";
  if (label.includes("[") || label.includes("\n\n")) return undefined;
  const node = anchor(address, inline(label, depth + 2));
  return node ? { what: node, next: end + 1 } : undefined;
}

/** An address without the full stop or bracket of the sentence around it.
 * @type {(address: string) => string} */
function withoutEnd(address) {
  let end = address.length;
  while (end > 0 && ".,:;!?)]}*_".includes(address[end - 1] ?? "")) end--;
  return address.slice(0, end);
}

/** A link, if the address is one of the web; `javascript:` and all others stay text.
 * @type {(address: string, children: Node[]) => HTMLAnchorElement | undefined} */
function anchor(address, children) {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return undefined;
  const { href, protocol } = new URL(address);
  if (protocol !== "http:" && protocol !== "https:") return undefined;
  if (children.some((child) => child instanceof Element && child.matches("a, :has(a)"))) return undefined;
  return make("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

/** @type {(text: string, at: number, depth: number, unclosed: Set<string>) => Found} */
function emphasis(text, at, depth, unclosed) {
  const mark = MARKS.find((one) => text.startsWith(one, at));
  if (!mark) return undefined;
  const whole = { what: mark, next: at + mark.length };
  const word = /[\p{L}\p{N}]/u;
  const opens = /\S/.test(text[at + mark.length] ?? "") && !(mark[0] === "_" && word.test(text[at - 1] ?? ""));
  if (!opens || unclosed.has(mark)) return whole;
  let end = at + mark.length;
  do {
    end = text.indexOf(mark, end + 1);
    if (end < 0) {
      unclosed.add(mark);
      return whole;
    }
    // Not within a longer run of the same letter, not after a space, and `_` not within a word.
  } while (
    /\s/.test(text[end - 1] ?? "") || (mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark)) ||
    (mark[0] === "_" && word.test(text[end + mark.length] ?? ""))
  );
  while (mark.length === 2 && text[end + 2] === mark[0]) end++; // the three of ***both***
  const inside = inline(text.slice(at + mark.length, end), depth + 1);
  return { what: make(mark.length === 2 ? "strong" : "em", {}, ...inside), next: end + mark.length };
}
