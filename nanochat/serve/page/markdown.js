// Markdown as a tree of elements: what small models write, not the whole of CommonMark. HTML in it is text.
//
// An answer is rendered again with every token. Blocks that have not changed keep their elements, so a text
// that was selected stays so, and a button that has the focus keeps it.
import { copyButton, make } from "./dom.js";
import { inline } from "./inline.js";

const DEEPEST = 4; // lists and quotations in one another
const LONGEST = 100_000; // characters; more is shown as it is
// No pattern tries the same letters in two ways: a model can write a line that would take such a one for ever.
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})\s(.*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const DIVIDER = /^\|?(?: *:?-+:? *\|)* *:?-+:? *\|?$/;

/**
 * @typedef {{ kind: "code", language: string, text: string, closed: boolean }
 *   | { kind: "heading", level: number, text: string }
 *   | { kind: "rule" }
 *   | { kind: "quote", blocks: Block[] }
 *   | { kind: "list", start: number | undefined, items: Block[][] }
 *   | { kind: "table", rows: string[][], align: string[] }
 *   | { kind: "paragraph", text: string }} Block
 */

/**
 * Show a text in an element, keeping what has not changed since the last time.
 *
 * @param {HTMLElement} into
 * @param {string} text
 */
export function render(into, text) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  /** @type {Block[]} */
  const whole = [{ kind: "code", language: "text", text, closed: true }];
  const blocks = text.length > LONGEST ? whole : parse(lines);
  blocks.forEach((block, number) => {
    const source = JSON.stringify(block);
    const old = into.children[number];
    if (old && sources.get(old) === source) return;
    const made = element(block);
    sources.set(made, source);
    if (old) old.replaceWith(made);
    else into.append(made);
  });
  while (into.children.length > blocks.length) into.lastElementChild?.remove();
}

/** @type {WeakMap<Element, string>} */
const sources = new WeakMap();

/**
 * The blocks of some lines.
 *
 * @param {string[]} lines
 * @param {number} [depth]
 * @returns {Block[]}
 */
export function parse(lines, depth = 0) {
  /** @type {Block[]} */
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    if (!line.trim()) at++;
    else at = block(lines, at, depth, blocks);
  }
  return blocks;
}

/** Read the block that begins at a line; where the next one begins.
 * @type {(lines: string[], at: number, depth: number, into: Block[]) => number} */
