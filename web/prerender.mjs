// Turn formulas and diagrams into finished HTML and SVG, once, at build: the reader's browser runs no script for them.
//
// Reads one JSON object on stdin, {"math": [{"tex": "x^2", "display": false}], "mermaid": ["graph LR; a --> b"]}, and
// writes {"math": ["<span …>"], "mermaid": ["<svg …>"]} in the same order. What cannot be rendered comes back as
// {"error": "why"}, so that the build can name the page.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import katex from "katex";
import { renderMermaidSVG } from "beautiful-mermaid";

// The page's own colours, so that a diagram follows light and dark without being drawn twice.
const COLOURS = {
  bg: "var(--md-default-bg-color)",
  fg: "var(--md-default-fg-color)",
  line: "var(--site-line-strong)",
  accent: "var(--site-accent)",
  muted: "var(--site-muted)",
  surface: "var(--site-surface)",
  border: "var(--site-line-strong)",
  font: "Inter Variable",
  transparent: true,
};

function formula({ tex, display }) {
  return katex.renderToString(tex, { displayMode: display, output: "htmlAndMathml", throwOnError: true, strict: "error" });
}

function diagram(code) {
  const { source, title, description } = takeAlternatives(code);
  const svg = renderMermaidSVG(source, COLOURS);
  if (/data-label="[^"]*--"/.test(svg)) throw new Error("an arrow needs spaces around it: write `a --> b`");
  const name = "mermaid-" + createHash("sha256").update(code).digest("hex").slice(0, 8);
  const alternative = description || (title ? "" : edges(svg));
  const label = `aria-labelledby="${name}-title"` + (alternative ? ` aria-describedby="${name}-desc"` : "");
  const texts =
    `<title id="${name}-title">${escape(title || "Diagram")}</title>` +
    (alternative ? `<desc id="${name}-desc">${escape(alternative)}</desc>` : "");
  return (
    svg
      // The renderer asks another host for its font; this site has the font already.
      .replace(/@import url\([^)]*\);?/g, "")
      // Its styles and ids would reach every other picture of the page: keep them to this one.
      .replace(/^ {2}(text|svg|\.[a-z-]+)([^{\n]*)\{/gm, (_, selector, rest) =>
        selector === "svg" ? `  #${name}${rest}{` : `  #${name} ${selector}${rest}{`)
      .replace(/ id="/g, ` id="${name}-`)
      .replace(/url\(#/g, `url(#${name}-`)
      .replace(/^<svg /, `<svg id="${name}" class="mermaid-svg" role="img" ${label} `)
      .replace(/>/, `>${texts}`)
  );
}

// Mermaid's own way to give a picture words: `accTitle: …` and `accDescr: …` lines, which the renderer does not know.
function takeAlternatives(code) {
  const found = {};
  const source = code.replace(/^[ \t]*acc(Title|Descr):[ \t]*(.*)\n?/gm, (_, kind, text) => {
    found[kind] = text.trim();
    return "";
  });
  return { source, title: found.Title, description: found.Descr };
}

// Where the author gave no words, the arrows are said one by one.
function edges(svg) {
  const labels = new Map([...svg.matchAll(/data-id="([^"]*)" data-label="([^"]*)"/g)].map((m) => [m[1], m[2]]));
  const arrows = [...svg.matchAll(/class="edge" data-from="([^"]*)" data-to="([^"]*)"/g)];
  const name = (id) => unescape(labels.get(id) ?? id).replace(/\s+/g, " ");
  return arrows.map((m) => `${name(m[1])} leads to ${name(m[2])}.`).join(" ");
}

function escape(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function unescape(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&amp;/g, "&");
}

function each(items, render) {
  return items.map((item) => {
    try {
      return render(item);
    } catch (error) {
      return { error: error.message };
    }
  });
}

const wanted = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify({ math: each(wanted.math, formula), mermaid: each(wanted.mermaid, diagram) }));
