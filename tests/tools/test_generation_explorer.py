"""The generation explorer: the examples, real checkpoints, traces on disk, and every bad question."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat import cli
from nanochat.home import run_folder
from nanochat.inference.engine import Engine
from nanochat.inference.request import Request, Sampling
from nanochat.inference.sampling import choose, draw
from nanochat.inference.trace import Prompt, Trace, TraceError
from nanochat.tokenizer.chat import render_prompt
from nanochat.toolbox.tools import make_tools
from nanochat.train.finished import open_run
from tests.serve.small_chat_run import answering, chance, save_run
from tests.train.small_run import QUIET, SIZE, one_thread, prepare
from tools.core import page
from tools.core.command import main
from tools.core.examples import example_file
from tools.core.json_report import figures, render_json
from tools.core.terminal import render_terminal
from tools.explorer import source, with_model
from tools.explorer.question import EXAMPLES, Question
from tools.explorer.source import find, read
from tools.explorer.views import views
from tools.explorer.walk import LEFT, OPEN, STOP, common, walk
from tools.generation_explorer import TOOL

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "generation_explorer.py"
HOT = {"temperature": 0.8, "seed": 3, "tokens": 8, "temperatures": "0, 1", "top_ps": "1, 0.5"}


@pytest.fixture(scope="module", autouse=True)
def base_dir(tmp_path_factory):
    """Runs of every stage: a base model that was really trained, a chat model, one of reinforcement."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(tmp_path_factory.mktemp("base")))
        prepare()
        with one_thread():
            words = [*SIZE, *QUIET, "--name", "text", "--steps", "4", "--save-every", "2"]
            assert cli.main(["train", "base", *words]) == 0
            # Bytes as tokens: one character is up to four of them.
            save_run("bytes", *chance(), context=96, stage="sft")
            parts = [("text", "I see: "), ("python", "7*6"), ("text", "So it is 42 🙂.")]
            save_run("talk", *answering(*parts), stage="rl")
            yield


@pytest.fixture(scope="module")
def trace() -> Trace:
    """What the chat model of bytes said."""
    return with_model.record(Question(run="bytes", prompt="é🙂?", **HOT))


def ask(**values) -> dict[str, dict]:
    """The report's figures for parameters given by name."""
    return figures(TOOL.ask(**values))


