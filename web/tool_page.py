"""A tool on a page: its form, made from its parameters, and its real report for the page's first question.

The browser's script finds it by `data-tool`. It enables the form (a disabled `<fieldset>` until then, so
that the page reads well without JavaScript), sends what the fields say to `tools.core.page.answer`, and
puts the answer into these places:

    .tool[data-tool][data-query]    the tool, and the query its report at build answers
      form.tool-form                fields named by their keys in the address; `data-asks-model`: when left
        button.tool-ask-model       asks at once
        fieldset.tool-controls      disabled until the script runs
      p.tool-error                  what is wrong with the question; hidden
      .tool-report                  the report
      code.tool-command             the same run for the terminal
      button.tool-copy-command      copies it
      button.tool-save              saves a file of the kind that its value names
      p.tool-status                 short messages, read out by screen readers

A checkbox of a yes-or-no parameter says `true` or `false` (so send both states); those of a list share one
name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tools import registry
from tools.core.markup import escape
from tools.core.page import answer_for, form_schema
from tools.core.words import LARGEST, say
from web import model_files

PRIVATE = "Python runs in this page. Nothing you type or choose here is sent anywhere."
WITHOUT_SCRIPT = (
    "The form needs JavaScript. Without it, this page shows the tool's answer to its first question."
)
STEPPER_LIMIT = 10**6
"""Above it a number is typed, as `10B` or `1e10`, so the field is one for text."""


def render(tool_name: str, query: Mapping[str, str] | None = None) -> str:
    """The HTML of a tool's page; `query` says more than the tool's own first question.

    >>> render("calculator")
    Traceback (most recent call last):
    tools.core.errors.UsageError: there is no tool 'calculator'; did you mean model-calculator?
    """
    return render_tool(registry.load(tool_name), query)


def render_tool(tool: Any, query: Mapping[str, str] | None = None) -> str:
    """`render` for a tool at hand."""
    asked = {**tool.page, **(query or {})}
    reply = answer_for(tool, asked)
    if reply["error"]:
        raise ValueError(f"the page of {tool.name} asks {asked}, and the tool refuses: {reply['error']}")
    return "\n".join(_page(tool, asked, reply))


def _page(tool: Any, asked: Mapping[str, str], reply: Mapping[str, Any]) -> Iterator[str]:
    yield f'<div class="tool" data-tool="{escape(tool.name)}" data-query="{escape(json.dumps(asked))}">'
    yield '<div class="tool-panes">'
    yield f'<form class="tool-form" aria-label="{escape(tool.title)}" autocomplete="off">'
    yield f'<noscript><p class="tool-note">{WITHOUT_SCRIPT}</p></noscript>'
    yield f'<p class="tool-jump"><a href="#{tool.name}-answer">Down to the answer</a></p>'
    yield '<fieldset class="tool-controls" disabled>'
    for group in form_schema(tool)["groups"]:
        yield f'<fieldset class="tool-group"><legend>{escape(group["label"])}</legend>'
        for field in group["fields"]:
            yield from labelled_field(tool.name, field, asked.get(field["key"], field["default"]))
        if any(field["asks_model"] for field in group["fields"]):
            yield from ask_model_button()
        yield "</fieldset>"
    yield "</fieldset>"
    yield f'<p class="tool-private">{PRIVATE}</p>'
    yield "</form>"
    yield f'<div class="tool-answer" id="{tool.name}-answer">'
    yield '<p class="tool-error" role="alert" hidden></p>'
    yield f'<div class="tool-report">{reply["html"]}</div>'
    yield '<p class="tool-ask">The same in a terminal:</p>'
    command = f'<code class="tool-command">{escape(reply["command"])}</code>'
    yield f'<pre class="tool-terminal" tabindex="0" role="region" aria-label="command">{command}</pre>'
    yield '<p class="tool-buttons">'
    yield '<button type="button" class="tool-copy-command md-button" disabled>Copy command</button>'
    for one in form_schema(tool)["exports"]:
        what = f'value="{escape(one["key"])}" title="Save {escape(one["help"])}"'
        label = f"Save {one['label']}"
        yield f'<button type="button" class="tool-save md-button" {what} disabled>{label}</button>'
    yield "</p>"
    yield "</div></div>"
    # Last in the whole tool, so that it can stay in sight beside a long form and a long report.
    yield '<p class="tool-status" role="status"></p>'
    yield "</div>"


def ask_model_button() -> Iterator[str]:
    """The button under fields with which the model is asked, and what that costs."""
    yield '<div class="tool-field tool-wide tool-model">'
    yield '<button type="button" class="tool-ask-model md-button">Ask the model</button>'
    yield (
        f'<span class="tool-help">It runs in this page. The first question fetches it, '
        f"{model_files.download_bytes() / 1e6:.0f} MB, and this browser keeps it.</span></div>"
    )


def labelled_field(
    prefix: str,
    field: Mapping[str, Any],
    value: Any,
    control: Callable[[Mapping[str, Any], Any, str], str] | None = None,
) -> Iterator[str]:
    """One labelled field, its help under it. Ids begin with `prefix`.

    A `control` of one's own draws the field itself, and shows its limits.
    """
    name = f"{prefix}-{field['key']}"
    helped = field["help"] if control else _help(field)
    note = f'<span class="tool-help" id="{escape(name)}-help">{escape(helped)}</span>'
    if field["kind"] == "choice" and field["many"]:
        yield from _checkboxes(name, field, value, note)
        return
    unit = f' <span class="tool-unit">{escape(field["unit"])}</span>' if field["unit"] else ""
    label = f'<label for="{escape(name)}">{escape(field["label"])}{unit}</label>'
    shared = f'id="{escape(name)}" name="{escape(field["key"])}" aria-describedby="{escape(name)}-help"'
    if field["asks_model"]:
        shared += " data-asks-model"
    if field["kind"] == "flag":
        on = " checked" if value in (True, "true", "1", "yes", "on") else ""
        box = f'<input type="checkbox" value="true"{on} {shared}>'
        yield f'<div class="tool-field tool-flag">{box} {label}{note}</div>'
        return
    wide = " tool-wide" if field["multiline"] else ""
    drawn = control(field, value, shared) if control else plain_control(field, value, shared)
    if field["kind"] == "file":
        note = f'<span class="tool-given" id="{escape(name)}-given"></span>{note}'
    yield f'<div class="tool-field{wide}">{label}{drawn}{note}</div>'


def _help(field: Mapping[str, Any]) -> str:
    low, high = field["low"], field["high"]
    said = field["help"]
    if field["kind"] in ("integer", "number"):
        if low is not None and high is not None and high < LARGEST:
            said += f" ({say(low)} to {say(high)})"
        elif low is not None and low > 0:
            said += f" (at least {say(low)})"
    if field["many"] and field["kind"] == "text":
        said += ", one a line"
    if field["kind"] == "file":
        said += "; choose or drop " + ("files or a folder" if field["folder"] else "it here")
    return str(said)


def plain_control(field: Mapping[str, Any], value: Any, shared: str) -> str:
    """The field itself: an input, a select or a textarea."""
    kind = field["kind"]
    if kind == "choice":
        empty = [{"value": "", "label": "not set"}] if field["optional"] else []
        return (
            f"<select {shared}>{''.join(_option(one, value) for one in [*empty, *field['choices']])}</select>"
        )
    if kind == "file":
        accept = f' accept="{escape(",".join(field["suffixes"]))}"' if field["suffixes"] else ""
        many = " multiple" if field["many"] else ""
        return f'<input type="file"{accept}{many} {shared}>'
    if field["multiline"]:
        lines = "\n".join(value) if isinstance(value, list) else value
        # HTML swallows a first line break in a textarea, so it gets one to lose.
        longest = f' maxlength="{int(field["high"])}"' if field["high"] else ""
        return f'<textarea rows="4" spellcheck="false"{longest} {shared}>\n{escape(lines)}</textarea>'
    if kind == "text":
        return f'<input type="text" value="{escape(value)}" spellcheck="false" {shared}>'
    return _number_input(field, value, shared)


def _option(choice: Mapping[str, str], value: Any) -> str:
    selected = " selected" if choice["value"] == value else ""
    return f'<option value="{escape(choice["value"])}"{selected}>{escape(choice["label"])}</option>'


def _number_input(field: Mapping[str, Any], value: Any, shared: str) -> str:
    high = field["high"]
    whole = field["kind"] == "integer"
    if whole and high is not None and high <= STEPPER_LIMIT:
        low = f' min="{int(field["low"])}"' if field["low"] is not None else ""
        return f'<input type="number" step="1"{low} max="{int(high)}" value="{escape(value)}" {shared}>'
    return f'<input type="text" inputmode="decimal" value="{escape(value)}" {shared}>'


def _checkboxes(name: str, field: Mapping[str, Any], value: Any, note: str) -> Iterator[str]:
    chosen = [value] if isinstance(value, str) else list(value)
    yield f'<fieldset class="tool-field tool-wide tool-list" aria-describedby="{escape(name)}-help">'
    yield f"<legend>{escape(field['label'])}</legend>"
    for choice in field["choices"]:
        word = escape(choice["value"])
        on = " checked" if choice["value"] in chosen else ""
        box = f'<input type="checkbox" name="{escape(field["key"])}" value="{word}"{on}>'
        yield f"<label>{box} {escape(choice['label'])}</label>"
    yield f"{note}</fieldset>"
