"""The run that the repository keeps: what the pages say of it follows from its files."""

from __future__ import annotations

import json
import shutil
import statistics

from nanochat import cli
from web import laptop_run


def test_the_report_card_is_of_all_three_stages_and_names_no_folder():
    card = laptop_run.report_card()
    assert "| metric | BASE | SFT | RL |" in card
    assert "--run=speedrun-laptop-rl" in card
    assert str(laptop_run.KEPT) not in card


def test_the_run_keeps_what_the_speedrun_promises():
    """Right on at least 80 % of 200 held-out sums of the kind trained on, in under twenty minutes."""
    folder = laptop_run.run_of("rl") / "evaluations"
    (found,) = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in folder.glob("*-arithmetic-of-200.json")
        if "larger" not in path.name
    )
    assert found["split"] == "test"
    assert found["n"] == 200
    assert found["accuracy"] >= 0.8
    clock = json.loads((laptop_run.KEPT / "speedrun" / f"{laptop_run.NAME}.json").read_text(encoding="utf-8"))
    assert sum(clock.values()) < 20 * 60


def test_rewards_raised_what_they_were_for_with_every_seed():
    saved = json.loads(laptop_run.SEEDS.read_text(encoding="utf-8"))
    before, *after = (row["larger-arithmetic"] for row in saved["results"])
    assert len(after) >= 3
    for one in after:
        assert one["accuracy"] - before["accuracy"] > 3 * (one["error"] ** 2 + before["error"] ** 2) ** 0.5
    gains = [one["accuracy"] - before["accuracy"] for one in after]
    assert f"| mean gain | {100 * statistics.mean(gains):+.1f} ± " in laptop_run.seeds_table()
    for command in saved["commands"]:
        cli.check(command.split()[1:])


def test_a_new_run_takes_the_place_of_the_kept_one(tmp_path):
    base, kept = tmp_path / "base", tmp_path / "kept"
    shutil.copytree(laptop_run.KEPT, base)
    (base / "runs" / laptop_run.NAME / "model.safetensors").write_bytes(b"large")
    (kept / "runs" / "old").mkdir(parents=True)
    laptop_run.take_over(base, kept)
    files = {path.relative_to(kept) for path in kept.rglob("*") if path.is_file()}
    assert files == {
        path.relative_to(laptop_run.KEPT) for path in laptop_run.KEPT.rglob("*") if path.is_file()
    }