def command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The script as a reader starts it: with a Python that has nothing but its standard library."""
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", str(SCRIPT), *arguments],
        capture_output=True, text=True, encoding="utf-8", env=environment, cwd=cwd or "/", timeout=60,
    )  # fmt: skip


def engine_of(name: str) -> Engine:
    run = open_run(name)
    model = run.model(run.checkpoint(), torch.device("cpu"), torch.float32)
    return Engine(model, run.tokenizer(), tool=make_tools(False))


# ---- a checkpoint ----


def prompt_ids(name: str, text: str) -> tuple[int, ...]:
    tokenizer = open_run(name).tokenizer()
    if open_run(name).stage == "base":
        return (tokenizer.special_id("<|bos|>"), *tokenizer.encode(text))
    return tuple(render_prompt(tokenizer, {"messages": [{"role": "user", "content": text}]}))


@pytest.mark.parametrize("name", ["text", "bytes", "talk"])
@pytest.mark.parametrize("how", [Sampling(0), Sampling(0.8), Sampling(1.0, 0, 0.5)])
def test_every_stage_writes_what_its_engine_writes(name, how):
    question = Question(
        run=name, prompt="The sea", temperature=how.temperature, top_p=how.top_p, tokens=20, seed=5,
        temperatures="",
    )  # fmt: skip
    trace = with_model.record(question)
    found = walk(trace, how, 5, 20)
    request = Request(prompt_ids(name, "The sea"), 20, how, 5, use_tools=name != "text")
    wanted = engine_of(name).generate([request])[0]
    assert trace.prompt.ids == request.prompt
    assert tuple(found.ids[: -1 if found.ended == STOP else None]) == wanted.ids
    assert found.ended == wanted.finish
    assert found.recorded


def test_the_chat_model_calls_the_calculator_and_the_result_is_put_in():
    report = ask(run="talk", prompt="?", temperature=0, tokens=60, temperatures="")
    assert report["text"]["plain"] == (
        "I see: <|python_start|>7*6<|python_end|><|output_start|>42<|output_end|>So it is 42 🙂."
    )
    assert report["text"]["put_in"] == 4
    put_in = [row for row in report["tokens"]["tokens"] if row["chance"] is None]
    assert [row["token"] for row in put_in] == ["<|output_start|>", "4", "2", "<|output_end|>"]
    assert report["text"]["ended"] == "stop"


def test_a_chat_model_can_also_go_on_with_a_plain_text():
    chat = with_model.record(Question(run="bytes", prompt="no", tokens=2, temperatures=""))
    plain = with_model.record(Question(run="bytes", prompt="no", complete=True, tokens=2, temperatures=""))
    assert (chat.prompt.chat, plain.prompt.chat) == (True, False)
    assert len(plain.prompt.ids) == 3 < len(chat.prompt.ids)


def test_without_a_run_it_is_the_newest_of_sft_and_rl(monkeypatch):
    report = ask(prompt="?", tokens=1, temperatures="")
    assert report["source"]["run"] in ("bytes", "talk")


def test_a_step_can_be_chosen_and_the_last_is_the_usual_one():
    asked = {"run": "text", "prompt": "The", "tokens": 1, "temperatures": ""}
    assert ask(**asked)["source"]["step"] == 4
    assert ask(**asked, step=2)["source"]["step"] == 2


def test_chances_in_the_report_are_softmax_of_the_models_logits():
    run = open_run("text")
    model = run.model(run.checkpoint(), torch.device("cpu"), torch.float32)
    ids = prompt_ids("text", "The sea was")
    with torch.inference_mode():
        logits_V = model(torch.tensor([ids]))[0, -1].double()
    report = ask(run="text", prompt="The sea was", temperature=0.7, tokens=1, rows=30, temperatures="")
    for row in report["choice"]["candidates"][:-1]:
        model_s = torch.softmax(logits_V, 0)[row["id"]].item()
        rules = torch.softmax(logits_V / 0.7, 0)[row["id"]].item()
        assert row["chance"] == pytest.approx(model_s, abs=1e-6)
        assert row["chance_after"] == pytest.approx(rules, abs=1e-6)
    everything = report["choice"]["candidates"]
    assert everything[-1]["chance"] == pytest.approx(
        1 - torch.softmax(logits_V, 0)[sorted(_kept(run.name, ids))].sum().item(), abs=1e-6
    )
    wanted = -(torch.softmax(logits_V, 0) * torch.log_softmax(logits_V, 0)).sum().item() / 0.6931471805599453
    assert report["choice"]["rules"][0]["entropy"] == pytest.approx(wanted, abs=1e-5)


def _kept(name: str, ids: tuple[int, ...]) -> set[int]:
    trace = with_model.record(
        Question(run=name, prompt="The sea was", temperature=0.7, tokens=1, temperatures="")
    )
    return set(trace.places[0].position.ids)


# ---- a trace on disk ----


def test_a_saved_trace_gives_the_same_figures_as_the_model(tmp_path, capsys):
    words = [
        "--tokens",
        "6",
        "--temperature",
        "0.9",
        "--top-p",
        "0.8",
        "--temperatures",
        "0,1",
        "--seed",
        "2",
    ]
    file = tmp_path / "trace.json"
    asked = ["--run", "bytes", "--prompt", "é🙂?", *words]
    assert main(TOOL, [*asked, "--save-trace", str(file), "--json"]) == 0
    live = json.loads(capsys.readouterr().out)
    assert main(TOOL, [str(file), *words, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert live["sections"] == again["sections"]
    assert live["notes"] == again["notes"]
    # Without torch, by the bare script, it is the same again.
    done = command(str(file), *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["sections"] == live["sections"]


def test_nothing_is_overwritten_without_being_asked(tmp_path, capsys):
    file = tmp_path / "trace.json"
    file.write_text("mine")
    assert main(TOOL, ["--example", "base", "--save-trace", str(file)]) == 2
    assert file.read_text() == "mine"
    assert main(TOOL, ["--example", "base", "--save-trace", str(file), "--overwrite"]) == 0
    assert read(file).to_json() == find(Question(example="base")).to_json()
    capsys.readouterr()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_small_and_real(name):
    path = example_file(f"generation_{name}.json")
    trace = read(path)
    assert path.stat().st_size <= 150_000
    assert trace.model["run"].startswith("speedrun-laptop")
    # What the pure rules choose from its logits is what the model's engine chose, wherever they can tell.
    told = 0
    for run in trace.runs:
        for place, chosen in zip(_path(trace, run.chosen), run.chosen, strict=True):
            text = trace.text(place)
            position = trace.places[place].position
            last = position.stages(run.sampling, set(text))[-1]
            found = position.chosen(last, draw(run.seed, len(text)))
            assert found in (None, chosen)
            told += found is not None
            if last.rest == 0 and last.exact:
                assert position.ids[choose(last.chances, draw(run.seed, len(text)))] == chosen
    assert told > 50


def test_the_chapters_figures_are_those_of_its_trace():
    trace = read(ROOT / "tools" / "explorer" / "small_trace.json")
    first = trace.places[0].position
    assert first.rest is not None
    best = sorted(zip(first.logits, first.ids, strict=True), reverse=True)
    warm = next(one.log_sum_exp for one in first.rest.moments if one.temperature == 1)
    others = math.log(math.exp(warm) + sum(math.exp(logit) for logit, _ in best[4:]))
    text = (ROOT / "site_docs" / "guides" / "build-generation-explorer.md").read_text(encoding="utf-8")
    for logit, token_id in best[:4]:
        word = trace.pieces[token_id].decode()
        assert f"| `{word}` | {logit:.3f} |" in text
        assert f'"{word}": {logit:.3f}' in text
    assert f"| the {first.vocab_size - 4:,} others, together | {others:.3f} |" in text
    assert f'"rest": {others:.3f}' in text


def _path(trace: Trace, chosen: tuple[int, ...]) -> list[int]:
    places = [0]
    for one in chosen[:-1]:
        branch = trace.branch(places[-1], one)
        assert branch is not None
        places.append(branch)
    return places


def test_the_example_of_a_call_says_the_sum():
    report = ask(example="calculator", temperature=0)
    assert report["text"]["plain"] == (
        "<|python_start|>84+67<|python_end|><|output_start|>151<|output_end|>151"
    )


def test_rules_that_were_not_recorded_are_worked_out_from_the_logits():
    found = walk(find(Question(example="calculator")), Sampling(1.1, min_p=0.1), 7, 20)
    assert (found.recorded, found.ended, found.parting) == (False, "stop", None)
    assert ask(example="calculator", temperature=1.1, min_p=0.1, seed=7)["text"]["recorded"] is False


def test_where_the_trace_ends_the_text_says_so_and_another_one_is_followed():
    trace = find(Question(example="base"))
    how = Sampling(1.4, top_k=30)
    alone = walk(trace, how, 11, 12)
    assert alone.ended == LEFT
    assert len(alone.steps) < 12
    followed = walk(trace, how, 11, 12, follow=True)
    assert len(followed.steps) == 12
    assert [step.given for step in followed.steps] == [number >= len(alone.steps) - 1 for number in range(12)]
    assert common(alone, followed) == len(alone.steps) - 1
    report = TOOL.ask(example="base", temperature=1.4, top_k=30, seed=11)
    said = figures(report)
    assert "the trace does not go there" in " ".join(report.notes)
    assert said["text"]["followed"] == len(alone.steps) - 1
    assert said["tokens"]["tokens"][-1]["kind"].endswith("given")


def test_a_draw_among_tokens_without_a_logit_is_not_guessed():
    trace = find(Question(example="base"))
    found = walk(trace, Sampling(3.0), 4, 12)
    assert found.ended == OPEN
    assert found.last is not None
    report = TOOL.ask(example="base", temperature=3, seed=4)
    assert "may fall on a token without a logit" in " ".join(report.notes)


@pytest.mark.parametrize("temperature", [0.3, 0.73, 1.0, 1.37, 2.5])
def test_every_rule_is_worked_out_anew_when_a_setting_changes(temperature):
    trace = find(Question(example="base"))
    report = ask(example="base", temperature=temperature, rows=5)
    position = trace.places[0].position
    known = sum(math.exp(logit / temperature) for logit in position.logits)
    assert position.rest is not None
    rests = [math.exp(one) for one in position.rest.at(temperature).log_sum_exp]
    for row in report["choice"]["candidates"][:5]:
        weight = math.exp(row["logit"] / temperature)
        highest, lowest = (weight / (known + rest) for rest in rests)
        assert lowest * (1 - 1e-9) <= row["chance_after"] <= highest * (1 + 1e-9)


# ---- tokens that are part of a character ----


def test_wrong_byte_counts_for_characters_that_span_tokens(trace):
    """The bytes of a token are its own, and its kind says which of the character's they are."""
    found = views(trace, trace.prompt.ids)
    spans = [(one.hexadecimal, one.kind) for one in found if "of a" not in one.kind and "byte" in one.kind]
    assert spans == [
        ("c3", "byte 1 of 2 of é"), ("a9", "byte 2 of 2 of é"),
        ("f0", "byte 1 of 4 of 🙂"), ("9f", "byte 2 of 4 of 🙂"),
        ("99", "byte 3 of 4 of 🙂"), ("82", "byte 4 of 4 of 🙂"),
    ]  # fmt: skip
    assert all(len(one.data) == 1 for one in found if one.kind != "special")


