"""What this site changes in the theme's own files after the build, each with its reason.

A mend that no longer finds what it mends stops the build: then the theme has changed, and somebody must look.
"""

from __future__ import annotations

import re
from pathlib import Path

# In every page: names for parts that a screen reader could not tell apart.
PAGE_MENDS = (
    (
        'data-md-component="search" role="dialog"',
        'data-md-component="search" role="dialog" aria-label="Search"',
    ),
    (
        '<div class="md-progress" data-md-component="progress" role="progressbar">',
        '<div class="md-progress" data-md-component="progress" aria-hidden="true">',
    ),
)
# A menu is named by a label that holds no text; its own title names it better.
MENU = re.compile(
    r'<nav class="md-nav" data-md-level="(?P<level>\d+)" aria-labelledby="__nav_[\d_]+_label"'
    r' aria-expanded="\w+"'
    r'(?P<rest>>\s*<label class="md-nav__title"[^>]*>\s*<span class="md-nav__icon md-icon"></span>'
    r"(?P<title>[^<]*)</label>)"
)
# A part of a table of contents can have the name of a menu ("tools", "Tools"); it says what it is.
PART_OF_CONTENTS = re.compile(r'<nav class="md-nav" aria-label="\s*(?P<title>[^"]*)"')

# The search index is by far the largest file of a page, and most readers of a page do not search. It is
# fetched when the pointer or the focus comes near the search field, or at once where the address asks for
# words to be marked.
FETCH_AT_ONCE = "o.send(),()=>o.abort()"
FETCH_WHEN_SEARCHED = (
    '(()=>{let sent=0,go=()=>{sent++||o.send()},box=document.querySelector("[data-md-component=search]");'
    'if(!box||!String(e).endsWith("search_index.json"))return go();'
    'if(new URLSearchParams(location.search).has("h"))return go();'
    'for(const kind of["focusin","pointerenter"])box.addEventListener(kind,go,{once:!0})})(),()=>o.abort()'
)
# In the theme's script.
SCRIPT_MENDS = (
    (FETCH_AT_ONCE, FETCH_WHEN_SEARCHED),
    # The frame of a code block's copy button is no landmark; a page would have dozens.
    ('"nav",{class:"md-code__nav"}', '"div",{class:"md-code__nav"}'),
    # A table that is wider than a phone can be scrolled with the keyboard, too.
    ('{class:"md-typeset__scrollwrap"}', '{class:"md-typeset__scrollwrap",tabindex:"0"}'),
    # Mermaid would be loaded from another host; diagrams are drawn at build here.
    ('"https://unpkg.com/mermaid@11/dist/mermaid.min.js"', '"about:blank"'),
    # Numbers of stars would be asked of a code host; the source link of this site has none.
    ("`https://api.github.com/repos/${e}/${t}`", '"about:blank"'),
    ("`https://api.github.com/users/${e}`", '"about:blank"'),
)


class ThemeError(Exception):
    """The theme is not as these mends expect it."""


def mend_theme(site: Path) -> None:
    """Mend every page and the theme's script in a built site."""
    for page in sorted(site.rglob("*.html")):
        text = replaced(page.read_text(encoding="utf-8"), PAGE_MENDS, page.relative_to(site))
        text = PART_OF_CONTENTS.sub(r'<nav class="md-nav" aria-label="Within \g<title>"', text)
        page.write_text(MENU.sub(name_menu, text), encoding="utf-8")
    bundles = list((site / "assets" / "javascripts").glob("bundle.*.min.js"))
    if len(bundles) != 1:
        raise ThemeError(f"the theme has changed: it has {len(bundles)} bundles")
    script = replaced(bundles[0].read_text(encoding="utf-8"), SCRIPT_MENDS, bundles[0].relative_to(site))
    bundles[0].write_text(script, encoding="utf-8")


def replaced(text: str, mends: tuple[tuple[str, str], ...], name: Path) -> str:
    """A text with every mend made.

    >>> replaced("abc", (("b", "B"),), Path("x"))
    'aBc'
    """
    for theirs, ours in mends:
        if theirs not in text:
            raise ThemeError(f"{name}: the theme has changed: {theirs!r} is not there to mend")
        text = text.replace(theirs, ours)
    return text


def name_menu(match: re.Match[str]) -> str:
    """A menu that says its own name."""
    title = match["title"].strip()
    return f'<nav class="md-nav" data-md-level="{match["level"]}" aria-label="{title}"{match["rest"]}'
