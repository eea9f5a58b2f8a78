"""What happens to the built pages before they are served: formulas, diagrams, terms, security policy."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from web import node

ROOT = Path(__file__).resolve().parent.parent

INLINE_MATH = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
DISPLAY_MATH = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)
MERMAID = re.compile(r'<pre class="mermaid-source"><code>(.*?)</code></pre>', re.DOTALL)
# Where a page shows the model, and the style sheet for that.
MODEL_PART = re.compile(r"class=\"(?:playground|looking|words-map)\b|model-figure")
MODEL_STYLES = re.compile(r"<link rel=\"?stylesheet\"? href=\"?[^\" >]*stylesheets/model\.css\"?>\n?")
SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL | re.IGNORECASE)
EXERCISE = re.compile(r'<div class="live-cell exercise"[^>]*? data-exercise="([^"]*)" data-title="([^"]*)"')
ABBREVIATION = re.compile(r'<abbr title="([^"]*)">(.*?)</abbr>', re.DOTALL)
NO_TERMS = re.compile(r"<(h[1-6]|dt|a|summary|legend|button|nav)\b.*?</\1>", re.DOTALL)
DATA_BLOCK = re.compile(r'type="application/(?:ld\+)?json"')


class FinishError(Exception):
    """A page that could not be finished; the message names the page and, where it is known, the line."""


def prerender(site: Path, pages: Path, cache: Path) -> None:
    """Replace every formula and diagram of every page by finished HTML and SVG.

    One run of Node renders all that is new; what an earlier build has rendered comes from the cache.
    """
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}
    wanted: dict[str, dict[str, Any]] = {}
    for text in texts.values():
        for kind, item in items_of(text):
            wanted[key(kind, item)] = {"kind": kind, "item": item}
    known = json.loads(cache.read_text(encoding="utf-8")) if cache.exists() else {}
    rendered = {name: known[name] for name in wanted if name in known}
    rendered |= render({name: what for name, what in wanted.items() if name not in known}, pages)
    cache.write_text(json.dumps(rendered), encoding="utf-8")
    for path, text in texts.items():
        finished = replace_all(text, rendered)
        if finished != text:
            path.write_text(finished, encoding="utf-8")


def items_of(text: str) -> list[tuple[str, Any]]:
    """The formulas and diagrams of a page.

    >>> items_of('<p><span class="arithmatex">\\\\(a &lt; b\\\\)</span></p>')
    [('math', {'tex': 'a < b', 'display': False})]
    """
    inline = [("math", formula(match, False)) for match in INLINE_MATH.finditer(text)]
    display = [("math", formula(match, True)) for match in DISPLAY_MATH.finditer(text)]
    return inline + display + [("mermaid", html.unescape(match[1])) for match in MERMAID.finditer(text)]


def formula(match: re.Match[str], display: bool) -> dict[str, Any]:
    """What the renderer needs to know of one formula."""
    return {"tex": html.unescape(match[1]).strip(), "display": display}


def replace_all(text: str, rendered: dict[str, str]) -> str:
    """A page with its formulas and diagrams in their finished form."""
    text = INLINE_MATH.sub(lambda m: rendered[key("math", formula(m, False))], text)
    text = DISPLAY_MATH.sub(
        lambda m: f'<div class="formula" tabindex="0">{rendered[key("math", formula(m, True))]}</div>', text
    )
    return MERMAID.sub(
        lambda m: f'<div class="diagram" tabindex="0">{rendered[key("mermaid", html.unescape(m[1]))]}</div>',
        text,
    )


def key(kind: str, item: Any) -> str:
    """What a formula or diagram is called in the cache; it changes with the renderer's code and versions."""
    return hashlib.sha256(repr((kind, item, renderer_version())).encode()).hexdigest()


@functools.cache
def renderer_version() -> bytes:
    """A hash of the renderer and of the lock file that names its packages."""
    files = (ROOT / "web" / "prerender.mjs", ROOT / "web" / "package-lock.json")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).digest()


