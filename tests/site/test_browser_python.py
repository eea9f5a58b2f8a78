"""The browser's Python: a wheel that is the same each time, a lock that names it, sizes that hold."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path

from web import browser_python


def test_the_wheel_is_the_same_each_time(tmp_path: Path) -> None:
    wheels = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        wheels.append(browser_python.make_wheel(folder, browser_python.shipped_files()))
    assert wheels[0].name == wheels[1].name
    assert wheels[0].read_bytes() == wheels[1].read_bytes()


def test_another_content_has_another_name(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("x = 1\n")
    before = browser_python.make_wheel(tmp_path, {"a.py": source})
    source.write_text("x = 2\n")
    assert browser_python.make_wheel(tmp_path, {"a.py": source}).name != before.name


def test_the_wheel_lists_its_files_with_their_hashes(tmp_path: Path) -> None:
    wheel = browser_python.make_wheel(tmp_path, browser_python.shipped_files())
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = archive.read(next(name for name in names if name.endswith("RECORD"))).decode()
        assert [line.split(",")[0] for line in record.splitlines()] == names
        for line in record.splitlines()[:-1]:
            name, checksum, size = line.split(",")
            data = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (checksum, int(size)) == (f"sha256={digest}", len(data))


def test_the_site_has_what_its_lock_and_its_list_name(site: Path) -> None:
    folder = site / "assets" / "pyodide"
    packages = json.loads((folder / "pyodide-lock.json").read_text())["packages"]
    assert list(packages) == [browser_python.PACKAGE]
    wheel = folder / packages[browser_python.PACKAGE]["file_name"]
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == packages[browser_python.PACKAGE]["sha256"]
    start = json.loads((folder / "start.json").read_text())
    assert start["bytes"] == {name: (folder / name).stat().st_size for name in start["bytes"]}
    assert start["memory"] in start["bytes"]


def test_a_second_build_takes_everything_from_the_cache(tmp_path: Path, site: Path) -> None:
    built = browser_python.build(tmp_path)
    stamps = {path.name: path.stat().st_size for path in built.iterdir()}
    again = browser_python.build(tmp_path)
    assert {path.name: path.stat().st_size for path in again.iterdir()} == stamps
