"""The bundle of CORE: read from a folder or a zip, fetched over a network that fails, never trusted."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nanochat.data.download import Patience
from nanochat.errors import UserError
from nanochat.evaluation import core_bundle
from nanochat.evaluation.core_bundle import FETCH, PUBLIC, VARIABLE, Bundle, open_bundle
from nanochat.evaluation.core_download import fetch_bundle
from tests.evaluation.bundle_server import BundleServer, serving
from tests.evaluation.small_bundle import CORE_YAML, META, RIGHT, write_bundle, zipped

QUICK = Patience(tries=4, first_wait=0.01)
ZIP = zipped()


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "base"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BundleServer]:
    with serving(ZIP) as running:
        monkeypatch.setenv(VARIABLE, running.url)
        yield running


def check(bundle: Bundle) -> None:
    """That it is the small bundle, whole."""
    assert {task.label: len(task.read()) for task in bundle.tasks} == {
        name: n for name, (_, n) in RIGHT.items()
    }


def everything(base: Path) -> set[str]:
    return {str(path.relative_to(base)) for path in base.rglob("*") if path.suffix != ".lock"}


# ---- reading ----


def test_what_it_says_of_its_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_bundle(tmp_path / "bundle")
    monkeypatch.setenv(VARIABLE, str(folder))
    bundle = open_bundle()
    check(bundle)
    found = [(task.kind, task.shots, task.delimiter, task.chance) for task in bundle.tasks]
    assert found == [
        ("multiple_choice", 2, "\nAnswer: ", 0.25),
        ("schema", 0, " ", 0.5),
        ("language_modeling", 1, " ", 0.0),
    ]
    (folder / "eval_data" / "counting.jsonl").write_text('{"context": "", "continuation": "x"}\n' * 2)
    assert open_bundle().sha256 != bundle.sha256


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("core", None, "core.yaml does not list the tasks of CORE (FileNotFoundError)"),
        ("core", "icl_tasks: [", "core.yaml does not list the tasks of CORE (ParserError)"),
        ("core", "tasks: []", "core.yaml does not list the tasks of CORE (it lacks 'icl_tasks')"),
        ("core", "icl_tasks: []", "core.yaml lists no tasks, or two of one name"),
        ("core", CORE_YAML.replace("label: names", "label: colours"), "lists no tasks, or two of one name"),
        (
            "core",
            CORE_YAML.replace("schema", "question_answering"),
            "names is of the kind 'question_answering'",
        ),
        ("core", CORE_YAML.replace("counting.jsonl", "../core.yaml"), "the data of counting is not there"),
        (
            "core",
            CORE_YAML.replace("[2]", "[many]"),
            "core.yaml does not list the tasks of CORE (ValueError)",
        ),
        ("eval_meta_data", None, "eval_meta_data.csv does not say what guessing gets (FileNotFoundError)"),
        ("eval_meta_data", META.replace("Random b", "B"), "does not say what guessing gets (KeyError)"),
        ("eval_meta_data", META.replace(",25,", ",125,"), "guessing cannot get that much in colours"),
        ("eval_meta_data", META.replace("names", "other"), "does not say what guessing gets in names"),
        ("names", None, "the data of names is not there"),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_line(
    name: str, text: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(write_bundle(tmp_path / "bundle", **{name: text})))
    with pytest.raises(UserError) as refused:
        open_bundle()
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON\n", "line 1: this is no JSON"),
        ('\n{"context": "a", "continuation": 5}\n', "line 2: 'continuation' is of the type int"),
        ('{"context": "a", "continuation": "b"}\n', "a task needs two examples at least"),
    ],
)
def test_a_damaged_example_is_named(text: str, words: str, tmp_path: Path) -> None:
    task = core_bundle.read_tasks(write_bundle(tmp_path, counting=text))[2]
    with pytest.raises(UserError, match=r"counting\.jsonl") as refused:
        task.read()
    assert words in str(refused.value)


def test_a_bundle_that_is_not_there_names_the_command() -> None:
    assert core_bundle.source() == PUBLIC
    with pytest.raises(UserError, match=f"not on this machine; fetch them with: {FETCH}"):
        open_bundle()


# ---- fetching ----


def test_it_is_fetched_once_and_its_hash_is_kept(server: BundleServer, base: Path) -> None:
    said: list[str] = []
    bundle = fetch_bundle(said.append, QUICK)
    check(bundle)
    assert bundle.sha256 == hashlib.sha256(ZIP).hexdigest()
    assert json.loads((bundle.folder / "bundle.json").read_text())["source"] == server.url
    assert {path.name for path in bundle.folder.iterdir()} == {
        "bundle.json", "core.yaml", "eval_data", "eval_meta_data.csv"
    }  # fmt: skip
    assert {name for name in everything(base) if name.startswith("core/.")} == set()
    again = fetch_bundle(said.append, QUICK)
    assert again == bundle == open_bundle()
    assert server.requests == [None]
    assert said == [f"core: 3 tasks; {bundle.folder}", f"core: it is there already, in {bundle.folder}"]


def test_a_download_that_breaks_off_goes_on(server: BundleServer) -> None:
    server.faults = ["drop", "503", "drop"]
    check(fetch_bundle(patience=QUICK))
    half = len(ZIP) // 2
    rest = half + (len(ZIP) - half) // 2
    assert server.requests == [None, f"bytes={half}-", f"bytes={half}-", f"bytes={rest}-"]
    assert {one["Accept-Encoding"] for one in server.headers} == {"identity"}


def test_the_token_of_the_hub_is_not_shown_to_others(
    server: BundleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch_bundle(patience=QUICK)
    assert "secret" not in str(server.headers)


def test_another_call_goes_on_where_one_gave_up(server: BundleServer, base: Path) -> None:
    server.faults = ["drop", "503", "503", "503", "503"]
    with pytest.raises(UserError, match="4 tries without success"):
        fetch_bundle(patience=QUICK)
    with pytest.raises(UserError, match=FETCH):
        open_bundle()
    server.faults.clear()
    check(fetch_bundle(patience=QUICK))
    assert server.requests[-1] == f"bytes={len(ZIP) // 2}-"


def test_a_file_that_has_changed_is_not_pieced_together(server: BundleServer) -> None:
    server.faults = ["drop", "503", "503", "503", "503"]
    with pytest.raises(UserError):
        fetch_bundle(patience=QUICK)
    server.faults.clear()
    server.content = zipped(**{"eval_bundle/more.txt": "x" * 5_000})
    bundle = fetch_bundle(patience=QUICK)
    check(bundle)
    assert bundle.sha256 == hashlib.sha256(server.content).hexdigest()


def test_a_file_that_has_become_shorter_begins_anew(server: BundleServer) -> None:
    """The server knows no such part any more."""
    server.etag, server.content = '"same"', zipped(**{"eval_bundle/more.txt": random_text(40_000)})
    server.faults = ["drop", "503", "503", "503", "503"]
    with pytest.raises(UserError):
        fetch_bundle(patience=QUICK)
    server.faults.clear()
    server.content = ZIP
    check(fetch_bundle(patience=QUICK))
    assert server.requests[-1] is None


def random_text(length: int) -> str:
    """What does not compress well."""
    return random.Random(0).randbytes(length // 2).hex()


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_strong_version_it_begins_anew(etag: str, server: BundleServer) -> None:
    server.etag, server.faults = etag, ["drop"]
    check(fetch_bundle(patience=QUICK))
    assert server.requests == [None, None]


def test_another_part_than_was_asked_for_is_thrown_away(server: BundleServer) -> None:
    server.faults = ["drop", "another"]
    check(fetch_bundle(patience=QUICK))
    assert server.requests == [None, f"bytes={len(ZIP) // 2}-", None]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>Please log in.</html>", "what came is no whole zip (File is not a zip file)"),
        (ZIP[:-40], "what came is no whole zip"),
        (ZIP.replace(b"PK\x01\x02", b"PK\x01\x03"), "what came is no whole zip"),
    ],
)
def test_what_is_no_zip_is_refused_and_not_kept(
    content: bytes, words: str, server: BundleServer, base: Path
) -> None:
    server.content = content
    with pytest.raises(UserError) as refused:
        fetch_bundle(patience=QUICK)
    assert words in str(refused.value)
    assert not [name for name in everything(base) if name.endswith(".zip")]
    server.content = ZIP
    check(fetch_bundle(patience=QUICK))


def test_a_refusal_that_lasts_is_told_at_once(server: BundleServer) -> None:
    server.faults = ["404"]
    with pytest.raises(UserError, match=f"the server answers 404; {VARIABLE} can name another address"):
        fetch_bundle(patience=QUICK)
    assert server.requests == [None]


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"") as gone:
        monkeypatch.setenv(VARIABLE, gone.url)
    with pytest.raises(UserError, match="4 tries without success"):
        fetch_bundle(patience=QUICK)


def test_killed_between_download_and_unpacking_it_is_not_fetched_again(
    server: BundleServer, base: Path
) -> None:
    program = (
        "import os; from nanochat.evaluation import core_download as d\n"
        "d.unpack = lambda *_: os._exit(9)\nd.fetch_bundle()"
    )
    killed = subprocess.run([sys.executable, "-c", program], check=False, env=os.environ)
    assert killed.returncode == 9
    check(fetch_bundle(patience=QUICK))
    assert server.requests == [None]


# ---- archives ----


@pytest.fixture
def from_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Path]:
    def put(content: bytes) -> Path:
        path = tmp_path / "some.zip"
        path.write_bytes(content)
        monkeypatch.setenv(VARIABLE, str(path))
        return path

    return put


def test_a_zip_on_this_machine_is_unpacked_and_stays(from_zip: Callable[[bytes], Path], base: Path) -> None:
    path = from_zip(ZIP)
    with pytest.raises(UserError, match=FETCH):
        open_bundle()
    check(fetch_bundle())
    assert path.read_bytes() == ZIP
    assert open_bundle().folder.is_relative_to(base)


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "eval_bundle/../../evil", "a\\..\\evil", "C:evil"])
def test_a_name_that_leads_out_is_refused(
    name: str, from_zip: Callable[[bytes], Path], base: Path, tmp_path: Path
) -> None:
    from_zip(zipped(**{name: "evil"}))
    with pytest.raises(UserError, match="which leads out of its folder; not unpacked"):
        fetch_bundle()
    assert everything(base) == {"core"}
    assert not list(tmp_path.rglob("evil"))


def test_a_link_is_refused(from_zip: Callable[[bytes], Path], tmp_path: Path, base: Path) -> None:
    path = from_zip(ZIP)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("eval_bundle/eval_data/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match="leads out of its folder"):
        fetch_bundle()
    assert everything(base) == {"core"}


def test_a_zip_of_something_else_is_refused(from_zip: Callable[[bytes], Path], tmp_path: Path) -> None:
    path = from_zip(b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UserError, match=r"there is no core.yaml in it"):
        fetch_bundle()
    from_zip(ZIP[: len(ZIP) // 2])
    with pytest.raises(UserError, match="not a readable zip"):
        fetch_bundle()


def test_a_path_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/no/such/place.zip")
    with pytest.raises(UserError, match="there is no such file or folder, and it is no address"):
        fetch_bundle()