def test_half_a_character_at_the_end_is_not_counted_as_a_whole_one():
    trace = Trace({}, Prompt("", False, (1,)), 9, {1: b"\xf0", 2: b"\x9f", 3: b"a"}, {}, (1.0,))
    assert [one.kind for one in views(trace, [1, 2])] == ["part of a character"] * 2
    assert [one.kind for one in views(trace, [1, 3])] == ["part of a character", "letters"]


@given(st.text(max_size=12), st.integers(1, 3))
def test_the_bytes_of_all_tokens_are_those_of_the_text(text, size):
    data = text.encode("utf-8", errors="replace")
    pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b"-"]
    trace = Trace({}, Prompt("", False, (0,)), 9, dict(enumerate(pieces)), {}, (1.0,))
    found = views(trace, range(len(pieces)))
    assert [one.data for one in found] == pieces
    assert [bytes.fromhex(one.hexadecimal) for one in found] == pieces


def test_the_report_shows_the_bytes_of_every_token(trace):
    rows = ask(run="bytes", prompt="é🙂?", **HOT)["tokens"]["tokens"]
    for row in rows:
        special = row["kind"].startswith("special")
        assert row["bytes"] == ("" if special else trace.pieces[row["id"]].hex(" "))


# ---- the report ----


def test_surprise_and_entropy_are_in_bits_of_the_models_own_chances():
    report = ask(example="base", temperature=0.5, top_p=0.9)
    rows = report["tokens"]["tokens"]
    for row in rows:
        assert row["surprise"] == pytest.approx(-torch.tensor(row["chance"]).double().log2().item())
    assert report["text"]["surprise"] == pytest.approx(sum(row["surprise"] for row in rows))
    assert report["text"]["mean_entropy"] == pytest.approx(sum(row["entropy"] for row in rows) / len(rows))


