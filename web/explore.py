"""An interactive figure in a page: a small form above a picture, both complete as they are built.

The browser's script (`src/explore.ts`) finds it by `data-tool`. It enables the form (a disabled `<fieldset>`
until then), sends what the controls say to `tools.core.page.answer`, and puts the answer into these places:

    figure.explore[data-tool]       the figure; without a script, the picture for its form's values
      form.tool-form                controls named by their keys
        fieldset.tool-controls      disabled until the script runs
        button.explore-reset        brings the picture of the build back
      p.tool-error                  what is wrong with the question; hidden
      .tool-report                  the picture
      p.explore-says                the answer in one sentence, read out by screen readers when it changes
      p.tool-status                 how Python is starting

A number with a small range is a slider, with its value beside it. Several figures stand on one page, so all
ids begin with the figure's own, and the page's address stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools import registry
from tools.core.markup import escape
from tools.core.page import form_schema
from web.asking import answer_for
from web.tool_page import ask_model_button, labelled_field, plain_control

WITHOUT_SCRIPT = "With JavaScript you can change these values, and the picture follows."
SLIDER_STEPS = 128
"""A slider of more steps could not be set to one of them by hand."""


def render(name: str, query: Mapping[str, str] | None = None, number: int = 1) -> str:
    """The HTML of a figure; `query` says where it starts, `number` which of its kind on the page it is.

    >>> render("kv-cash")
    Traceback (most recent call last):
    tools.core.errors.UsageError: there is no figure 'kv-cash'; did you mean kv-cache?
    """
    return render_figure(registry.load_figure(name), query or {}, number)


def render_figure(tool: Any, asked: Mapping[str, str], number: int = 1) -> str:
    """`render` for a figure at hand."""
    reply = answer_for(tool, asked)
    if reply["error"]:
        raise ValueError(f"the figure {tool.name} is asked {dict(asked)}, and it refuses: {reply['error']}")
    return "\n".join(_figure(tool, asked, reply, number))


def _figure(tool: Any, asked: Mapping[str, str], reply: Mapping[str, Any], number: int) -> Iterator[str]:
    again = f"-{number}" if number > 1 else ""
    own_id = f"explore-{tool.name.removeprefix(registry.FOLDER)}{again}"
    title = f"{tool.title} ({number})" if number > 1 else tool.title
    query = escape(json.dumps(asked))
    yield f'<figure class="explore" id="{own_id}" data-tool="{escape(tool.name)}" data-query="{query}">'
    yield f'<p class="explore-title"><strong>{escape(tool.title)}.</strong> {escape(tool.summary)}</p>'
    yield f'<form class="tool-form explore-form" aria-label="{escape(title)}: controls" autocomplete="off">'
    yield '<fieldset class="tool-controls explore-controls" disabled>'
    for group in form_schema(tool)["groups"]:
        for field in group["fields"]:
            yield from labelled_field(own_id, field, asked.get(field["key"], field["default"]), control)
        if any(field["asks_model"] for field in group["fields"]):
            yield from ask_model_button()
    yield '<div class="explore-buttons"><button type="button" class="explore-reset">Reset</button></div>'
    yield "</fieldset>"
    yield f'<noscript><p class="tool-note">{WITHOUT_SCRIPT}</p></noscript>'
    yield "</form>"
    yield '<p class="tool-error" role="alert" hidden></p>'
    yield f'<div class="tool-report">{reply["html"]}</div>'
    yield f'<p class="explore-says" role="status">{escape(reply["says"])}</p>'
    yield '<p class="tool-status" role="status"></p>'
    yield f"<figcaption>{escape(tool.details)}</figcaption>"
    yield "</figure>"


def control(field: Mapping[str, Any], value: Any, shared: str) -> str:
    """A slider where a number has a small range, else what a tool's page would show."""
    step = slider_step(field)
    if step is None:
        return plain_control(field, value, shared)
    low, high = (f"{field[end]:g}" for end in ("low", "high"))
    limits = f'min="{low}" max="{high}" step="{step:g}"'
    # A slider says its value to screen readers by itself; beside it stands the same for those who see.
    return (
        f'<span class="explore-slider"><input type="range" {limits} value="{escape(value)}" {shared}>'
        f'<span class="explore-value" aria-hidden="true">{escape(value)}</span></span>'
    )


def slider_step(field: Mapping[str, Any]) -> float | None:
    """The step of a field's slider; None where the field is no number, or has too many values for one.

    >>> slider_step({"kind": "integer", "low": 1, "high": 64, "step": None, "optional": False})
    1
    >>> slider_step({"kind": "number", "low": 0, "high": 1000, "step": None, "optional": False}) is None
    True
    """
    low, high = field["low"], field["high"]
    if field["kind"] not in ("integer", "number") or None in (low, high) or field["optional"]:
        return None
    step: float | None = field["step"] or (1 if field["kind"] == "integer" else None)
    return step if step and (high - low) / step <= SLIDER_STEPS else None
