"""A tool on a page: what the browser's worker calls. Text in, JSON out.

form("model-calculator")                          -> the fields of its form
answer("model-calculator", '{"preset": "…"}')     -> the report, or what is wrong with the question
put_file("assets/ranks/gpt2.tiktoken", data)      -> a file the answer needs, or one that was dropped
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from tools.core.arguments import to_command
from tools.core.errors import NeedFiles, ToolError, UsageError
from tools.core.html import render_blocks, render_html
from tools.core.parameters import Parameter, from_query, parameters_of, to_query
from tools.core.parsing import write
from tools.core.tool import Tool
from tools.core.words import listing
from tools.registry import load

GIVEN: dict[str, Path] = {}
"""Files given to this page, by the names they were given under."""


@lru_cache(maxsize=1)
def files_folder() -> Path:
    """Where given files lie (in the browser a folder in memory)."""
    import tempfile

    return Path(tempfile.mkdtemp(prefix="nanochat-page-"))


def put_file(name: str, data: object) -> str:
    """Keep a file under a name and say where it lies. `data` is bytes, or anything that `bytes()` takes."""
    # A name from a page must not lead out of the folder.
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
    if not parts:
        raise UsageError(f"a file needs a name, not {name!r}")
    path = files_folder().joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(data))  # type: ignore[call-overload]
    GIVEN[name] = path
    return str(path)


def given_file(name: str) -> Path | None:
    """Where the file lies that was put under this name, or None."""
    return GIVEN.get(name)


def without_folder(text: str) -> str:
    """The text with names of given files as the reader knows them."""
    return text.replace(f"{files_folder()}/", "") if GIVEN else text


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
    }


def form_schema(tool: Tool) -> dict[str, Any]:
    """The tool's form: its groups, each with its fields."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for parameter in parameters_of(tool.parameters):
        groups.setdefault(parameter.group, []).append(field_schema(parameter))
    listed = [{"label": label, "fields": fields} for label, fields in groups.items()]
    return {"name": tool.name, "title": tool.title, "summary": tool.summary, "groups": listed}


def form(name: str) -> str:
    """The form of the tool with this name, as JSON."""
    return json.dumps(form_schema(load(name)))


def answer(name: str, query: str = "{}") -> str:
    """The tool's answer to a query, as JSON.

    `query` is JSON: an object of address keys to words (or lists of words), or an address's own text in
    quotes. The answer has `html`, `says` (the report's one sentence), `command`, `query` (what the address
    should say), `error` and `field` (what is wrong, and with which key; else null), and `needs`: addresses of
    files to fetch and `put_file` before asking again.
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
        "needs": [],
    }
    query = parse_qs(asked.lstrip("?"), keep_blank_values=True) if isinstance(asked, str) else asked
    try:
        parameters: Any
        parameters, unknown = from_query(tool.parameters, _with_files(tool, query))
        reply["query"] = urlencode(_named_files(tool, to_query(parameters)), doseq=True, errors="replace")
        reply["command"] = without_folder(to_command(tool, parameters))
        report = tool.report(parameters)
    except NeedFiles as need:
        return reply | {"needs": list(need.names), "error": _on_page(tool, str(need))}
    except ToolError as error:
        field = error.parameter and error.parameter.replace("_", "-")
        return reply | {"error": _on_page(tool, str(error)), "field": field}
    if unknown:
        said = f"This page's address also says {listing(unknown, 'and')}, which means nothing to this tool."
        report = dataclasses.replace(report, notes=[*report.notes, said])
    return reply | {
        "html": render_html(report) if tool.headings else render_blocks(report),
        "says": report.says,
    }


def _with_files(tool: Tool, query: Mapping[str, object]) -> dict[str, object]:
    """The query with the names of given files turned into where they lie."""
    found = dict(query)
    for parameter in parameters_of(tool.parameters):
        asked = found.get(parameter.key)
        if isinstance(asked, list) and len(asked) == 1:
            asked = asked[0]
        if parameter.kind == "file" and asked:
            path = given_file(str(asked))
            if path is None:
                raise UsageError(
                    f"{parameter.flag}: choose the file {asked!r} again", parameter=parameter.name
                )
            found[parameter.key] = str(path)
    return found


def _named_files(tool: Tool, query: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
    files = {parameter.key for parameter in parameters_of(tool.parameters) if parameter.kind == "file"}
    return {key: Path(str(value)).name if key in files else value for key, value in query.items()}


def _on_page(tool: Tool, message: str) -> str:
    """An error with labels for flags: a page has no `--depth`, it has a field "Depth"."""
    labels = {parameter.flag: parameter.label for parameter in parameters_of(tool.parameters)}
    shown = without_folder(message)
    return re.sub(r"--[a-z][a-z0-9-]*", lambda match: labels.get(match[0], match[0]), shown)