def test_what_every_filter_removed_adds_up():
    rules = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.1}
    report = ask(example="base", **rules)["choice"]
    names = [row["rule"] for row in report["rules"]]
    assert names == ["the model", "temperature", "top-k", "top-p", "min-p"]
    left = [row["tokens"] for row in report["rules"]]
    assert [row["gone"] for row in report["rules"][1:]] == [a - b for a, b in pairwise(left)]
    assert left[1] == 4096 > left[2] == 40 > left[3] > left[4] > 0
    cut = [row["cut_by"] for row in report["candidates"]]
    assert "min-p" in cut
    reached = report["cumulated"]["under the rules"]
    assert reached[-1] == [left[-1], pytest.approx(1.0)]


def test_the_order_of_the_rules_is_the_engines():
    """A penalty comes before the temperature, min-p last."""
    report = ask(example="base", temperature=0.8, repetition_penalty=1.3, min_p=0.1)
    assert [row["rule"] for row in report["choice"]["rules"]] == [
        "the model", "repetition penalty", "temperature", "min-p",
    ]  # fmt: skip


def test_the_grid_has_a_text_for_each_pair_and_says_where_they_part():
    report = ask(example="base", temperature=0.5, temperatures="0, 0.5", top_ps="1, 0.9")
    texts = report["grid"]["texts"]
    assert [(row["temperature"], row["top_p"]) for row in texts] == [(0, 1), (0, 0.9), (0.5, 1), (0.5, 0.9)]
    assert texts[0]["text"] == texts[1]["text"]
    assert texts[2]["text"] == report["text"]["plain"]
    assert texts[2]["common"] == 12
    greedy, other = report["grid"]["text_A"], report["grid"]["text_B"]
    assert "".join(one["text"] for one in greedy) == texts[0]["text"]
    same = texts[0]["common"]
    assert [one["value"] for one in greedy[:same]] == [one["value"] for one in report["text"]["text"][:same]]
    assert greedy[same]["value"] != report["text"]["text"][same]["value"]
    assert other == report["text"]["text"]
    assert "grid" not in ask(example="base", temperatures="")


