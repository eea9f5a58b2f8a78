"""The build's own steps: what they say when something fails, and what they make of pages."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import jinja2
import material
import pytest

from web import assets, build, finish, glossary, notebook, reference, serve, set_up, theme_mends

ROOT = Path(__file__).resolve().parents[2]


def test_a_failed_snippet_is_named_with_its_page_and_line(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "PAGES", tmp_path / "site_docs")
    page = tmp_path / "site_docs" / "guides" / "a.md"
    page.parent.mkdir(parents=True)
    page.write_text('# A\n\n```python exec="on"\nx = 1\n\nprint(y)\n```\n', encoding="utf-8")
    log = (
        "INFO    -  Building documentation...\n"
        "WARNING -  markdown_exec: Execution of python code block exited with errors\n\n"
        "Code block is:\n\n  x = 1\n\n  print(y)\n\nOutput is:\n\n  NameError: name 'y' is not defined\n"
        "INFO    -  Documentation built\n"
    )
    said = build.explain(log)
    assert "NameError: name 'y' is not defined" in said
    assert "site_docs/guides/a.md:4" in said
    assert "Documentation built" not in said


def test_a_log_without_warnings_shows_its_end():
    assert build.explain("INFO - a\nTraceback\nodd") == "INFO - a\nTraceback\nodd"


def test_a_failed_build_leaves_the_site_as_it_was(tmp_path, monkeypatch, capsys):
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("good")
    monkeypatch.setattr(build, "SITE", site)
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(build, "NEW", tmp_path / "cache" / "new")
    monkeypatch.setattr(build, "STAMP", tmp_path / "cache" / "built.stamp")

    def fail(strict: bool, verbose: bool) -> None:
        raise build.BuildError("site_docs/x.md:3: a snippet failed")

    monkeypatch.setattr(build, "mkdocs", fail)
    assert build.main(["--force"]) == 1
    assert "site_docs/x.md:3" in capsys.readouterr().err
    assert (site / "index.html").read_text() == "good"


def test_the_new_site_takes_the_place_of_the_old(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "CACHE", tmp_path)
    new, place = tmp_path / "new", tmp_path / "site"
    for folder, text in ((new, "new"), (place, "old")):
        folder.mkdir()
        (folder / "index.html").write_text(text)
    build.swap(new, place)
    assert (place / "index.html").read_text() == "new"
    assert not new.exists()


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b"),
        ("git@github.com:a/b.git", "https://github.com/a/b"),
        ("https://name:secret@example.org/a/b", "https://example.org/a/b"),
        ("/srv/git/b.git", None),
        ("", None),
    ],
)
def test_the_address_of_the_source_comes_from_the_git_remote(monkeypatch, remote, address):
    done = subprocess.CompletedProcess([], 0, stdout=remote + "\n", stderr="")
    monkeypatch.setattr(build.subprocess, "run", lambda *_, **__: done)
    assert build.repository_settings().get("REPO_URL") == address


def test_a_repository_named_in_the_environment_gets_edit_links(monkeypatch):
    monkeypatch.setattr(build, "repository_settings", dict)
    monkeypatch.setenv("REPO_URL", "https://github.com/a/b")
    monkeypatch.delenv("EDIT_URI", raising=False)
    assert build.settings()["EDIT_URI"] == "edit/main/site_docs/"
    monkeypatch.delenv("REPO_URL")
    assert "EDIT_URI" not in build.settings()


@pytest.mark.parametrize(("meta", "links"), [({}, 1), ({"generated": True}, 0)])
def test_pages_made_from_the_code_have_no_edit_link(meta, links):
    folders = [ROOT / "web" / "theme", Path(material.__file__).parent / "templates"]
    template = jinja2.Environment(loader=jinja2.FileSystemLoader(folders)).get_template(
        "partials/actions.html"
    )
    page = SimpleNamespace(edit_url="https://github.com/a/b/edit/main/site_docs/x.md", meta=meta)
    theme = SimpleNamespace(icon=SimpleNamespace(edit="material/pencil-outline"))
    shown = template.render(
        page=page, config=SimpleNamespace(theme=theme), lang=SimpleNamespace(t=lambda key: key)
    )
    assert shown.count('rel="edit"') == links


def test_every_module_has_its_place_in_the_reference(tmp_path):
    """A module that is in no room would be missing from the reference without anybody noticing."""
    covered = set(reference.write_reference(tmp_path))
    for folder in ("nanochat", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if name not in ("nanochat", "nanochat.__main__") and not path.stem.startswith("_"):
                assert name in covered, f"{name}: add its room to web/reference.py"
    for room in reference.ROOMS:
        text = (tmp_path / f"{room.name}.md").read_text(encoding="utf-8")
        assert re.search(r"^::: ", text, re.MULTILINE)
        assert "](../" in text, "a room's page leads back to what explains it"


def test_the_glossary_gives_every_term_and_its_plural():
    tooltips = glossary.tooltips(glossary.GLOSSARY)
    assert len(tooltips) > 60
    assert tooltips["token"] == tooltips["tokens"]
    assert not [
        meaning for meaning in tooltips.values() if "](" in meaning or "`" in meaning or "{ #" in meaning
    ]


def test_a_formula_that_cannot_be_set_is_named_with_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(finish, "ROOT", ROOT)
    pages = ROOT / "site_docs"
    wanted = {"k": {"kind": "math", "item": {"tex": "\\nosuch{x}", "display": False}}}
    with pytest.raises(finish.FinishError, match=r"nosuch"):
        finish.render(wanted, pages)


def test_formulas_and_diagrams_become_html_and_svg(tmp_path):
    page = tmp_path / "index.html"
    page.write_text(
        '<p><span class="arithmatex">\\(a_1 &lt; b\\)</span></p><div class="arithmatex">\\[x^2\\]</div>'
        '<pre class="mermaid-source"><code>graph LR\n  accTitle: The flow\n'
        "  a[Text] --&gt; b[Tokens]\n</code></pre>"
    )
    finish.prerender(tmp_path, ROOT / "site_docs", tmp_path / "cache.json")
    text = page.read_text()
    assert text.count('class="katex"') == 2
    assert "<title" in text
    assert "The flow" in text
    assert "arithmatex" not in text
    assert "googleapis" not in text
    first = (tmp_path / "cache.json").read_text()
    finish.prerender(tmp_path, ROOT / "site_docs", tmp_path / "cache.json")
    assert first != ""


def test_the_policy_allows_the_scripts_of_all_pages(tmp_path):
    (tmp_path / "a.html").write_text("<html><head></head><script>one()</script></html>")
    (tmp_path / "b.html").write_text(
        '<html><head></head><script type="application/json">{"x": 1}</script></html>'
    )
    finish.secure(tmp_path)
    policies = {re.search(r'content="([^"]*)"', path.read_text())[1] for path in tmp_path.glob("*.html")}
    assert len(policies) == 1
    (policy,) = policies
    assert policy.count("sha256-") == 1
    assert "'unsafe-inline'" not in policy.split("style-src")[0]


def test_the_theme_is_watched_for_changes(tmp_path):
    (tmp_path / "index.html").write_text("<html>another theme</html>")
    with pytest.raises(theme_mends.ThemeError, match=r"index\.html: the theme has changed"):
        theme_mends.mend_theme(tmp_path)


def test_a_notebook_page_has_no_foreign_scripts_and_its_pictures_are_files(site):
    page = next((site / "notebooks").glob("*/index.html"))
    text = page.read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    assert "<script" not in article
    assert "<style" not in article
    pictures = re.findall(r'<img [^>]*src="(figure-[0-9a-f]+\.png)"', article)
    assert pictures
    assert all((page.parent / name).is_file() for name in pictures)
    assert "No description has been provided" not in article
    assert list(page.parent.glob("*.ipynb"))


def test_links_between_notebooks_and_pages():
    assert notebook.site_link("../guides/index.md") == "../../guides/"
    assert notebook.site_link("#here") == "#here"


@pytest.fixture
def server(site):
    running = serve.start(site, 0)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield http.client.HTTPConnection("127.0.0.1", running.server_port)
    running.shutdown()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/guides/", "text/html; charset=utf-8"),
        ("/assets/pyodide/pyodide.asm.wasm", "application/wasm"),
        ("/assets/pyodide/pyodide.mjs", "text/javascript; charset=utf-8"),
        ("/assets/fonts/inter-latin-wght-normal.woff2", "font/woff2"),
        ("/assets/ranks/o200k_base.tiktoken", "text/plain; charset=utf-8"),
    ],
)
def test_files_are_served_with_their_types(server, path, kind):
    server.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = server.getresponse()
    assert (answer.status, answer.getheader("Content-Type")) == (200, kind)
    assert len(answer.read()) == int(answer.getheader("Content-Length"))
    server.request("GET", path, headers={"If-None-Match": answer.getheader("ETag")})
    again = server.getresponse()
    again.read()
    assert again.status == 304


def test_a_folder_without_its_slash_and_a_missing_page(server):
    server.request("GET", "/guides?x=1")
    answer = server.getresponse()
    answer.read()
    assert (answer.status, answer.getheader("Location")) == (301, "/guides/?x=1")
    server.request("GET", "/nothing/here/")
    answer = server.getresponse()
    assert answer.status == 404
    assert b"This page is not here" in answer.read()
    server.request("GET", "/../../etc/passwd")
    answer = server.getresponse()
    answer.read()
    assert answer.status == 404


def test_a_busy_port_is_one_clear_line(site):
    running = serve.start(site, 0)
    done = subprocess.run(
        [sys.executable, "-m", "web.serve", "--port", str(running.server_port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    running.server_close()
    assert done.returncode == 1
    assert "try another one: make serve PORT=" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_set_up_refuses_an_old_python_by_name(monkeypatch, capsys):
    monkeypatch.setattr(set_up.sys, "version_info", (3, 9, 2))
    assert set_up.main([]) == 1
    assert "Python 3.11 or newer is needed" in capsys.readouterr().err


def test_a_second_set_up_does_nothing(monkeypatch):
    """The stamps say that all is as it was; no package manager is started."""
    if not (set_up.VENV / "set-up.stamp").exists():
        pytest.fail("this folder was not set up by make; run make test")
    monkeypatch.setattr(set_up.subprocess, "run", lambda *_, **__: pytest.fail("set-up ran a command"))
    assert set_up.main([]) == 0


def test_every_asset_comes_with_its_licence(site):
    for name in (
        "fonts/LICENSE-inter.txt",
        "fonts/LICENSE-jetbrains-mono.txt",
        "katex/LICENSE.txt",
        "ranks/LICENSE.txt",
    ):
        assert (site / "assets" / name).stat().st_size > 500
    assert {path.stem for path in (site / "assets" / "ranks").glob("*.tiktoken")} == set(assets.RANKS)
