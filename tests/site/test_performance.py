from __future__ import annotations

import json

import pytest

from nanochat import cli
from web import performance


@pytest.mark.parametrize("kind", performance.COLUMNS)
def test_every_table_of_the_page_has_a_saved_result(kind):
    found = performance.results(kind)
    assert found
    for one in found:
        assert one["machine"]["cpu"]
        assert one["date"]
        cli.check(one["command"].split()[1:])
    text = performance.tables(kind)
    assert text.count("```bash") == len(found)
    assert all(one["command"] in text for one in found)


def test_a_table_shows_what_the_file_holds(tmp_path):
    saved = {
        "kind": "loader",
        "command": "nanochat bench loader",
        "date": "2026-11-24",
        "machine": {"cpu": "Z80", "cores": 1, "python": "3.11.2"},
        "settings": {"corpus": "classics", "batch_size": 8, "seq_len": 512},
        "results": [{"packing": "documents", "tokens_per_second": 472_000.4, "used_share": 1.0}],
    }
    (tmp_path / "loader.json").write_text(json.dumps(saved), encoding="utf-8")
    (tmp_path / "other.json").write_text("[]", encoding="utf-8")
    assert performance.tables("loader", tmp_path) == (
        "**Corpus classics, batches of 8 × 512 tokens.**\n"
        "Z80, 1 core; Python 3.11.2; measured on 2026-11-24.\n\n"
        "```bash\nnanochat bench loader\n```\n\n"
        "| packing | tokens/s | of the text used |\n"
        "| --- | ---: | ---: |\n"
        "| documents | 472,000 | 100.0 % |\n"
    )
    with pytest.raises(ValueError, match="has no result of `nanochat bench train`"):
        performance.tables("train", tmp_path)