def test_texts_that_meet_again_have_parted_at_the_first_difference():
    trace = find(Question(example="base"))
    texts = [walk(trace, run.sampling, run.seed, 12) for run in trace.runs]
    again = 0
    for one in texts:
        for other in texts:
            same = common(one, other)
            assert one.ids[:same] == other.ids[:same]
            assert one.ids[same : same + 1] != other.ids[same : same + 1] or one.ids == other.ids
            again += sum(a == b for a, b in zip(one.ids, other.ids, strict=True)) > same
    assert again > 0


def test_a_place_behind_the_end_is_the_last_one():
    report = ask(example="base", place=500)
    assert report["choice"]["number"] == 12


def test_a_rule_that_needs_more_than_the_trace_has_says_so():
    report = ask(example="base", temperature=1.5, top_p=0.99)
    assert "needs more than" in " ".join(report["choice"]["not_known"])
    assert report["choice"]["rules"][-1]["tokens"] is None
    assert "?" in render_terminal(TOOL.ask(example="base", temperature=1.5, top_p=0.99))


def test_a_trace_without_runs_and_with_all_logits_can_be_looked_at(tmp_path):
    whole = find(Question(example="base")).to_json()
    root = whole["positions"][0] | {"rest": None}
    (tmp_path / "t.json").write_text(json.dumps(whole | {"positions": [root], "runs": []}))
    report = ask(trace=str(tmp_path / "t.json"), top_p=0.5)
    assert report["text"]["ended"] == "left"
    assert report["text"]["chosen"] == 1


# ---- command line, page, JSON ----


@pytest.mark.parametrize("example", TOOL.examples, ids=lambda one: one[0][:30])
def test_every_example_of_the_help_runs(example, tmp_path, monkeypatch, capsys):
    import shlex

    monkeypatch.chdir(tmp_path)
    words = shlex.split(example[0])
    if words[0] == "sea.json":
        assert main(TOOL, ["--example", "base", "--save-trace", "sea.json"]) == 0
    words = ["text" if word == "speedrun-laptop" else word for word in words]
    assert main(TOOL, words) == 0
    assert capsys.readouterr().err in ("", "wrote sea.json\n")


def test_page_command_and_json_have_the_same_figures():
    query = {"example": "calculator", "temperature": "1.4", "min-p": "0.05", "place": "3"}
    answer = page.answer_for(TOOL, query)
    assert answer["error"] is None
    done = command(*_flags(query), "--json")
    assert (
        json.loads(done.stdout)["sections"]
        == json.loads(render_json(TOOL.ask(example="calculator", temperature=1.4, min_p=0.05, place=3)))[
            "sections"
        ]
    )
    plain = command(*_flags(query))
    for figure in ("151", "min-p", "4,095"):
        assert figure in answer["html"]
        assert figure in plain.stdout


def _flags(query: dict[str, str]) -> list[str]:
    return [word for key, value in query.items() for word in (f"--{key}", value)]


def test_a_page_has_no_fields_that_need_a_terminal():
    keys = {field["key"] for group in page.form_schema(TOOL)["groups"] for field in group["fields"]}
    assert {"trace", "example", "prompt", "complete", "temperature", "seed"} <= keys
    assert not keys & {"run", "step", "device", "keep"}


def test_a_file_takes_the_place_of_the_example_that_a_page_begins_with():
    page.put_file("mine.json", example_file("generation_calculator.json").read_bytes())
    answer = page.answer_for(TOOL, {"example": "base", "trace": "mine.json", "temperature": "0"})
    assert answer["error"] is None
    assert "python_start" in answer["html"]


def test_on_a_page_the_example_is_fetched(monkeypatch):
    monkeypatch.setattr("tools.core.examples.PLACES", {"": Path("/nowhere")})
    assert page.answer_for(TOOL, {"example": "base"})["needs"] == ["assets/examples/generation_base.json"]


def test_the_terminal_fits_80_columns():
    for line in command("--example", "calculator", "--temperature", "1.3").stdout.splitlines():
        assert len(line) <= 80, line


def test_markup_in_a_trace_stays_text(tmp_path):
    whole = find(Question(example="base")).to_json()
    whole["model"] = {"run": "<script>alert(1)</script>"}
    page.put_file("t.json", json.dumps(whole).encode())
    html = page.answer_for(TOOL, {"trace": "t.json"})["html"]
    assert "<script" not in html
    assert "&lt;script" in html


