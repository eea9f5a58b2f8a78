"""A quiz: questions with options, one or more of them right, and the reason why.

Without JavaScript the reader sees the options and opens the answer; with it, choosing an option grades it.

    - question: How many bytes does `é` take in UTF-8?
      options:
        - One.
        - right: Two.
      why: UTF-8 gives one byte to ASCII only; `é` is U+00E9, which takes two.
"""

from __future__ import annotations

import html
from typing import Any

from markdown import Markdown


def render_quiz(questions: Any, name: str) -> str:
    """The HTML of a quiz; `name` keeps its radio buttons apart from those of other quizzes on the page.

    >>> "<legend>Is 1 odd?</legend>" in render_quiz(
    ...     [{"question": "Is 1 odd?", "options": ["No", {"right": "Yes"}], "why": "1 = 2·0 + 1."}], "q"
    ... )
    True
    """
    if not isinstance(questions, list) or not questions:
        raise ValueError("a quiz is a list of questions")
    inline = _inline_markdown()
    return (
        '<div class="quiz-list">'
        + "".join(
            _question(question, f"{name}-{number}", inline)
            for number, question in enumerate(questions, start=1)
        )
        + "</div>"
    )


def _question(question: dict[str, Any], name: str, inline: Any) -> str:
    missing = {"question", "options", "why"} - set(question)
    if missing:
        raise ValueError(f"question {name} lacks {', '.join(sorted(missing))}")
    options = [
        (option["right"], True) if isinstance(option, dict) else (str(option), False)
        for option in question["options"]
    ]
    right = [text for text, is_right in options if is_right]
    if len(right) != 1 or len(options) < 2:
        raise ValueError(f"question {name} needs two options or more, exactly one of them marked `right:`")
    labels = "".join(
        f'<label><input type="radio" name="{html.escape(name)}"{" data-right" if is_right else ""}>'
        f"<span>{inline(text)}</span></label>"
        for text, is_right in options
    )
    return (
        f'<fieldset class="quiz"><legend>{inline(question["question"])}</legend>{labels}'
        f'<p class="quiz-verdict" role="status"></p>'
        f'<details class="quiz-why"><summary>Answer</summary><p><strong>{inline(right[0])}</strong></p>'
        f"<p>{inline(question['why'])}</p></details></fieldset>"
    )


def _inline_markdown() -> Any:
    """A function from Markdown text to inline HTML, with maths and code as in the pages."""
    md = Markdown(
        extensions=["pymdownx.arithmatex", "pymdownx.betterem"],
        extension_configs={"pymdownx.arithmatex": {"generic": True}},
    )

    def convert(text: object) -> str:
        converted: str = md.reset().convert(str(text))
        return converted.removeprefix("<p>").removesuffix("</p>")

    return convert
