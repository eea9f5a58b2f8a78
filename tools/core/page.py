"""A tool on a page: what the browser's worker calls. Text in, JSON out.

form("model-calculator")                          -> the fields of its form
answer("model-calculator", '{"preset": "…"}')     -> the report, or what is wrong with the question
put_file("assets/ranks/gpt2.tiktoken", data)      -> a file the answer needs, fetched from this site
give("runs", "/given/1", '["metrics.jsonl"]')     -> files that the reader chose or dropped
export("training-dashboard", query, "csv")        -> a file to save
await prepare("generation-explorer", query)       the model of the page works out what an answer needs
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from tools.core import given
from tools.core.arguments import to_command
from tools.core.errors import NeedFiles, NeedModel, Stopped, ToolError, UsageError
from tools.core.exports import exports_of
from tools.core.given import asked_by_page, given_file, put_file, without_folder
from tools.core.html import render_blocks, render_html
from tools.core.parameters import Parameter, from_query, page_parameters, parameters_of, to_query
from tools.core.parsing import write
from tools.core.progress import TELL
from tools.core.tool import Tool
from tools.core.words import listing
from tools.registry import load

if TYPE_CHECKING:
    from tools.live.model import LiveModel

__all__ = ["answer", "export", "form", "give", "given_file", "prepare", "put_file", "tell_progress"]


def field_schema(parameter: Parameter) -> dict[str, Any]:
    """A form's field in plain data."""
    default = parameter.default
    value: Any = [write(one) for one in default or ()] if parameter.many else write(default)
    return {
        "key": parameter.key,
        "label": parameter.label,
        "kind": parameter.kind,
        "help": parameter.help,
        "default": value,
        "unit": parameter.unit,
        "step": parameter.step,
        "low": parameter.low,
        "high": parameter.high,
        "choices": [{"value": word, "label": label} for word, label in parameter.choices],
        "optional": parameter.optional,
        "many": parameter.many,
        "multiline": parameter.multiline,
        "suffixes": list(parameter.suffixes),
        "folder": parameter.folder,
        "asks_model": parameter.asks_model,
    }


