"""What a model writes, on the chat page: Markdown, cards for calls, and harm that it may try to do."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.serve.conftest import CODE, RESULT
from tests.serve.pages import WITHIN_MS, answered, ask
from tests.serve.running_server import Running


@pytest.fixture(scope="module")
def answer(browser: Browser, rich: Running) -> Iterator[Page]:
    """A page with the rich answer on it, for tests that only look."""
    page = browser.new_page()
    page.set_default_timeout(WITHIN_MS)
    page.goto(rich.url)
    ask(page, "Tell me of whales.")
    answered(page)
    yield page
    page.close()


def test_markdown_becomes_elements(answer):
    prose = answer.locator(".answer .prose").last
    assert prose.locator("strong").first.inner_text() == "not"
    assert prose.locator("em").first.inner_text() == "Linnaeus"
    assert prose.locator("h3").inner_text() == "What to remember"
    assert prose.locator("ol > li").count() == 2
    assert prose.locator("ol > li > ul > li").all_inner_texts() == ["in summer", "and in winter"]
    assert prose.locator("ol code").inner_text() == "air"
    assert prose.locator("th").all_inner_texts() == ["Length", "Weight"]
    assert prose.locator("td").all_inner_texts() == ["30 m", "150 t"]
    assert prose.locator("blockquote").inner_text() == "Call me Ishmael."
    assert prose.locator("pre code").inner_text() == 'print("<b>no HTML</b>")'
    assert prose.locator("figcaption span").inner_text() == "python"
    assert "That is *all." in prose.inner_text()


def test_nothing_that_the_model_writes_is_more_than_text(answer):
    """Every attempt is there to be read, and none has become an element or has run."""
    assert answer.evaluate("window.hurt") is None
    prose = answer.locator(".answer .prose")
    assert (
        prose.locator(
            "img, script, svg, iframe, style, object, embed, form, [onerror], [onmouseover]"
        ).count()
        == 0
    )
    text = "\n".join(prose.all_inner_texts())
    for attempt in (
        "<img src=x onerror=",
        "<script>window.hurt = 2</script>",
        "javascript:window.hurt=3",
        "data:text/html",
    ):
        assert attempt in text
    for link in prose.locator("a").all():
        assert link.evaluate("one => one.protocol") == "https:"
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
        assert link.get_attribute("target") == "_blank"
        assert link.evaluate("one => one.getAttributeNames().sort().join()") == "href,rel,target"
    assert prose.locator("a").first.get_attribute("href") == "https://www.gutenberg.org/ebooks/2701"


def test_a_call_of_a_tool_is_a_card(answer):
    card = answer.locator(".tool")
    assert card.get_attribute("aria-label") == "Calculator"
    assert card.locator(".tool__call").inner_text() == CODE
    assert card.locator(".tool__result pre").inner_text() == RESULT
    assert "tokens ·" in answer.locator(".figures").inner_text()


def test_the_end_of_an_answer_is_said_aloud(answer):
    status = answer.locator("#status")
    assert status.get_attribute("aria-live") == "polite"
    assert status.inner_text().startswith("nanochat answered: Let me see.")


def markdown(page: Page, text: str) -> str:
    """The HTML that a text becomes."""
    return str(
        page.evaluate(
            """async (text) => {
              const { render } = await import("/page/markdown.js");
              const into = document.createElement("div");
              render(into, text);
              return into.innerHTML.replaceAll(' target="_blank" rel="noopener noreferrer nofollow"', "");
            }""",
            text,
        )
    )


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a\nb\n\nc", "<p>a<br>b</p><p>c</p>"),
        ("***both*** **a *b* c** _x_ snake_case_name",
         "<p><strong><em>both</em></strong> <strong>a <em>b</em> c</strong> <em>x</em> snake_case_name</p>"),
        ("2 * 3 * 4 and 2*3*4", "<p>2 * 3 * 4 and 2<em>3</em>4</p>"),
        (r"\*not\* \\ \a", r"<p>*not* \ \a</p>"),
        ("``a `b` c`` `` ` ``", "<p><code>a `b` c</code> <code>`</code></p>"),
        ("`open", "<p>`open</p>"),
        ("# One\n###### Six ##\n#no", '<h3 class="level-1">One</h3><h3 class="level-6">Six</h3><p>#no</p>'),
        ("- a\n- b\n\n- c\n\nd", "<ul><li>a</li><li>b</li><li>c</li></ul><p>d</p>"),
        ("3. c\n4. d", '<ol start="3"><li>c</li><li>d</li></ol>'),
        ("- a\n  more\n\n  p\n- b", "<ul><li>a<br>more<p>p</p></li><li>b</li></ul>"),
        ("1. a\n   - b\n     - c", '<ol start="1"><li>a<ul><li>b<ul><li>c</li></ul></li></ul></li></ol>'),
        ("> a\n> > b\n\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"),
        ("a\n---\nb", "<p>a</p><hr><p>b</p>"),
        ("see http://x.org/a_(b), ok",
         '<p>see <a href="http://x.org/a_(b">http://x.org/a_(b</a>), ok</p>'),
        ("<https://x.org>", '<p>&lt;<a href="https://x.org/">https://x.org</a>&gt;</p>'),
        ("[a **b**](https://x.org 'title')", '<p><a href="https://x.org/">a <strong>b</strong></a></p>'),
        ("[a](//x.org) [b](x.html) [c](ftp://x) [d](https://)", "<p>[a](//x.org) [b](x.html) [c](ftp://x) [d](https://)</p>"),
        ("[x](java\nscript:alert(1))", "<p>[x](java<br>script:alert(1))</p>"),
        ("[a [b](https://x.org) c](https://y.org)", '<p>[a <a href="https://x.org/">b</a> c](<a href="https://y.org/">https://y.org</a>)</p>'),
        ("&lt;b&gt; &amp; <b>", "<p>&amp;lt;b&amp;gt; &amp;amp; &lt;b&gt;</p>"),
        ("", ""),
    ],
)  # fmt: skip
def test_markdown(answer, text, html):
    assert markdown(answer, text) == html


def test_markdown_of_any_depth_and_length_is_quick(answer):
    """A model that repeats itself must not stop the page; each of these took some patterns for ever."""
    hard = [
        "*" * 50_000, "**a " * 20_000, "_a" * 30_000, "[" * 50_000, "[a](" * 15_000, "`" * 50_000,
        "` `` " * 10_000,
        "> " * 20_000, "- " * 20_000, "#" + " " * 50_000 + "x", "|" + " " * 50_000 + "x\n|-|",
        "~" * 50_000 + "`",
        "http://a" + "." * 50_000 + "b", "- - " * 20_000 + "x", "a|b\n" + "|-" * 20_000 + "x", "x" * 200_000,
        "\n".join(" " * (number % 90) + "- a" for number in range(2_000)),
    ]  # fmt: skip
    began = time.monotonic()
    for text in hard:
        markdown(answer, text)
    assert time.monotonic() - began < 60


def test_what_has_not_changed_keeps_its_elements(answer):
    """Or a selection, and the focus on a button, would be lost with every token."""
    kept = answer.evaluate(
        """async () => {
          const { render } = await import("/page/markdown.js");
          const into = document.createElement("div");
          render(into, "one\\n\\n```\\ncode\\n```\\n\\nthr");
          const before = [...into.children];
          render(into, "one\\n\\n```\\ncode\\n```\\n\\nthree");
          return [...into.children].map((child, number) => child === before[number]);
        }"""
    )
    assert kept == [True, True, False]
