"""The attention visualizer: real checkpoints, saved traces, its command line, its page, its pictures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from nanochat.errors import UserError
from nanochat.home import run_folder
from nanochat.model.attention_weights import attention_weights
from nanochat.model.config import GPTConfig
from nanochat.tokenizer.chat import render_conversation, render_prompt
from nanochat.tokenizer.tokenizer import sample_text, sample_tokenizer
from nanochat.train.finished import open_run
from tests.model.exported import chance_weights
from tests.train.small_run import QUIET, prepare, train
from tools.attention.trace import PARTS
from tools.attention.trace_file import read_trace, trace_text
from tools.attention.with_model import trace_of_ids
from tools.attention_visualizer import TOOL
from tools.core import page
from tools.core.command import main
from tools.core.examples import example_file
from tools.core.json_report import figures
from tools.core.terminal_text import width_of

SCRIPT = Path(__file__).parents[2] / "tools" / "attention_visualizer.py"
SIZE = ["--depth", "2", "--head-dim", "32", "--kv-heads", "1", "--seq-len", "300", "--window-pattern", "SL"]
MORE = ["--batch-size", "2", "--steps", "2", "--no-compile", "--save-every", "1"]
CHAT = [{"role": "user", "content": "What is 37 * 12?"}, {"role": "assistant", "content": "444"}]
EXAMPLES = ("sentence", "sum", "repeated", "induction")


def ask(**values) -> dict[str, dict]:
    """The report's figures for parameters given by name."""
    return figures(TOOL.ask(**values))


