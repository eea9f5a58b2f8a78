"""Make a notebook's page look and weigh like every other page of the site.

`mkdocs-jupyter` runs a notebook and writes it with Jupyter's own scripts, half a megabyte of styles, and
addresses of other hosts. Here its cells are taken out of all that: text becomes ordinary text, code
ordinary code, pictures files beside the page. The same file can be downloaded as `.ipynb`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import jupytext
from bs4 import BeautifulSoup, Comment, Tag

LINK = re.compile(r"^(?P<path>[^:#?]+)\.(?:md|py)(?P<rest>[#?].*)?$")
MATH = re.compile(r"\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^$\n]+(?:\n[^$\n]+)?)\$", re.DOTALL)


def finish_notebooks(sources: Path, site: Path) -> None:
    """Rewrite the page of each notebook of `sources`, and put a file to download beside it."""
    for source in sorted(sources.glob("*.py")):
        page = site / source.stem / "index.html"
        if page.exists():
            page.write_text(plain_page(page.read_text(encoding="utf-8"), page.parent), encoding="utf-8")
            jupytext.write(jupytext.read(source), page.parent / f"{source.stem}.ipynb", fmt="ipynb")


def plain_page(text: str, folder: Path) -> str:
    """A notebook's page with its cells in the site's own markup; its pictures are written into `folder`."""
    begin = text.index("<article")
    end = text.index("</article>")
    article = BeautifulSoup(text[begin:end], "html.parser")
    for foreign in article.find_all(["script", "style"]):
        foreign.decompose()
    for comment in article.find_all(string=lambda string: isinstance(string, Comment)):
        comment.extract()
    wrapper = article.select_one(".jupyter-wrapper")
    if not isinstance(wrapper, Tag):
        return text
    cells: list[str] = []
    for cell in wrapper.select(".jp-Notebook-cell[id]"):
        cells.append(
            code_cell(cell, folder) if "jp-CodeCell" in (cell.get("class") or []) else text_cell(cell)
        )
    wrapper.replace_with(BeautifulSoup("\n".join(cells), "html.parser"))
    return text[:begin] + str(article) + text[end:]


def text_cell(cell: Tag) -> str:
    """The HTML of a cell of Markdown, with links of the site and marked formulas."""
    body = cell.select_one(".jp-RenderedMarkdown")
    if not isinstance(body, Tag):
        return ""
    for link in body.find_all("a"):
        link["href"] = site_link(str(link.get("href", "")))
        if "anchor-link" in (link.get("class") or []):
            link["class"], link["title"] = "headerlink", "Link to this section"
    for string in body.find_all(string=True):
        if not string.find_parent(["code", "pre"]) and "$" in string:
            string.replace_with(BeautifulSoup(marked_math(str(string)), "html.parser"))
    return body.decode_contents()


def site_link(address: str) -> str:
    """Where a link between source files leads on the site, whose pages are folders.

    >>> site_link("../guides/02-tokenization.md#bytes"), site_link("https://example.org/a.md")
    ('../../guides/02-tokenization/#bytes', 'https://example.org/a.md')
    """
    match = LINK.match(address)
    if not match:
        return address
    path = re.sub(r"(^|/)index$", r"\1", match["path"])
    return f"../{path}{'' if path.endswith('/') else '/'}{match['rest'] or ''}"


def marked_math(text: str) -> str:
    """Text with its formulas in the elements that the build renders.

    >>> marked_math("so $x < 2$.")
    'so <span class="arithmatex">\\\\(x &lt; 2\\\\)</span>.'
    """

    def mark(match: re.Match[str]) -> str:
        if match["display"]:
            return f'<div class="arithmatex">\\[{match["display"]}\\]</div>'
        return f'<span class="arithmatex">\\({match["inline"]}\\)</span>'

    return MATH.sub(mark, text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def code_cell(cell: Tag, folder: Path) -> str:
    """The HTML of a cell of code with its outputs."""
    code = cell.select_one(".highlight-ipynb pre")
    shown = code.decode_contents().removeprefix("<span></span>") if isinstance(code, Tag) else ""
    outputs = "".join(output(part, folder) for part in cell.select(".jp-OutputArea-output"))
    return (
        f'<div class="notebook-cell"><div class="highlight"><pre><code>{shown}</code></pre></div>'
        f'<div class="live-output">{outputs}</div></div>'
    )


def output(part: Tag, folder: Path) -> str:
    """One output of a cell: text, a picture, or HTML."""
    kind = str(part.get("data-mime-type", ""))
    text = part.find("pre")
    if isinstance(text, Tag) and kind in (
        "text/plain",
        "application/vnd.jupyter.stdout",
        "application/vnd.jupyter.stderr",
    ):
        name = "stderr" if kind.endswith("stderr") else "stdout"
        return f'<pre class="out-{name}">{text.decode_contents()}</pre>'
    for image in part.find_all("img"):
        keep_picture(image, folder)
    return f'<div class="out-svg">{part.decode_contents().strip()}</div>'


def keep_picture(image: Tag, folder: Path) -> None:
    """Write an image that stands in the page as data into a file, fetched when it comes into view."""
    match = re.match(r"data:image/png;base64,(.+)", str(image.get("src", "")), re.DOTALL)
    if not match:
        return
    data = base64.b64decode(match[1])
    name = f"figure-{hashlib.sha256(data).hexdigest()[:10]}.png"
    (folder / name).write_bytes(data)
    # A PNG's header holds width and height; with them the page keeps its place while the picture comes.
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    image.attrs |= {"src": name, "width": str(width), "height": str(height), "loading": "lazy"}
