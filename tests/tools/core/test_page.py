from __future__ import annotations

import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core.demo_tool import TOOL, Demo
from tests.tools.core.test_parameters import demos
from tools.core import given as given_files
from tools.core.errors import UsageError
from tools.core.html import render_html
from tools.core.page import answer as page_answer
from tools.core.page import answer_for, form_schema, put_file
from tools.core.parameters import from_query, to_query
from web.tool_page import render_tool


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(given_files, "files_folder", lambda: tmp_path)
    monkeypatch.setattr(given_files, "GIVEN", {})
    monkeypatch.setattr(given_files, "MOUNTED", {})


def test_an_answer_is_the_report_the_command_and_the_address():
    reply = answer_for(TOOL, {"depth": "12", "text": "a b", "total-tokens": "10000000000"})
    assert reply["html"] == render_html(TOOL.ask(depth=12, text="a b"))
    assert reply["command"] == "python tools/demo_tool.py --depth 12 --text 'a b'"
    assert reply["query"] == "depth=12&text=a+b"
    assert (reply["error"], reply["field"], reply["needs"]) == (None, None, [])


def test_an_address_may_be_given_as_it_stands():
    assert answer_for(TOOL, "?depth=12&show=rate&show=norm")["query"] == "depth=12&show=rate&show=norm"


@pytest.mark.parametrize(
    ("query", "field", "error"),
    [
        ({"depth": "0"}, "depth", "Depth must be at least 1, not 0"),
        ({"total-tokens": "x"}, "total-tokens", "Total tokens must be a whole number, not 'x'"),
        ({"depth": "7"}, "depth", "Depth 7 is odd; use 6 or 8"),
        ({"text": "bad"}, None, "demo.jsonl:3: the record has no messages"),
        ({"config": "gone.json"}, "config", "Config: choose the file 'gone.json' again"),
    ],
)
def test_an_error_names_the_field_as_the_page_labels_it(query, field, error):
    reply = answer_for(TOOL, query)
    assert (reply["field"], reply["error"], reply["html"]) == (field, error, "")


def test_what_an_address_says_in_vain_is_mentioned():
    reply = answer_for(TOOL, {"utm": "<b>", "depth": "3"})
    assert "also says utm, which means nothing to this tool." in reply["html"]
    assert reply["query"] == "depth=3"


def test_files_that_are_missing_are_asked_for():
    reply = answer_for(TOOL, {"text": "needs"})
    assert reply["needs"] == ["assets/ranks/gpt2.tiktoken"]


def test_a_given_file_is_read_and_named_without_its_folder(tmp_path):
    where = put_file("config.json", b"12345")
    assert where.startswith(str(tmp_path))
    reply = answer_for(TOOL, {"config": "config.json"})
    assert '<span class="report-value">5</span>' in reply["html"]
    assert reply["command"] == "python tools/demo_tool.py --config config.json"
    assert reply["query"] == "config=config.json"
    assert str(tmp_path) not in json.dumps(reply)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b", "..\\b"])
def test_names_cannot_leave_the_folder(tmp_path, name):
    assert answer_for(TOOL, {"config": name})["field"] == "config"  # nobody gave it, though it may exist
    assert Path(put_file(name, b"12345")).resolve().is_relative_to(tmp_path.resolve())
    assert '<span class="report-value">5</span>' in answer_for(TOOL, {"config": name})["html"]


def test_a_file_without_a_name_is_refused():
    with pytest.raises(UsageError, match="a file needs a name"):
        put_file("../..", b"x")


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
KEYS = [field["key"] for group in form_schema(TOOL)["groups"] for field in group["fields"]]


@given(st.dictionaries(st.sampled_from([*KEYS, "zz"]), ANYTHING | st.lists(ANYTHING, max_size=3)))
def test_whatever_a_page_asks_the_answer_is_json(query):
    try:
        reply = answer_for(TOOL, query)
    except KeyboardInterrupt:
        pytest.fail("a text of the demo")
    text = json.dumps(reply, allow_nan=False)
    assert bool(reply["error"]) != bool(reply["html"])
    assert json.loads(text) == reply or "\\ud" in text


