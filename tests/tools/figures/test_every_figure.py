"""What holds for every interactive figure: whole in all three renderers, its form and its fence."""

from __future__ import annotations

import json
import re

import pytest

from tools import registry
from tools.core.html import render_blocks
from tools.core.json_report import figures, render_json
from tools.core.page import answer
from tools.core.parameters import parameters_of
from tools.core.report import Report
from tools.core.terminal import render_terminal
from web import explore
from web.model_runner import at_once, page_model

EACH = pytest.mark.parametrize("name", registry.FIGURES)


def first_report(name: str) -> Report:
    """What a figure says to its first question; where it asks the model, that is there."""
    figure = registry.load_figure(name)
    if figure.ask_model:
        at_once(figure.ask_model(figure.parameters(), page_model()))  # type: ignore[arg-type]
    return figure.ask()


@EACH
def test_a_figure_answers_in_all_three_forms(name):
    figure = registry.load_figure(name)
    report = first_report(name)
    assert figure.name == registry.FOLDER + name
    assert report.says.endswith(".")
    assert figures(report)
    assert json.loads(render_json(report))["says"] == report.says
    for width in (60, 80):
        assert all(len(line) <= width for line in render_terminal(report, width).splitlines())
    assert " ".join(report.says.split()) in " ".join(render_terminal(report).split())


@EACH
def test_a_figure_has_no_headings_no_landmarks_and_no_colours_of_its_own(name):
    page = render_blocks(first_report(name))
    assert not re.search(r"<h[1-6]|role=\"region\"|\bid=|style=", page)
    colors = re.sub(r"var\(--chart-\d, #[0-9a-f]{6}\)", "", page)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", colors)


@EACH
def test_every_parameter_has_a_control_and_numbers_of_small_range_are_sliders(name):
    markup = explore.render(name)
    for parameter in parameters_of(registry.load_figure(name).parameters):
        assert f'name="{parameter.key}"' in markup
        if parameter.kind == "integer" and parameter.high is not None and parameter.high <= 100:
            assert re.search(rf'type="range"[^>]*name="{parameter.key}"', markup), parameter.key


@EACH
def test_a_figure_is_light(name):
    """A page holds several, and each picture stands in its HTML."""
    assert len(explore.render(name).encode()) < 40_000


def test_figures_are_no_tools():
    assert not set(registry.FIGURES) & set(registry.NAMES)
    assert json.loads(answer("figures/kv-cache"))["says"]


def test_two_of_a_kind_have_ids_of_their_own():
    one, two = (explore.render("sampling", number=number) for number in (1, 2))
    ids = [set(re.findall(r'\bid="([^"]*)"', markup)) for markup in (one, two)]
    assert not ids[0] & ids[1]
    assert 'aria-label="Sampling: controls"' in one
    assert 'aria-label="Sampling (2): controls"' in two


def test_a_figure_may_start_elsewhere_and_refuses_what_it_cannot_show():
    assert 'value="1.5"' in explore.render("sampling", {"temperature": "1.5"})
    with pytest.raises(ValueError, match="refuses: Temperature must be at most 3, not 7"):
        explore.render("sampling", {"temperature": "7"})
