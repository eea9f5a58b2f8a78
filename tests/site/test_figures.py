"""Every figure is well-formed, has a text alternative, names no colour and fits its drawing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import web.figures
from web.figures.svg import Plot, Svg

SVG = "{http://www.w3.org/2000/svg}"
CSS = Path(__file__).resolve().parents[2] / "site_docs" / "stylesheets" / "figures.css"


def figure_functions():
    """Every public function of the figure modules that needs no argument and is said to return text."""
    for module_info in pkgutil.iter_modules(web.figures.__path__):
        module = importlib.import_module(f"web.figures.{module_info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            signature = inspect.signature(function)
            if (
                not name.startswith("_")
                and function.__module__ == module.__name__
                and not signature.parameters
                and signature.return_annotation in ("str", str)
            ):
                yield pytest.param(function, id=f"{module_info.name}.{name}")


FIGURES = list(figure_functions())


def test_both_guides_have_figures():
    assert len(FIGURES) >= 12


@pytest.mark.parametrize("function", FIGURES)
def test_figure(function):
    text = function()
    figure = ElementTree.fromstring(text)
    assert figure.tag == "figure"
    assert "".join(figure.find("figcaption").itertext()).strip()
    svg = figure.find(f"{SVG}svg")
    assert svg.get("role") == "img"
    labels = svg.get("aria-labelledby").split()
    titles = {
        element.get("id"): element.text for element in (svg.find(f"{SVG}title"), svg.find(f"{SVG}desc"))
    }
    assert list(titles) == labels
    assert all(titles.values())
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(| (fill|stroke|style)=", text), (
        "a colour is written in"
    )
    assert "\n" not in text, "a line break inside raw HTML could end the Markdown block"


@pytest.mark.parametrize("function", FIGURES)
def test_figure_stays_inside_its_drawing(function):
    svg = ElementTree.fromstring(function()).find(f"{SVG}svg")
    _, _, width, height = map(float, svg.get("viewBox").split())
    for rect in svg.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width, ElementTree.tostring(rect)
        assert 0 <= y <= y + h <= height, ElementTree.tostring(rect)
    for label in svg.iter(f"{SVG}text"):
        x, y = float(label.get("x")), float(label.get("y"))
        # The average letter of a sans-serif face is half as wide as it is high, of a monospaced one 0.6.
        size = float(label.get("font-size")) * (0.6 if "fig-mono" in label.get("class") else 0.5)
        length = len(label.text) * size
        left = x - {"start": 0, "middle": length / 2, "end": length}[label.get("text-anchor")]
        assert 0 <= left + 1 <= left + length <= width + 1, ElementTree.tostring(label)
        assert 0 < y <= height, ElementTree.tostring(label)


def test_names_are_unique():
    names = [re.search(r'id="figure-([^"]+)"', function.values[0]())[1] for function in FIGURES]
    assert len(names) == len(set(names))


def test_every_class_has_a_colour_in_the_stylesheet():
    css = CSS.read_text(encoding="utf-8")
    used = set()
    for function in FIGURES:
        for classes in re.findall(r'class="([^"]+)"', function.values[0]()):
            used.update(classes.split())
    missing = {name for name in used if not re.search(rf"\.{name}\b", css)}
    assert not missing
    assert set(re.findall(r"var\((--fig-\w[\w-]*)\)", css)) <= set(re.findall(r"(--fig-\w[\w-]*):", css))


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_figure_colours_have_enough_contrast(scheme):
    """Every hue and the ink are readable (4.5:1) on the soft fill and on the page of their scheme."""
    block = re.search(
        rf'\[data-md-color-scheme="{scheme}"\] \{{(.*?)\}}', CSS.read_text(encoding="utf-8"), re.S
    )[1]
    colours = dict(re.findall(r"(--fig-[\w-]+): (#[0-9a-f]{6})", block))
    page = {"default": "#ffffff", "slate": "#1e2129"}[scheme]
    for tone in range(7):
        soft = colours[f"--fig-{tone}-soft"]
        for name in ("--fig-ink", "--fig-muted", *([f"--fig-{tone}"] if tone else [])):
            for background in (soft, page):
                assert contrast(colours[name], background) >= 4.5, (scheme, name, background)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2 between two colours `#rrggbb`.

    >>> round(contrast("#000000", "#ffffff"))
    21
    """

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_svg_refuses_what_a_reader_could_not_use():
    with pytest.raises(ValueError, match="title and a description"):
        Svg("x", 10, 10, title="", description="something")
    with pytest.raises(ValueError, match="lower-case"):
        Svg("Bad name", 10, 10, title="a", description="b")
    drawing = Svg("x", 10, 10, title="a <b>", description="c & d")
    with pytest.raises(ValueError, match="tone=9"):
        drawing.circle(1, 1, 1, tone=9)
    with pytest.raises(ValueError, match="anchor='left'"):
        drawing.text(1, 1, "a", anchor="left")
    drawing.text(1, 1, "<script>")
    assert "<script>" not in drawing.svg()
    assert ElementTree.fromstring(drawing.svg()).find(f"{SVG}title").text == "a <b>"


def test_plot_maps_the_corners():
    drawing = Svg("x", 100, 100, title="a", description="b")
    plot = Plot(drawing, x=(0, 10), y=(-1, 1), area=(10, 20, 50, 60))
    assert plot.at(0, 1) == (10, 20)
    assert plot.at(10, -1) == (60, 80)