def command(*arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the tool as a reader does: by its path, with a bare Python."""
    return subprocess.run([sys.executable, "-I", str(SCRIPT), *arguments], input=text, capture_output=True)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A base folder with a run that the real trainer left, and two that say to be of the later stages."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        prepare()
        done = train(*SIZE, *MORE, *QUIET, "--name", "d2")
        assert done.returncode == 0, done.stderr
        for stage in ("sft", "rl"):
            shutil.copytree(run_folder("d2"), run_folder(f"d2-{stage}"))
            config = run_folder(f"d2-{stage}") / "config.json"
            config.write_text(json.dumps({**json.loads(config.read_text()), "stage": stage}))
    return folder


@pytest.fixture
def runs(base, monkeypatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(base))
    return base


# ---- the weights are the model's own ----

SMALL = {"n_layer": 3, "n_embd": 48, "n_head": 4, "vocab_size": 2_048, "sequence_len": 256}


@pytest.mark.parametrize(
    "config",
    [
        GPTConfig(**SMALL, n_kv_head=4),
        GPTConfig(**SMALL, n_kv_head=2, window_pattern="SL"),
        GPTConfig(**SMALL, n_kv_head=1, value_embeddings=False),
        GPTConfig.core(**SMALL, n_kv_head=2),
    ],
    ids=["every extra", "two heads share keys", "all share keys", "the core"],
)
def test_weights_equal_the_models_own_to_1e_5(config):
    model, tokenizer = chance_weights(config), sample_tokenizer()
    ids = tokenizer.encode(sample_text()[:900])[:200]
    trace = trace_of_ids(model, tokenizer, ids)
    for layer, weights_BHTS in enumerate(attention_weights(model, torch.tensor([ids]))):
        for head in range(config.n_head):
            for t in (0, 1, 50, 128, 199):
                kept = torch.tensor(trace.weights[layer][head][t], dtype=torch.float64) / PARTS
                own = weights_BHTS[0, head, t, : t + 1].double()
                assert (kept - own).abs().max() < 1e-5 + 1e-6  # float32's own rounding
    assert trace.windows == config.windows()


def test_a_real_run_is_read(runs):
    found = ask(text="Call me Ishmael — some years ago.", run="d2")
    text = found["text"]
    assert text["made_by"] == "d2, base, step 2"
    assert text["bytes"] == len("Call me Ishmael — some years ago.".encode())
    assert text["characters"] == len("Call me Ishmael — some years ago.")
    run = open_run("d2")
    model = run.model(run.checkpoint(), torch.device("cpu"), torch.float32)
    ids = [
        run.tokenizer().special_id("<|bos|>"),
        *run.tokenizer().encode("Call me Ishmael — some years ago."),
    ]
    own = attention_weights(model, torch.tensor([ids]))
    found = ask(text="Call me Ishmael — some years ago.", run="d2", layer=2, head=3, show=64)
    grid = found["head"]["weights"]["values"]
    for t, row in enumerate(grid):
        for at, value in enumerate(row):
            assert value is None if at > t else value == pytest.approx(own[1][0, 2, t, at].item(), abs=1e-5)


def test_the_window_of_a_layer_cuts_its_weights(runs):
    found = ask(text=sample_text()[:900], run="d2", first=200, start=120, show=30, layer=1, token=200)
    rows = found["head"]["weights"]["values"]
    assert found["text"]["windows"] == "128, 300"
    assert rows[29][0] is not None  # token 149 sees token 120
    late = ask(text=sample_text()[:900], run="d2", first=200, start=1, show=64, layer=1, token=200)
    assert late["head"]["weights"]["values"][63][0] is not None
    assert late["token"]["lines"].startswith("200 ")
    assert "to 1 <|bos|>" not in late["token"]["lines"]


def test_without_a_run_the_newest_chat_model_is_taken(runs):
    assert ask(text="Call me Ishmael")["text"]["made_by"].split(",")[0] in ("d2-sft", "d2-rl")


@pytest.mark.parametrize("stage", ["base", "sft", "rl"])
def test_every_stage_is_read(runs, stage):
    name = "d2" if stage == "base" else f"d2-{stage}"
    assert ask(chat=json.dumps(CHAT), run=name)["text"]["made_by"] == f"{name}, {stage}, step 2"
    assert ask(text="Hello there", run=name, step=1)["text"]["made_by"] == f"{name}, {stage}, step 1"


def test_both_forms_of_a_chat_are_the_same_tokens(runs, tmp_path):
    (tmp_path / "object.json").write_text(json.dumps({"messages": CHAT}))
    (tmp_path / "list.json").write_text(json.dumps(CHAT), encoding="utf-8-sig")
    ids, _ = render_conversation(sample_tokenizer(), {"messages": CHAT})
    for values in (
        {"chat": json.dumps(CHAT)},
        {"chat": json.dumps({"messages": CHAT})},
        {"chat_file": str(tmp_path / "object.json")},
        {"chat_file": str(tmp_path / "list.json")},
    ):
        text = ask(**values)["text"]
        assert [token["value"] for token in text["tokens"]] == ids
        assert (text["kind"], text["bytes"]) == ("chat", len("What is 37 * 12?444"))


def test_a_chat_that_ends_with_a_question_is_a_prompt(runs):
    ids = render_prompt(sample_tokenizer(), {"messages": CHAT[:1]})
    assert [token["value"] for token in ask(chat=json.dumps(CHAT[:1]))["text"]["tokens"]] == ids


def test_random_tokens_come_twice(runs):
    found = ask(repeat=20, seed=3)["text"]
    ids = [token["value"] for token in found["tokens"]]
    assert len(ids) == 41
    assert ids[1:21] == ids[21:]
    assert len(set(ids)) == 21
    assert ids == [token["value"] for token in ask(repeat=20, seed=3)["text"]["tokens"]]
    assert ids != [token["value"] for token in ask(repeat=20, seed=4)["text"]["tokens"]]


def test_a_saved_trace_gives_the_same_figures(runs, tmp_path):
    path = tmp_path / "trace.json"
    words = ["Call me Ishmael.", "--run", "d2"]
    assert main(TOOL, [*words, "--save-trace", str(path)]) == 0
    direct, saved = TOOL.ask(text="Call me Ishmael.", run="d2"), TOOL.ask(trace=str(path))
    assert figures(direct) == figures(saved)
    assert (direct.says, direct.notes) == (saved.says, saved.notes)
    assert main(TOOL, [*words, "--save-trace", str(path)]) == 2  # it is there
    assert main(TOOL, [*words, "--save-trace", str(path), "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"text": "Call me Ishmael. " * 100}, "tokens, and 256 are the most to look at"),
        ({"text": "  "}, "the text is empty"),
        ({"text": "x", "run": "no-such-run"}, "there is no run 'no-such-run'"),
        ({"text": "x", "step": 7}, "has no checkpoint of step 7; there are: 1, 2"),
        ({"text": "x", "device": "tpu"}, "--device tpu: use cpu, cuda"),
        ({"text": "x", "chat": "[]"}, "--text and --chat say different things"),
        ({"chat": "[]"}, "has no user message"),
        ({"chat": "{}"}, "has no list of messages"),
        ({"chat": "{"}, "--chat is not JSON"),
        ({"chat": '[{"role": "tool", "content": "x"}]'}, "the role is 'tool'"),
        ({"text": "a\ud800"}, "half of a surrogate pair"),
        ({"example": "sentence", "run": "d2"}, "--run goes with something for the model to read"),
        ({}, "there is nothing to look at: give a text, --chat"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(runs, values, says):
    with pytest.raises((page.ToolError, UserError)) as error:
        TOOL.ask(**values)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_checkpoint_is_refused_by_name(base, tmp_path, monkeypatch, capsys):
    shutil.copytree(base, tmp_path / "base")
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    weights = run_folder("d2") / "checkpoints" / "step_000002" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert main(TOOL, ["Call me", "--run", "d2", "--step", "2"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "step_000002" in told.err
    assert told.err.count("\n") == 1


def test_without_torch_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(page.ToolError, match=r"pip install -e '\.\[train\]'"):
        TOOL.ask(text="Call me Ishmael")


# ---- examples and their figures ----


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_good_trace_and_small(example):
    path = example_file(f"attention-{example}.json")
    assert path.stat().st_size < 150_000
    trace = read_trace(path)
    assert trace.repeated is not None
    report = TOOL.ask(example=example)
    assert report.says
    assert len(figures(report)["all_heads"]["heads"]) == trace.n_layer * trace.n_head + 1


def test_the_model_that_learned_to_repeat_has_induction_heads():
    found = ask(example="induction", by="induction")
    patterns = {row["pattern"]: row["heads"] for row in found["patterns"]["patterns"]}
    assert patterns["induction"] == "2.1, 2.2"
    assert patterns["previous token"] == "1.2"
    assert found["head"]["induction_random"] > 0.5
    assert found["head"]["induction_text"] > 0.5
    assert any("is an induction head" in note for note in TOOL.ask(example="induction").notes)
    assert any("none is called an induction head" in note for note in TOOL.ask(example="repeated").notes)


def test_the_parts_of_a_character_are_shown_as_such():
    text = ask(example="sentence")["text"]
    sentence = "The old man saw the sea, and the café by the sea saw the old man."
    assert (text["bytes"], text["characters"]) == (len(sentence.encode()), len(sentence))
    assert text["parts_of_characters"] == 2


def test_ranks_are_in_order():
    found = ask(example="sentence")
    for row in found["ranks"]["ranks"]:
        scores = [float(row[key].split(": ")[1]) for key in ("first", "second", "third", "last")]
        assert scores == sorted(scores, reverse=True)
    heads = found["all_heads"]["heads"][:-1]
    assert [row["previous"] for row in heads] == sorted((row["previous"] for row in heads), reverse=True)
    by_entropy = ask(example="sentence", by="entropy")["all_heads"]["heads"][:-1]
    assert [row["entropy"] for row in by_entropy] == sorted(
        (row["entropy"] for row in by_entropy), reverse=True
    )


def test_the_share_inside_a_window_is_asked_for():
    whole, short = ask(example="sentence"), ask(example="sentence", window=4)
    assert all(row["inside_window"] == pytest.approx(1) for row in whole["all_heads"]["heads"])
    assert all(row["inside_window"] < 0.99 for row in short["all_heads"]["heads"])
    assert any(
        "A window of 4 tokens would take" in note for note in TOOL.ask(example="sentence", window=4).notes
    )


def test_the_lines_of_a_token_say_their_numbers():
    found = ask(example="sentence", layer=3, head=4, token=5)
    told = found["token"]["lines"]
    row = read_trace(example_file("attention-sentence.json")).weights[2][3][4]
    best = max(range(5), key=row.__getitem__)
    assert told.startswith(f"5 ␣saw gives {row[best] / PARTS:.2f} to {best + 1} ")
    assert sum(found["token"]["weights"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"layer": 9}, "--layer is 9, and there are 4"),
        ({"head": 5}, "--head is 5, and there are 4"),
        ({"token": 23}, "--token is 23, and there are 22 tokens"),
        ({"start": 22}, "--start is 22, and there are 22 tokens"),
        ({"first": 10, "token": 11}, "--token is 11, and there are 10 tokens"),
    ],
)
def test_what_is_not_there_is_named(values, says):
    with pytest.raises(page.ToolError, match=says):
        TOOL.ask(example="sentence", **values)
    answer = page.answer_for(TOOL, {"example": "sentence", **{key: str(one) for key, one in values.items()}})
    assert says.partition(" is ")[2] in answer["error"]
    assert answer["field"] in values


def test_an_order_by_what_no_token_shows_is_refused():
    with pytest.raises(page.ToolError, match="no token of this text repeats"):
        TOOL.ask(example="sentence", first=4, by="in-text")


def test_the_first_tokens_alone():
    assert ask(example="sentence", first=5)["text"]["tokens_read"] == 5


# ---- the command line ----


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_terminal_stays_within_80_columns(example):
    ran = command("--example", example)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert max(map(width_of, ran.stdout.decode().splitlines())) <= 80


def test_terminal_json_and_page_give_the_same_figures():
    ran = command("--example", "sum", "--layer", "2", "--head", "2", "--token", "9", "--json")
    assert ran.returncode == 0, ran.stderr.decode()
    told = json.loads(ran.stdout)
    report = TOOL.ask(example="sum", layer=2, head=2, token=9)
    assert told["sections"] == json.loads(json.dumps(figures(report)))
    answer = page.answer_for(TOOL, {"example": "sum", "layer": "2", "head": "2", "token": "9"})
    assert answer["error"] is None
    assert answer["says"] == report.says == told["says"]
    assert f"{told['sections']['head']['previous']:.2f}" in answer["html"]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", 1, "is empty"),
        (b'{"format": "nano', 1, "line 1, column 12"),
        (b"\xff\xfe", 1, "is not UTF-8 text"),
        (b"\x7fELF\0", 1, "is not JSON"),
        (None, 2, "names no file here"),
    ],
)
def test_a_bad_file_is_one_line_and_its_code(tmp_path, content, code, says):
    path = tmp_path / "trace.json"
    if content is not None:
        path.write_bytes(content)
    ran = command("--trace", str(path))
    assert (ran.returncode, ran.stdout, ran.stderr.count(b"\n")) == (code, b"", 1)
    assert says in ran.stderr.decode()


def test_a_file_without_permission(tmp_path, monkeypatch):
    path = tmp_path / "trace.json"
    path.write_bytes(example_file("attention-induction.json").read_bytes())

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(page.ToolError, match=r"trace\.json cannot be read: Permission denied"):
        TOOL.ask(trace=str(path))


def test_a_chat_from_standard_input_is_checked_before_a_model_is_looked_for():
    for text, says in (
        (b'[{"role": "user"', "standard input is not JSON: Expecting ',' delimiter"),
        (b"\xff", "standard input is not UTF-8 text"),
        (b'[{"role": "assistant", "content": "x"}]', "standard input: message 1: the role is 'assistant'"),
    ):
        ran = command("--chat-file", "-", text=text)
        assert (ran.returncode, ran.stdout, ran.stderr.count(b"\n")) == (1, b"", 1)
        assert says in ran.stderr.decode()


def test_long_names_are_cut_in_maps():
    assert "14 <|assistant… " in command("--example", "sum").stdout.decode()


@pytest.mark.parametrize("picture", ["heatmap", "lines", "maps"])
def test_a_picture_is_an_svg_of_its_own(tmp_path, picture):
    path = tmp_path / "picture.svg"
    ran = command("--example", "sum", "--picture", picture, "--svg", str(path))
    assert ran.returncode == 0, ran.stderr.decode()
    root = ElementTree.fromstring(path.read_bytes())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {"width", "height", "viewBox"} <= set(root.attrib)
    assert "prefers-color-scheme: dark" in path.read_text()
    assert "<|assistant…" in "".join(root.itertext()) or picture == "maps"
    assert "http" not in path.read_text().replace("http://www.w3.org/2000/svg", "")


def test_html_and_standard_output(tmp_path):
    ran = command("--example", "induction", "--html", str(tmp_path / "report.html"))
    assert ran.returncode == 0, ran.stderr.decode()
    assert "<title>Attention visualizer</title>" in (tmp_path / "report.html").read_text()
    piped = command("--example", "induction", "--save-trace", "-")
    assert json.loads(piped.stdout)["format"] == "nanochat-attention-trace"


def test_help_shows_examples():
    assert b"--repeat 25 --by induction" in command("--help").stdout


# ---- the page ----


def test_the_page_has_no_field_for_what_needs_a_checkpoint():
    fields = {field["key"] for group in page.form_schema(TOOL)["groups"] for field in group["fields"]}
    assert {"text", "chat", "repeat", "seed", "trace", "example", "layer", "head", "token", "by"} <= fields
    assert not fields & {"chat-file", "run", "step", "device"}


def test_a_dropped_file_goes_before_the_example():
    page.give("trace", str(example_file("attention-sum.json").parent), '["attention-sum.json"]')
    answer = page.answer_for(TOOL, {"example": "sentence", "trace": "attention-sum.json"})
    assert answer["error"] is None
    assert "speedrun-laptop-rl" in answer["html"]


def test_markup_in_a_trace_stays_text(tmp_path):
    data = json.loads(example_file("attention-induction.json").read_text())
    data["tokens"][1] = {"id": 1, "bytes": b"<script>".hex()}
    data["made_by"]["run"] = "<img src=x>"
    page.put_file("bad.json", json.dumps(data).encode())
    answer = page.answer_for(TOOL, {"trace": "bad.json"})
    assert answer["error"] is None
    assert "<script" not in answer["html"]
    assert "<img" not in answer["html"]


def test_many_heads_and_tokens_are_still_a_report(tmp_path):
    model = chance_weights(
        GPTConfig(n_layer=12, n_embd=96, n_head=8, n_kv_head=4, vocab_size=2_048, sequence_len=128)
    )
    trace = trace_of_ids(model, sample_tokenizer(), sample_tokenizer().encode(sample_text()[:300])[:64])
    (tmp_path / "large.json").write_text("".join(trace_text(trace)))
    report = TOOL.ask(trace=str(tmp_path / "large.json"), show=64)
    assert len(figures(report)["all_heads"]["heads"]) == 33
    assert len(page.render_html(report)) < 1_500_000


# ---- the chapter that builds it ----


def test_the_numbers_of_the_chapter_are_those_of_the_trace():
    page_text = (SCRIPT.parents[1] / "site_docs/guides/build-attention-visualizer.md").read_text(
        encoding="utf-8"
    )
    trace = read_trace(example_file("attention-induction.json"))
    assert f'b"{"".join(token.data.decode() for token in trace.tokens)}"' in page_text
    for name, layer, head in (("before", 0, 1), ("again", 1, 0)):
        literal = page_text.partition(f'{name} = """\\\n')[2].partition('"""')[0]
        rows = [list(map(int, line.split())) for line in literal.splitlines()]
        assert len(rows) == len(trace.tokens)
        for row, own in zip(rows, trace.weights[layer][head], strict=True):
            assert sum(row) == 100
            assert all(abs(one - weight / 1000) < 1 for one, weight in zip(row, own, strict=True))
