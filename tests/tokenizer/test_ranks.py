from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat import home
from nanochat.tokenizer import ranks


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine without any rank file."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    monkeypatch.setattr(ranks, "SITE_PACKAGES", tmp_path / "none")
    monkeypatch.setattr(ranks, "_provided", {})
    monkeypatch.setattr(ranks, "_extra_folders", [])
    ranks.published.cache_clear()
    yield tmp_path
    ranks.published.cache_clear()


@pytest.fixture(scope="module")
def gpt2_file() -> bytes:
    return ranks.find("gpt2").read_bytes()


@given(st.lists(st.binary(min_size=1, max_size=12), unique=True, max_size=40))
def test_what_is_written_is_read_back(tokens):
    table = {token: 7 * number for number, token in enumerate(tokens)}
    assert ranks.parse(ranks.write(table), "test") == table


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"IQ== 0\nIg==\n", "f, line 2: 'Ig==' is not `base64 rank`"),
        (b"IQ== 0\nIg== x\n", "f, line 2: 'Ig== x' is not `base64 rank`"),
        (b"IQ== 0\n\n!!! 1\n", "f, line 3: '!!! 1' is not `base64 rank`"),
        (b"IQ== 0\nI\xff== 1\n", "f, line 2: 'I\ufffd== 1' is not `base64 rank`"),
        (b"IQ== 0\nIQ== 1\n", "f: 1 tokens stand there twice"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(data, message):
    with pytest.raises(ranks.RanksError, match=re.escape(message)):
        ranks.parse(data, "f")


def test_a_missing_file_says_how_to_get_it(nowhere):
    with pytest.raises(ranks.RanksMissing) as caught:
        ranks.published("gpt2")
    assert caught.value.stem == "r50k_base"
    assert "make site" in str(caught.value)
    assert str(nowhere / "base" / "ranks") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", ["cache", "base/ranks"])
def test_a_file_is_found_by_name(nowhere, folder, gpt2_file):
    (nowhere / folder).mkdir(parents=True)
    (nowhere / folder / "r50k_base.tiktoken").write_bytes(gpt2_file)
    assert ranks.published("gpt2")[b"Hello"] == 15496


def test_a_file_in_tiktokens_cache_is_known_by_its_content(nowhere, gpt2_file):
    (nowhere / "cache").mkdir()
    (nowhere / "cache" / "0123abcd").write_bytes(gpt2_file)
    (nowhere / "cache" / "000same-size").write_bytes(bytes(len(gpt2_file)))
    assert ranks.published("gpt2")[b"Hello"] == 15496


def test_a_folder_can_be_named(nowhere, gpt2_file):
    (nowhere / "r50k_base.tiktoken").write_bytes(gpt2_file)
    ranks.use_folder(nowhere)
    assert ranks.published("gpt2")[b"Hello"] == 15496


def test_provided_bytes_serve_like_a_file(nowhere, gpt2_file):
    ranks.provide("gpt2", gpt2_file)
    assert len(ranks.published("gpt2")) == 50256


def test_a_changed_file_is_refused_by_name(nowhere, gpt2_file):
    (nowhere / "base" / "ranks").mkdir(parents=True)
    path = nowhere / "base" / "ranks" / "r50k_base.tiktoken"
    path.write_bytes(gpt2_file[:-2] + b"9\n")
    with pytest.raises(ranks.RanksError, match=r"is not the published r50k_base\.tiktoken: its SHA-256"):
        ranks.published("gpt2")
    path.write_bytes(gpt2_file[:1000])
    with pytest.raises(ranks.RanksError, match="it has 1000 bytes, not 835554"):
        ranks.published("gpt2")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="use gpt2, cl100k_base or o200k_base"):
        ranks.published("gpt9")


def test_the_base_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv("NANOCHAT_BASE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(home.sys, "platform", "linux")
    assert home.base_folder() == tmp_path / ".cache" / "nanochat"
    monkeypatch.setattr(home.sys, "platform", "darwin")
    assert home.base_folder() == tmp_path / "Library" / "Caches" / "nanochat"
