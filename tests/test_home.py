from __future__ import annotations

import platformdirs
import pytest

from nanochat import home
from nanochat.errors import UserError


def test_without_a_choice_it_is_the_platforms_cache(monkeypatch, tmp_path):
    for name in ("NANOCHAT_BASE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert str(home.base_folder()) == platformdirs.user_cache_dir("nanochat", appauthor=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert str(home.base_folder()) == platformdirs.user_cache_dir("nanochat", appauthor=False)


def test_the_person_chooses_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "my models"))
    base = tmp_path / "my models"
    assert home.base_folder() == base
    assert home.corpora_folder() == base / "corpora"
    assert home.tokenizer_folder() == base / "tokenizer" / "default"
    assert home.run_folder("d4") == base / "runs" / "d4"
    assert not base.exists()  # asking where makes nothing


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../d4", "-x", "a b", "é", "x" * 101, "a\n"])
def test_a_name_never_leads_elsewhere(name):
    for place in (home.tokenizer_folder, home.run_folder):
        with pytest.raises(UserError, match="cannot be a folder's"):
            place(name)


@pytest.mark.parametrize("name", ["d4", "d4-2", "v1.2_x", "x" * 100])
def test_ordinary_names_are_taken(name):
    assert home.checked_name(name) == name