def render(wanted: dict[str, dict[str, Any]], pages: Path) -> dict[str, str]:
    """Render formulas and diagrams with one run of Node."""
    if not wanted:
        return {}
    names = {kind: [n for n, what in wanted.items() if what["kind"] == kind] for kind in ("math", "mermaid")}
    request = {kind: [wanted[name]["item"] for name in names[kind]] for kind in names}
    done = subprocess.run(
        [node.node(), "web/prerender.mjs"],
        input=json.dumps(request),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise FinishError(f"web/prerender.mjs failed:\n{done.stderr.strip()}")
    answer = json.loads(done.stdout)
    result = {name: answer[kind][i] for kind in names for i, name in enumerate(names[kind])}
    errors = [
        f"{place_of(wanted[name]['item'], pages)}: {made['error']}"
        for name, made in result.items()
        if isinstance(made, dict)
    ]
    if errors:
        raise FinishError("\n".join(errors))
    return result


def place_of(item: Any, pages: Path) -> str:
    """The page and line where a formula or diagram stands."""
    text = item["tex"] if isinstance(item, dict) else item
    first = text.strip().splitlines()[0].strip()
    for page in sorted(pages.rglob("*.*")):
        if page.suffix in {".md", ".py"}:
            for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
                if first in line:
                    return f"{page.relative_to(ROOT)}:{number}"
    return f"formula or diagram {first!r}"


def quiet_terms(site: Path) -> None:
    """Mark a glossary term where a section first uses it, and leave headings, links and the menus alone."""
    for path in sorted(site.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        if "<abbr" in text:
            path.write_text(with_quiet_terms(text), encoding="utf-8")


def with_quiet_terms(text: str) -> str:
    """A page whose terms are tooltips in running text only, the later ones of a section marked `again`.

    >>> with_quiet_terms(
    ...     '<h2>A <abbr title="t">b</abbr></h2><abbr title="t">b</abbr> <abbr title="t">b</abbr>'
    ... )
    '<h2>A b</h2><abbr title="t">b</abbr> <abbr class="again" title="t">b</abbr>'
    """
    text = NO_TERMS.sub(lambda m: ABBREVIATION.sub(r"\2", m[0]), text)
    seen: set[str] = set()

    def mark(match: re.Match[str]) -> str:
        if match["section"]:
            seen.clear()
            return match[0]
        again = match["title"] in seen
        seen.add(match["title"])
        return match[0].replace("<abbr ", '<abbr class="again" ', 1) if again else match[0]

    return re.sub(r'(?P<section><h2\b)|<abbr title="(?P<title>[^"]*)">', mark, text)


def write_exercises(site: Path) -> None:
    """List every exercise of the site for the pages that show a reader's progress."""
    listed = []
    for page in sorted(site.rglob("index.html")):
        text = page.read_text(encoding="utf-8")
        exercises = [
            {"id": html.unescape(m[1]), "title": html.unescape(m[2])} for m in EXERCISE.finditer(text)
        ]
        if exercises:
            title = re.search(r"<h1[^>]*>(.*?)(?:<a class=\"headerlink\".*?)?</h1>", text, re.DOTALL)
            words = html.unescape(re.sub(r"<[^>]+>", "", title[1])).strip() if title else page.parent.name
            listed.append(
                {
                    "page": page.parent.relative_to(site).as_posix() + "/",
                    "title": words,
                    "exercises": exercises,
                }
            )
    place = site / "assets" / "live" / "exercises.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")


def without_model_styles(text: str) -> str:
    """A page without the style sheet of the model's pages, if it shows none: three kilobytes less to fetch.

    >>> without_model_styles('<link rel="stylesheet" href="../stylesheets/model.css"><p>')
    '<p>'
    >>> "model.css" in without_model_styles(
    ...     '<link rel="stylesheet" href="../stylesheets/model.css"><div class="playground">'
    ... )
    True
    """
    return text if MODEL_PART.search(text) else MODEL_STYLES.sub("", text)


def drop_styles(site: Path) -> None:
    """Take the style sheet of the model's pages from all others."""
    for path in sorted(site.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        if (lighter := without_model_styles(text)) != text:
            path.write_text(lighter, encoding="utf-8")


def secure(site: Path) -> None:
    """Give every page a policy: only this site's files and the scripts that stand in its pages may run.

    Instant navigation keeps the policy of the first page for the whole visit, so every page allows the
    scripts of all.
    """
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}
    hashes = sorted({hash_ for text in pages.values() for hash_ in script_hashes(text)})
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy(hashes)}">'
    for path, text in pages.items():
        secured, count = re.subn(r"(<head>)", rf"\1{tag}", text, count=1)
        if count != 1:
            raise FinishError(f"{path.relative_to(site)}: there is no <head> to put the policy into")
        path.write_text(secured, encoding="utf-8")


def script_hashes(text: str) -> list[str]:
    """The policy's names for the scripts that stand in a page itself.

    >>> script_hashes(
    ...     '<script>f()</script><script src="a.js"></script><script type="application/json">{}</script>'
    ... )
    ["'sha256-GcEEE0IkDzIP5EQ6DXZaDPORqT5RTBELX8Fyzyg9yvo='"]
    """
    scripts = [m["code"] for m in SCRIPT.finditer(text) if runs(m["attributes"])]
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'" for code in scripts
    ]


def runs(attributes: str) -> bool:
    """Whether a script tag holds code of its own that a browser would run."""
    return "src=" not in attributes and not DATA_BLOCK.search(attributes)


def policy(hashes: list[str]) -> str:
    """The content security policy of the pages."""
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self' 'wasm-unsafe-eval'", *hashes)),
            "style-src 'self' 'unsafe-inline'",  # formulas and figures carry style attributes
            "img-src 'self' data:",  # the theme's icons and a notebook's plots are data addresses
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        )
    )
