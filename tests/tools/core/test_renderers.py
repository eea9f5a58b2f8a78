from __future__ import annotations

import html as stdlib_html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core.demo_tool import TOOL
from tools.core import drawing
from tools.core.html import render_blocks, render_html
from tools.core.json_report import figures, render_json
from tools.core.report import (
    Bar,
    Bars,
    Cell,
    Code,
    Column,
    Heatmap,
    LineChart,
    Notes,
    Picture,
    Report,
    Row,
    Rows,
    Section,
    Series,
    Span,
    Table,
    Text,
    Tokens,
    format_value,
)
from tools.core.terminal import render_terminal
from tools.core.terminal_text import visible, width_of, wrap

GOLDEN = Path(__file__).parents[1] / "golden" / "model_calculator-nanochat-tiny.txt"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
VOID = {"br", "input"}  # SVG closes its own


class Outline(HTMLParser):
    """What a browser would make of the markup: tags, attributes, text; and whether it is well nested."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment got in: {data!r}")

    handle_decl = handle_pi = unknown_decl = handle_comment

    @property
    def text(self) -> str:
        return "".join(self.words)


def every_block(words: str, value: float = 1.5) -> Report:
    rows = [Row("a", words, value, words, formula=words), Row("", words), Row("b", words, 1, words, indent=1)]
    columns = [Column("c", words), Column("d", words)]
    lines = [Series(words, [(0, value), (1, 2)]), Series("two", [])]
    blocks = [
        Rows(rows, caption=words),
        Table("t", columns, [[words, Cell(value, words, words)]], caption=words),
        Bars("bars", [Bar(words, value, words, words)], caption=words),
        Tokens("tokens", [Span(words, value, 3, words), Span(words, marked=True)], caption=words),
        LineChart("lines", words, lines, words, words),
        Heatmap("heat", words, [words, "b"], [words], [[value], [None]], words, words),
        Picture("drawn", words, words, [drawing.words(1, 1, words)], 10, 10),
        Text(words, key="said"),
        Code("code", words, caption=words),
        Notes([words]),
    ]
    return Report(words, [Section(words, blocks, icon=words, key="k")], notes=[words], tool="demo")


def test_the_golden_report_is_printed_to_the_letter():
    golden = GOLDEN.read_text(encoding="utf-8")
    assert render_terminal(golden_report()) == golden


def golden_report() -> Report:
    def rows(*pairs, **settings):
        return Rows([Row(f"figure_{n}", label, n, text) for n, (label, text) in enumerate(pairs)], **settings)

    parameters = [
        Row("embedding", "Token embeddings", 12288000, "12,288,000 params"),
        Row("", "Per-layer breakdown"),
        Row("attention", "Attention", 589824, "589,824 params", indent=1),
        Row("mlp", "MLP", 1179648, "1,179,648 params", indent=1),
        Row("norm", "LayerNorm", 1536, "1,536 params", indent=1),
        Row("layer", "Total per layer", 1771008, "1,771,008 params", indent=1),
        Row("layers", "All 6 layers", 10626048, "10,626,048 params", shift=-2),
        Row("final_norm", "Final LayerNorm", 768, "768 params"),
        Row("head", "LM head", 12288000, "12,288,000 params"),
        Row("total", "Total parameters", 35202816, "35,202,816 params", emphasis=True),
        Row("millions", "", 35.202816, "35.20 M"),
    ]
    configuration = [
        Row("depth", "Layers (depth)", 6),
        Row("width", "Hidden dimension", 384),
        Row("vocabulary", "Vocabulary size", 32000),
        Row("heads", "Attention heads", 6),
    ]
    memory = rows(
        ("Model weights (fp32)", "0.13 GB"),
        ("Model weights (fp16)", "0.07 GB"),
        ("Training (fp32+opt)", "0.52 GB"),
        ("Inference (fp16)", "0.07 GB"),
        align="right",
        column=35,
    )
    training = rows(
        ("Training tokens", "10.0B tokens"),
        ("Batch size", "64 sequences"),
        ("Sequence length", "1024 tokens"),
        ("Tokens per batch", "65,536"),
        ("Total steps", "152,587"),
        ("Throughput", "100,000 tokens/sec"),
        ("Training time", "27.8 hours (1.2 days)"),
        ("Total FLOPs", "2112.2 PetaFLOPs"),
    )
    insights = [
        "Embeddings use ~34.9% of parameters",
        "Attention layers use ~10.1% of parameters",
        "MLP layers use ~20.1% of parameters",
        "Training needs ~4x more memory than inference",
        "Each parameter sees 284 tokens during training",
    ]
    return Report(
        "Model size & cost calculator",
        [
            Section("Model configuration", [Rows(configuration)], "📊"),
            Section("Parameter breakdown", [Rows(parameters, align="right", column=40)], "🔢"),
            Section("Memory requirements", [memory], "💾"),
            Section("Training estimates", [training], "⏱️"),
            Section("Learning insights", [Notes(insights)], "💡"),
        ],
    )


def test_the_three_renderers_agree_on_every_figure():
    report = TOOL.ask(depth=12)
    raw = json.loads(render_json(report))["sections"]
    assert raw["figures"] == {
        "optimizer": "muon",
        "depth": 12,
        "half": 6.0,
        "tokens": 10**10,
        "tokens_short": 10.0,
        "config_bytes": 0,
        "not_known": None,
    }
    shown = []
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, Rows):
                shown += [row.shown for row in block.rows if not row.is_heading]
            elif isinstance(block, Table):
                shown += [cell.shown for row in block.cells() for cell in row]
            elif isinstance(block, Bars):
                shown += [bar.shown for bar in block.bars]
    assert len(shown) == 13
    text, page = render_terminal(report), Outline(render_html(report)).text
    for words in shown:
        assert words in text
        assert words in page
    for row in raw["parts"]["parts"]:
        assert format_value(row["size"]) in text


def test_json_has_stable_keys_and_raw_values():
    whole = json.loads(render_json(TOOL.ask()))
    assert list(whole) == ["tool", "parameters", "ok", "sections", "notes"]
    assert whole["tool"] == "demo-tool"
    assert whole["parameters"]["total_tokens"] == 10**10
    sections = whole["sections"]
    assert list(sections) == ["figures", "parts", "pictures", "words"]
    assert sections["parts"]["parts"] == [
        {"name": "embedding", "size": 12288000},
        {"name": "head", "size": 768},
    ]
    assert sections["parts"]["shares"] == {"attention": 0.25, "MLP": 0.75}
    assert sections["pictures"]["loss"] == {"train": [[0, 5.5], [100, 3.25]]}
    assert sections["words"] == {"said": "hello", "command": "torchrun x", "notes": ["one", "two"]}


@given(ANY_TEXT, st.floats())
def test_json_is_valid_whatever_the_figures_are(words, value):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    text = render_json(every_block(words, value))
    assert text.isascii()
    assert json.loads(text, parse_constant=refuse)["tool"] == "demo"


@given(
    ANY_TEXT
    | st.sampled_from(["<script>", "</textarea>", "\"'><b>", "--><!--", "]]>", "&amp;", "<svg onload=x>"])
)
def test_no_text_becomes_markup(words):
    plain = Outline(render_html(every_block("x")))
    tried = Outline(render_html(every_block(words)))
    if words.strip() and "\n" not in words:  # these have no paragraph, or more of them
        assert tried.tags == plain.tags
    allowed = {tag for tag, _ in plain.tags} | {"td"}
    assert {tag for tag, _ in tried.tags} <= allowed


@given(ANY_TEXT, st.floats())
def test_html_is_well_nested_and_shows_the_text(words, value):
    page = Outline(render_html(every_block(words, value)))
    shown = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", words)
    assert stdlib_html.unescape(shown) != shown or shown.replace("\r", "\n") in page.text.replace("\r", "\n")


def test_html_is_accessible_where_a_parser_can_tell():
    report = every_block("Same name")
    page = Outline(render_html(report))
    regions = [found["aria-label"] for _, found in page.attributes if found.get("role") == "region"]
    assert len(regions) == len(set(regions)) >= 4
    for tag, found in page.attributes:
        if tag == "th":
            assert found["scope"] in ("row", "col", "rowgroup")
        if tag == "svg":
            assert found.get("role") == "img" or found["aria-hidden"] == "true"
        if found.get("role") == "region":
            assert found["tabindex"] == "0"
        assert "style" not in found
        assert "id" not in found
    tags = [tag for tag, _ in page.tags]
    assert tags.count("caption") == tags.count("table")
    assert "title" in tags


@given(every=st.builds(every_block, ANY_TEXT, st.floats()), width=st.integers(1, 200), color=st.booleans())
def test_no_text_steers_the_terminal(every, width, color):
    drawn = render_terminal(every, width=width, color=color, explain=True)
    without = re.sub(r"\x1b\[[0-9;]*m", "", drawn)
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", without) is None
    assert ("\x1b" in drawn) is color
    drawn.encode()


def test_colours_add_nothing_to_the_words():
    report = golden_report()
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_terminal(report, color=True)) == render_terminal(report)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lines_keep_to_the_width(width):
    words = "many words that have to be broken over some lines to fit"
    report = Report(
        "Wide",
        [
            Section(
                "All",
                [
                    Rows([Row("a", "A label", None, words)]),
                    Table(
                        "t", [Column("a", "One"), Column("b", "Two"), Column("c", "日本語")], [[words] * 3]
                    ),
                    Bars("b", [Bar(words, 1.0), Bar("b", 0.001)]),
                    Tokens("k", [Span(word + " ", 1, 1) for word in words.split()]),
                    LineChart("c", words, [Series("s", [(x, x * x) for x in range(100)])], "x", "y"),
                    Text(words),
                    Notes([words]),
                ],
            )
        ],
    )
    for encoding in ("utf-8", "ascii"):
        lines = render_terminal(report, width=width, encoding=encoding, explain=True).splitlines()
        assert max(width_of(line.replace("\\u", "x")) for line in lines if "\\u" not in line) <= width
        assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "no-such-encoding"])
def test_where_the_encoding_is_poor_plain_letters_stand_in(encoding):
    drawn = render_terminal(TOOL.ask(text="日本"), encoding=encoding)
    drawn.encode("ascii" if encoding == "no-such-encoding" else encoding)
    assert "FIGURES\n-----" in drawn
    assert "\\u65e5\\u672c" in drawn
    assert "  * one\n" in drawn


def test_explaining_shows_each_formula_once_under_its_figure():
    assert "6 / 2" not in render_terminal(TOOL.ask())
    lines = render_terminal(TOOL.ask(), explain=True).splitlines()
    at = lines.index("      = 6 / 2")
    assert lines[at - 1].strip().startswith("- Half:")
    assert "      = 2 × 384" in lines


def test_keys_must_differ():
    with pytest.raises(ValueError, match="two figures named a"):
        Section("S", [Rows([Row("a", "A", 1)]), Code("a", "x")])
    with pytest.raises(ValueError, match="two sections named s"):
        Report("R", [Section("S", []), Section("s", [])])
    with pytest.raises(ValueError, match="a row has 1 cells, not 2"):
        Table("t", [Column("a", "A"), Column("b", "B")], [[1]])


def test_empty_blocks_draw_something_or_nothing_but_do_not_fail():
    empty = [Rows([]), Table("t", [], []), Table("u", [Column("a", "A")], []), Bars("b", []), Tokens("k", []),
             LineChart("c", "C", []), Text(""), Code("d", ""), Notes([])]  # fmt: skip
    report = Report("Empty", [Section("All", empty), Section("None", [])])
    assert "(no points to draw)" in render_terminal(report)
    Outline(render_html(report))
    assert figures(report)["all"]["t"] == []


@given(ANY_TEXT, st.integers(1, 40))
def test_wrapping_loses_nothing_and_keeps_to_the_width(words, width):
    lines = wrap(visible(words), width)
    assert "".join(lines).replace(" ", "") == visible(words).replace(" ", "")
    assert all(width_of(line) <= max(width, 2) for line in lines)


def test_long_values_go_on_below_their_own_beginning():
    report = Report("R", [Section("S", [Rows([Row("a", "Label", None, "word " * 20)])])])
    lines = render_terminal(report, width=60).splitlines()
    assert lines[6].startswith("  Label:                 word word")
    assert lines[7].startswith(" " * 25 + "word")


def test_a_heatmap_says_its_values_in_every_form():
    block = Heatmap(
        "h", "Who sees whom", ["a", "b"], ["x", "y"], [[0.5, None], [0.25, 1.0]], "sees", "is seen"
    )
    report = Report("R", [Section("S", [block])])
    assert figures(report)["s"]["h"] == {
        "rows": ["a", "b"],
        "columns": ["x", "y"],
        "values": [[0.5, None], [0.25, 1.0]],
    }
    text = render_terminal(report)
    assert "  a    ▒ 0.50" in text
    assert "  b    ░ 0.25 █ 1.00" in text
    page = Outline(render_html(report))
    assert "a, x: 0.50" in page.text
    assert [tag for tag, _ in page.attributes].count("rect") == 4
    shades = [attributes.get("fill-opacity") for tag, attributes in page.attributes if tag == "rect"]
    assert shades == ["0.50", None, "0.25", "1.00"]
    assert page.text.count("0.25") == 3  # in the cell, when pointed at, in the table
    with pytest.raises(ValueError, match="2 rows of 2"):
        Heatmap("h", "H", ["a", "b"], ["x", "y"], [[1.0, 2.0]])


def test_a_heatmap_too_wide_for_a_terminal_keeps_its_shades():
    many = [str(at) for at in range(16)]
    block = Heatmap("h", "H", many, many, [[float(row == at) for at in range(16)] for row in range(16)])
    lines = render_terminal(Report("R", [Section("S", [block])]), width=60).splitlines()
    assert sum("██" in line for line in lines) == 16
    assert max(map(width_of, lines)) <= 60


def test_what_is_marked_differs_by_more_than_colour():
    report = Report("R", [Section("S", [Tokens("t", [Span("a"), Span("b", marked=True)])])])
    assert "a│[b]" in render_terminal(report)
    assert '<mark class="report-token">b</mark>' in render_html(report)


def test_a_bar_shows_what_it_was():
    report = Report("R", [Section("S", [Bars("b", [Bar("x", 1, before=4), Bar("y", 2, before=0)])])])
    assert figures(report)["s"] == {"b": {"x": 1, "y": 2}, "b_before": {"x": 4, "y": 0}}
    widths = re.findall(r'<rect (?:class="report-before" )?width="([\d.]+)"', render_html(report))
    assert widths == ["100.00", "25.00", "0.00", "50.00"]
    assert render_html(report).count("report-before") == 2


def test_the_answer_in_one_sentence_is_in_every_form():
    report = Report("R", [Section("S", [Text("t")])], says="It is so.")
    assert "It is so." in render_terminal(report)
    assert '<p class="report-text">It is so.</p>' in render_html(report)
    assert json.loads(render_json(report))["says"] == "It is so."
    assert "It is so." not in render_blocks(report)  # a figure says it beside its picture