SPECIAL = ("bad", "needs", "interrupt", "unreadable")


class Fields(HTMLParser):
    """What a form says when nobody has touched it, as a browser would send it."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.said: dict[str, list[str]] = {}
        self.labels: set[str | None] = set()
        self.ids: list[str] = []
        self.named: list[tuple[str, dict[str, str | None]]] = []
        self.select = self.textarea = ""
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "label":
            self.labels.add(found.get("for"))
        if tag in ("input", "select", "textarea"):
            self.named.append((tag, found))
        if tag == "input" and found["type"] == "checkbox":
            if "checked" in found:
                self.said.setdefault(found["name"], []).append(found["value"])
        elif tag == "input" and found["type"] != "file":
            self.said[found["name"]] = [found["value"]]
        elif tag == "select":
            self.select = found["name"]
        elif tag == "textarea":
            self.textarea = found["name"]
            self.said[self.textarea] = [""]
        elif tag == "option" and "selected" in found:
            self.said[self.select] = [found["value"]]

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.said[self.textarea] = [self.said[self.textarea][0].removeprefix("\n")]
            self.textarea = ""

    def handle_data(self, data):
        if self.textarea:
            self.said[self.textarea][0] += data


# A browser reads a carriage return as a line end, and HTML cannot say control characters at all.
sayable = demos.filter(lambda demo: demo.text.isprintable() and demo.depth != 7 and demo.text not in SPECIAL)


@given(sayable)
def test_an_untouched_form_asks_what_its_page_answers(demo):
    demo = dataclasses.replace(demo, lines=())
    query = to_query(demo)
    said = Fields(render_tool(TOOL, query)).said
    # HTML says nothing of unticked boxes; the page's script does. Nothing was chosen as a file.
    asked = {"fast": ["false"], "careful": ["false"]} | said | {"lines": None, "config": ""}
    expected = from_query(Demo, {**TOOL.page, **query})[0]
    found, unknown = from_query(Demo, asked)
    assert unknown == []
    assert dataclasses.replace(found, show=expected.show) == expected
    assert set(found.show) == set(expected.show)


def test_line_breaks_of_a_text_survive_its_form():
    words = "\n\none\n\ntwo\n"
    assert Fields(render_tool(TOOL, {"text": words})).said["text"] == [words]


def test_a_page_is_labelled_escaped_and_quiet_without_its_script():
    markup = render_tool(TOOL, {"text": "</textarea><script>"})
    fields = Fields(markup)
    assert "<script" not in markup
    assert len(fields.ids) == len(set(fields.ids))
    for tag, found in fields.named:
        if "id" in found:
            assert found["id"] in fields.labels
            assert found["aria-describedby"] in fields.ids
        else:
            assert (tag, found["type"]) == ("input", "checkbox")
    for piece in (
        '<div class="tool" data-tool="demo-tool"',
        '<form class="tool-form"',
        '<fieldset class="tool-controls" disabled>',
        "<noscript>",
        '<div class="tool-report"><article class="report">',
        'class="tool-copy-command md-button"',
        "<legend>Money</legend>",
        "python tools/demo_tool.py --depth 4 --text",
    ):
        assert piece in markup


def test_a_page_with_a_wrong_question_is_not_built():
    with pytest.raises(ValueError, match=r"the page of demo-tool asks .* Depth must be at least 1, not 0"):
        render_tool(TOOL, {"depth": "0"})


def test_the_schema_of_a_form_says_all_a_form_needs():
    schema = form_schema(TOOL)
    json.dumps(schema, allow_nan=False)
    assert [group["label"] for group in schema["groups"]] == ["Model", "Money", "Options"]
    depth = schema["groups"][0]["fields"][0]
    assert depth["key"] == "depth"
    assert (depth["low"], depth["high"], depth["default"], depth["unit"]) == (1, 1000, "6", "layers")


@pytest.mark.parametrize("tool", ["checkpoint-browser", "training-resume-helper"])
def test_a_page_that_was_given_nothing_does_not_look_at_home(tool):
    reply = json.loads(page_answer(tool, '{"example": ""}'))
    assert reply["field"] == "files"
    assert "or choose an Example" in reply["error"]