def form_schema(tool: Tool) -> dict[str, Any]:
    """The tool's form: its groups, each with its fields."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for parameter in page_parameters(tool.parameters):
        groups.setdefault(parameter.group, []).append(field_schema(parameter))
    listed = [{"label": label, "fields": fields} for label, fields in groups.items()]
    saved = [
        {"key": one.key, "label": one.key.removeprefix("save-").upper(), "help": one.help}
        for one in exports_of(tool)
    ]
    return {
        "name": tool.name,
        "title": tool.title,
        "summary": tool.summary,
        "groups": listed,
        "exports": saved,
        "asks_model": tool.ask_model is not None,
    }


def form(name: str) -> str:
    """The form of the tool with this name, as JSON."""
    return json.dumps(form_schema(load(name)))


def give(key: str, folder: str, names: str) -> None:
    """The reader gave a field files in `folder`; `names` is a JSON list, and an empty one takes them back."""
    found = json.loads(names)
    if found:
        given.give(key, folder, found)
    else:
        given.take_back(key)


def tell_progress(tell: Callable[[str, float], object]) -> None:
    """Call this function with what long work is doing and how much of it is done."""
    TELL[:] = [tell]


def export(name: str, query: str, key: str) -> str:
    """One of the files that a tool can save for a query, as JSON: `text`, `file_name`, `error`.

    What it needs is in `needs` and `needs_model`, as in an answer.
    """
    tool = load(name)
    chosen = next(one for one in exports_of(tool) if one.key == key)
    try:
        parameters = _parameters(tool, json.loads(query))[0]
        with asked_by_page():
            subject = tool.report(parameters) if chosen.of_report else parameters
            text = without_folder("".join(chosen.write(subject)))
    except ToolError as error:
        return json.dumps({"text": "", "file_name": "", "error": _on_page(tool, str(error)), **needed(error)})
    return json.dumps({"text": text, "file_name": chosen.file_name, "error": None, **needed(None)})


def needed(error: ToolError | None) -> dict[str, Any]:
    """What must be had before the tool is asked again.

    >>> needed(NeedFiles("gpt2 is not here", ["gpt2.tiktoken"]))
    {'needs': ['gpt2.tiktoken'], 'needs_model': False}
    """
    names = list(error.names) if isinstance(error, NeedFiles) else []
    return {"needs": names, "needs_model": isinstance(error, NeedModel)}


async def prepare(name: str, query: str) -> None:
    """Have the model of the page, which is there, work out what an answer to the query needs.

    What is wrong with the question is remembered as an answer is: the tool says it when it is asked again.
    """
    from tools.live.page import model

    try:
        await prepare_for(load(name), json.loads(query), model())
    except KeyboardInterrupt:
        raise Stopped from None


async def prepare_for(tool: Tool, asked: Mapping[str, object] | str, model: LiveModel) -> None:
    """`prepare` for a tool and a model at hand."""
    if tool.ask_model is not None:
        await tool.ask_model(_parameters(tool, asked)[0], model)


def answer(name: str, query: str = "{}") -> str:
    """The tool's answer to a query, as JSON.

    `query` is JSON: an object of address keys to words (or lists of words), or an address's own text in
    quotes. The answer has `html`, `says` (the report's one sentence), `command`, `query` (what the address
    should say), `error` and `field` (what is wrong, and with which key; else null), `needs`: addresses of
    files to fetch and `put_file` before asking again, and `needs_model`: whether to `prepare` before that.
    """
    return json.dumps(answer_for(load(name), json.loads(query)))


def answer_for(tool: Tool, asked: Mapping[str, object] | str) -> dict[str, Any]:
    """`answer` for a tool at hand, in plain data."""
    reply: dict[str, Any] = {
        "html": "",
        "says": "",
        "command": "",
        "query": "",
        "error": None,
        "field": None,
        **needed(None),
    }
    try:
        parameters, unknown = _parameters(tool, asked)
        reply["query"] = urlencode(_named_files(tool, to_query(parameters)), doseq=True, errors="replace")
        reply["command"] = without_folder(to_command(tool, parameters))
        with asked_by_page():
            report = tool.report(parameters)
    except ToolError as error:
        field = error.parameter and error.parameter.replace("_", "-")
        return reply | {"error": _on_page(tool, str(error)), "field": field, **needed(error)}
    if unknown:
        said = f"This page's address also says {listing(unknown, 'and')}, which means nothing to this tool."
        report = dataclasses.replace(report, notes=[*report.notes, said])
    html = render_html(report) if tool.headings else render_blocks(report)
    return reply | {"html": without_folder(html), "says": without_folder(report.says)}


def _parameters(tool: Tool, asked: Mapping[str, object] | str) -> tuple[Any, list[str]]:
    """The checked parameters of a query, and its keys that mean nothing."""
    query = parse_qs(asked.lstrip("?"), keep_blank_values=True) if isinstance(asked, str) else asked
    return from_query(tool.parameters, _with_files(tool, query))


def _with_files(tool: Tool, query: Mapping[str, object]) -> dict[str, object]:
    """The query with the names of given files turned into where they lie."""
    found = dict(query)
    for parameter in page_parameters(tool.parameters):
        if parameter.kind != "file":
            continue
        asked = found.get(parameter.key)
        names = [str(one) for one in (asked if isinstance(asked, list) else [asked]) if one]
        if names:
            found[parameter.key] = [_given(parameter, name) for name in names]
        else:  # a form's empty field is one left out
            found.pop(parameter.key, None)
    return found


def _given(parameter: Parameter, name: str) -> str:
    path = given_file(name, parameter.key)
    if path is None:
        raise UsageError(f"{parameter.flag}: choose the file {name!r} again", parameter=parameter.name)
    return str(path)


def _named_files(tool: Tool, query: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
    files = {parameter.key for parameter in page_parameters(tool.parameters) if parameter.kind == "file"}
    return {key: _names(value) if key in files else value for key, value in query.items()}


def _names(value: str | list[str]) -> str | list[str]:
    return [without_folder(one) for one in value] if isinstance(value, list) else without_folder(value)


def _on_page(tool: Tool, message: str) -> str:
    """An error with labels for flags: a page has no `--depth`, it has a field "Depth"."""
    labels = {parameter.flag: parameter.label for parameter in parameters_of(tool.parameters)}
    shown = without_folder(message)
    return re.sub(r"--[a-z][a-z0-9-]*", lambda match: labels.get(match[0], match[0]), shown)