# ---- bad questions and bad data: one line, the right code ----


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "give a --trace, or --example base or --example calculator"),
        (["--run", "x"], 2, "or a --prompt for a model"),
        (["--example", "calc"], 2, "--example must be"),
        (["--example", "base", "--prompt", "x"], 2, "--example and --prompt each say"),
        (["--example", "base", "--temperature", "-1"], 2, "--temperature must be at least 0"),
        (["--example", "base", "--top-p", "1.5"], 2, "--top-p must be at most 1"),
        (["--example", "base", "--temperatures", "0, warm"], 2, "--temperatures: 'warm' must be a number"),
        (["--example", "base", "--temperatures", "0,1,2,3,4,5,6", "--top-ps", "1,.9,.8,.7,.6,.5"], 2, "42"),
        (["/no/such/trace.json"], 2, "--trace names no file here"),
        (["--seed", "x", "--example", "base"], 2, "--seed must be a whole number"),
    ],
)  # fmt: skip
def test_a_bad_question_is_one_line(words, code, said):
    done = command(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert said in done.stderr


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "t.json is not JSON: Expecting value at line 1"),
        (b'{"format": "nanochat-trace",\n "version": 1,\n "mod', "t.json is not JSON: Unterminated string"),
        (b'{"format": "nanochat-trace",\n "version": 1,\n "mod', "line 3"),
        ("é".encode("latin-1") * 50, "t.json is not UTF-8 text"),
        (b"\x7fELF\0\0\0", "t.json is not JSON"),
        (b"[]", "t.json: this is no trace"),
        (b'{"format": "nanochat-trace", "version": 1}', "t.json: prompt is missing"),
        (b'{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n', "t.json is not JSON: Extra data at line 2"),
    ],
)
def test_bad_data_is_one_line_with_code_1(tmp_path, data, said):
    (tmp_path / "t.json").write_bytes(data)
    done = command(str(tmp_path / "t.json"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr


def test_a_file_that_may_not_be_read_and_one_too_large(tmp_path, monkeypatch, capsys):
    (tmp_path / "t.json").write_bytes(b" " * 100)
    monkeypatch.setattr(source, "LARGEST_TRACE", 10)
    assert main(TOOL, [str(tmp_path / "t.json")]) == 1
    assert "so it is not a trace" in capsys.readouterr().err
    locked = tmp_path / "locked.json"
    locked.write_bytes(b"{}")
    locked.chmod(0)
    if not os.access(locked, os.R_OK):  # root may read everything
        assert main(TOOL, [str(locked)]) == 1
        assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--run", "nobody", "--prompt", "x"], 2, "there is no run 'nobody'"),
        (["--run", "text", "--step", "9", "--prompt", "x"], 1, "no checkpoint of step 9; there are: 2, 4"),
        (["--run", "text", "--device", "tpu", "--prompt", "x"], 2, "--device tpu: use cpu, cuda"),
        (["--run", "text", "--prompt", "the sea " * 40], 2, "the model reads 32 in all"),
        (["--run", "bytes", "--prompt", "the sea " * 40], 2, "the model reads 96 in all"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_there_or_a_prompt_too_long(words, code, said, capsys):
    assert main(TOOL, words) == code
    seen = capsys.readouterr()
    assert (seen.out, seen.err.count("\n")) == ("", 1)
    assert said in seen.err


def test_a_damaged_checkpoint_is_refused(capsys):
    save_run("broken", *chance(), context=96, stage="sft")
    weights = next((run_folder("broken") / "checkpoints").glob("*/model.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    weights.write_bytes(bytes(data))
    assert main(TOOL, ["--run", "broken", "--step", "100", "--prompt", "x"]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "model.safetensors" in seen.err


def test_without_torch_one_line_says_how_to_get_it():
    done = command("--run", "text", "--prompt", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install -e '.[train]'" in done.stderr


@settings(max_examples=150)
@given(st.data())
def test_no_change_of_a_trace_brings_a_traceback(data):
    whole = json.loads(json.dumps(_small_trace()))
    inside, key = whole, data.draw(st.sampled_from(sorted(whole)))
    while isinstance(inside[key], (dict, list)) and inside[key] and data.draw(st.booleans()):
        inside = inside[key]
        keys = sorted(inside) if isinstance(inside, dict) else range(len(inside))
        key = data.draw(st.sampled_from(list(keys)))
    inside[key] = data.draw(
        st.one_of(
            st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=3),
            st.just([]), st.just({}), st.just([1, 2]),
        )
    )  # fmt: skip
    with contextlib.suppress(TraceError):
        walk(Trace.from_json(whole), Sampling(0.9, 3, 0.9, 0.01, 1.2), 0, 5, follow=True)


def _small_trace() -> dict:
    whole = find(Question(example="calculator")).to_json()
    return whole | {"positions": whole["positions"][:1], "runs": []}
