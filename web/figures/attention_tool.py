"""Pictures for the chapter that builds the attention visualizer, drawn by the tool itself."""

from __future__ import annotations

from tools.attention.head_sections import maps_picture
from tools.attention.question import Question
from tools.attention_visualizer import view_of
from tools.core.drawing import picture


def four_heads() -> str:
    """The maps of the small model that learned to repeat letters."""
    drawn = maps_picture(view_of(Question(example="induction", by="induction")))
    return (
        f'<figure class="report report-chart">{picture(drawn)}<figcaption>{drawn.title}</figcaption></figure>'
    )