function block(lines, at, depth, into) {
  const line = lines[at] ?? "";
  const fence = FENCE.exec(line);
  if (fence && !fence[2]?.includes("`")) return fenced(lines, at, fence, into);
  const heading = HEADING.exec(line);
  if (heading) {
    into.push({ kind: "heading", level: heading[1]?.length ?? 1, text: (heading[2] ?? "").trim().replace(/ #+$/, "") });
    return at + 1;
  }
  if (RULE.test(line)) {
    into.push({ kind: "rule" });
    return at + 1;
  }
  if (depth < DEEPEST && QUOTE.test(line)) {
    const end = until(lines, at, (one) => !QUOTE.test(one));
    const inside = lines.slice(at, end).map((one) => QUOTE.exec(one)?.[1] ?? "");
    into.push({ kind: "quote", blocks: parse(inside, depth + 1) });
    return end;
  }
  if (depth < DEEPEST && ITEM.test(line)) return list(lines, at, depth, into);
  if (line.includes("|") && DIVIDER.test((lines[at + 1] ?? "").trim())) return table(lines, at, into);
  const end = until(lines, at + 1, (one) => !one.trim() || begins(one, depth));
  into.push({ kind: "paragraph", text: lines.slice(at, end).join("\n").trim() });
  return end;
}

/** Whether a line begins something other than a paragraph.
 * @type {(line: string, depth: number) => boolean} */
function begins(line, depth) {
  if (FENCE.test(line) || HEADING.test(line) || RULE.test(line)) return true;
  return depth < DEEPEST && (QUOTE.test(line) || ITEM.test(line));
}

/** The first line from `at` on for which something holds.
 * @type {(lines: string[], at: number, holds: (line: string) => boolean) => number} */
function until(lines, at, holds) {
  while (at < lines.length && !holds(lines[at] ?? "")) at++;
  return at;
}

/** Code between fences, or to the end while the second fence has not come yet.
 * @type {(lines: string[], at: number, fence: RegExpExecArray, into: Block[]) => number} */
function fenced(lines, at, fence, into) {
  const mark = fence[1] ?? "```";
  const end = until(lines, at + 1, (line) => {
    const text = line.trim();
    return text.length >= mark.length && text === (mark[0] ?? "`").repeat(text.length);
  });
  const text = lines.slice(at + 1, end).join("\n");
  into.push({ kind: "code", language: /^[\w+#.-]+/.exec(fence[2]?.trim() ?? "")?.[0] ?? "", text, closed: end < lines.length });
  return end + 1;
}

/** A list. What is indented below an item belongs to it.
 * @type {(lines: string[], at: number, depth: number, into: Block[]) => number} */
function list(lines, at, depth, into) {
  const first = ITEM.exec(lines[at] ?? "");
  const indent = first?.[1]?.length ?? 0;
  const numbered = /\d/.test(first?.[2] ?? "");
  /** @type {Block[][]} */
  const items = [];
  while (at < lines.length) {
    const item = ITEM.exec(lines[at] ?? "");
    const its = item?.[1]?.length ?? 0;
    if (!item || its > indent + 1 || its < indent || /\d/.test(item[2] ?? "") !== numbered) break;
    const width = its + 2;
    let end = at + 1;
    while (end < lines.length) {
      const line = lines[end] ?? "";
      const blank = !line.trim();
      const inside = line.search(/\S/) >= width;
      if (blank ? (lines[end + 1] ?? "").search(/\S/) < width : !inside && begins(line, depth)) break;
      if (!blank && !inside && !(lines[end - 1] ?? "").trim()) break;
      end++;
    }
    const rest = lines.slice(at + 1, end).map((line) => line.replace(new RegExp(`^ {0,${width + 1}}`), ""));
    items.push(parse([item[3] ?? "", ...rest], depth + 1));
    at = end;
    while (at < lines.length && !(lines[at] ?? "").trim() && ITEM.test(lines[at + 1] ?? "")) at++;
  }
  into.push({ kind: "list", start: numbered ? parseInt(first?.[2] ?? "1", 10) : undefined, items });
  return at;
}

/** @type {(lines: string[], at: number, into: Block[]) => number} */
function table(lines, at, into) {
  const align = cells(lines[at + 1] ?? "").map((cell) => {
    if (cell.endsWith(":")) return cell.startsWith(":") ? "center" : "right";
    return "left";
  });
  const end = until(lines, at + 2, (line) => !line.includes("|"));
  const rows = [lines[at] ?? "", ...lines.slice(at + 2, end)].map(cells);
  into.push({ kind: "table", rows, align });
  return end;
}

/** @type {(line: string) => string[]} */
function cells(line) {
  return line.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** @type {(block: Block) => HTMLElement} */
function element(block) {
  switch (block.kind) {
    case "code":
      return codeBlock(block.language, block.text);
    case "heading": // one level for all: what a model writes must not upset the order of the page's own
      return make("h3", { class: `level-${block.level}` }, ...inline(block.text));
    case "rule":
      return make("hr");
    case "quote":
      return make("blockquote", {}, ...block.blocks.map(element));
    case "list": {
      const items = block.items.map((blocks) => make("li", {}, ...tight(blocks)));
      return block.start === undefined ? make("ul", {}, ...items) : make("ol", { start: block.start }, ...items);
    }
    case "table":
      return tableElement(block.rows, block.align);
    default:
      return make("p", {}, ...inline(block.text));
  }
}

/** An item's blocks; its first paragraph without an element of its own.
 * @type {(blocks: Block[]) => Node[]} */
function tight(blocks) {
  return blocks.flatMap((block, number) =>
    number === 0 && block.kind === "paragraph" ? inline(block.text) : [element(block)],
  );
}

/** @type {(language: string, text: string) => HTMLElement} */
function codeBlock(language, text) {
  const name = language || "code";
  const head = make("figcaption", {}, make("span", {}, name), copyButton(() => text, `Copy this ${name}`));
  return make("figure", { class: "code" }, head, make("pre", { tabindex: 0 }, make("code", {}, text)));
}

/** @type {(rows: string[][], align: string[]) => HTMLElement} */
function tableElement([head = [], ...rows], align) {
  const cell = (/** @type {"th" | "td"} */ name) => (/** @type {string} */ text, /** @type {number} */ column) =>
    make(name, { class: align[column] ?? "left", ...(name === "th" ? { scope: "col" } : {}) }, ...inline(text));
  const body = rows.map((row) => make("tr", {}, ...head.map((_, column) => cell("td")(row[column] ?? "", column))));
  const made = make("table", {}, make("thead", {}, make("tr", {}, ...head.map(cell("th")))), make("tbody", {}, ...body));
  return make("div", { class: "table", tabindex: 0, role: "group", "aria-label": "Table" }, made);
}
