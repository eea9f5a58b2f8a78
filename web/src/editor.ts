/** The editor of a cell: CodeMirror with Python, in the colours of the page. Fetched when a reader first presses Edit. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightSpecialChars, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** The theme's own colours for code, so that the text looks the same before and after Edit, by day and by night. */
const colors = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: "var(--md-code-hl-keyword-color)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--md-code-hl-string-color)" },
  { tag: [tags.number, tags.bool], color: "var(--md-code-hl-number-color)" },
  { tag: [tags.comment], color: "var(--md-code-hl-comment-color)" },
  { tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)], color: "var(--md-code-hl-function-color)" },
  { tag: [tags.operator], color: "var(--md-code-hl-operator-color)" },
  { tag: [tags.punctuation, tags.bracket], color: "var(--md-code-hl-punctuation-color)" },
  { tag: [tags.self, tags.null, tags.special(tags.variableName)], color: "var(--md-code-hl-constant-color)" },
]);

export class CodeEditor {
  readonly element: HTMLElement;
  private readonly view: EditorView;

  constructor(text: string, label: string, changed: () => void) {
    this.element = document.createElement("div");
    this.element.className = "live-editor";
    this.view = new EditorView({
      parent: this.element,
      state: EditorState.create({ doc: text, extensions: extensions(label, changed) }),
    });
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  focus(): void {
    this.view.focus();
  }

  close(): void {
    this.view.destroy();
    this.element.remove();
  }
}

function extensions(label: string, changed: () => void) {
  return [
    highlightSpecialChars(),
    history(),
    drawSelection(),
    indentUnit.of("    "),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ activateOnTyping: false }),
    python(),
    syntaxHighlighting(colors),
    // Tab indents; Escape and then Tab leaves the editor (CodeMirror's own rule for the keyboard).
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({
      "aria-label": `${label}, editor. Press Escape and then Tab to leave it.`,
      spellcheck: "false",
      autocapitalize: "off",
      autocorrect: "off",
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) changed();
    }),
  ];
}
