from __future__ import annotations

import json

import pytest
import torch

from nanochat import cli
from nanochat.commands import bench_loader, bench_tokenizer, bench_train
from nanochat.commands.measure import loading, machine, result, tokenizing, training, worker
from nanochat.data.corpus import Corpus
from nanochat.data.loader import make_loader
from nanochat.data.shards import write_shard
from nanochat.errors import UserError
from nanochat.home import corpora_folder, tokenizer_folder
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import CHAT_SPECIALS, Tokenizer, sample_text, sample_tokenizer
from tests.serve.small_chat_run import answering, certain, save_run

TINY = "--depth 1 --head-dim 32 --seq-len 32 --batch-size 2 --vocab-size 64 --steps 2 --warmup 0 --repeats 1"


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A corpus and a tokenizer of the default names."""
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = corpora_folder() / "classics"
    folder.mkdir(parents=True)
    texts = [text for text in sample_text().split("\n\n") if text] * 20
    train = write_shard(folder / "shard_00000.parquet", texts)
    validation = write_shard(folder / "validation.parquet", texts[:5])
    Corpus("classics", folder, (train,), validation, "the sample", "public domain").save()
    ranks = sample_tokenizer().ranks
    specials = {name: len(ranks) + number for number, name in enumerate(CHAT_SPECIALS)}
    place = tokenizer_folder()
    place.mkdir(parents=True)
    Tokenizer("default", ranks, special_tokens=specials).save(place)
    return tmp_path


def test_bench_train_measures_and_names_the_machine(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "new" / "train.json"
    words = ["bench", "train", *TINY.split(), "--modes", "eager", "--out", str(out)]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    found = json.loads(out.read_text(encoding="utf-8"))
    assert said.startswith(machine.in_words(found["machine"]))
    assert found["machine"]["torch"] == torch.__version__
    assert found["command"].startswith("nanochat bench train --depth 1 --head-dim 32")
    cli.check(found["command"].split()[1:])
    (row,) = found["results"]
    assert row["mode"] == "eager"
    assert row["tokens_per_second"] > 0
    assert row["memory_bytes"] > 10**8  # torch itself
    assert 0 < row["first_step_cold_seconds"] < 600
    assert 0 < row["matmul_share"] < 1
    assert found["settings"]["n_embd"] == 64
    assert found["settings"]["dtype"] == "fp32" or torch.cuda.is_available()


def test_json_alone_is_printed_where_asked(prepared, capsys):
    shape = ["--batch-size", "2", "--seq-len", "32", "--batches", "3", "--repeats", "1"]
    assert cli.main(["bench", "loader", *shape, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["packing"] for row in found["results"]] == ["documents", "best-fit"]
    whole, cut = found["results"]
    assert whole["used_share"] == 1.0
    assert 0 < cut["used_share"] < 1
    assert (
        found["settings"]["vocab_size"] == sample_tokenizer().n_vocab or found["settings"]["vocab_size"] > 256
    )


@pytest.mark.parametrize("packing", bench_loader.PACKINGS)
def test_the_text_used_is_that_of_the_documents_taken(prepared, packing):
    """Counted once more, from the batches: every document's tokens, but for those still waiting."""
    from nanochat.data.corpus import open_corpus
    from nanochat.data.loader import open_tokenizer

    tokenizer = loading.Counting(open_tokenizer("default"))
    loader = make_loader(open_corpus("classics"), tokenizer, "train", 64, 16, packing=packing, workers=0)
    given = sum(int((next(loader).targets_BT >= 0).sum()) for _ in range(4))
    taken = loading.taken(loader, tokenizer.lengths)
    assert (given == taken) if packing == "documents" else (given < taken)


def test_bench_tokenizer_learns_and_encodes(prepared, capsys):
    words = ["bench", "tokenizer", "--vocab-size", "300,310", "--megabytes", "1", "--json"]
    assert cli.main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["vocab_size"] for row in found["results"]] == [300, 310]
    for row in found["results"]:
        assert row["encode_mb_per_second"] > row["pure_mb_per_second"] > 0
        assert 1 < row["bytes_per_token"] < 10
        assert row["train_seconds"] > 0
    assert not tokenizer_folder(tokenizing.NAME).exists()  # nothing is left behind


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("train --modes fast", "--modes fast: choose compiled or eager"),
        ("train --depth 0", "--depth 0 is out of range"),
        ("train --steps 0", "--steps 0 must be at least 1"),
        ("train --dtype fp64", "--dtype fp64: choose"),
        ("train --without smaer", "--without smaer: there is no such extra"),
        ("train --vocab-size 0", "--vocab-size 0 is out of range"),
        ("tokenizer --vocab-size many", "--vocab-size many: use whole numbers"),
        ("tokenizer --megabytes 0", "--megabytes 0 must be at least 1"),
        ("loader --batches 0", "--batches 0 must be at least 1"),
        ("loader --workers -1", "--workers -1 must be at least 0"),
    ],
)
def test_a_wrong_word_is_one_line(capsys, words, line):
    assert cli.main(["bench", *words.split()]) == 2
    found = capsys.readouterr()
    assert line in found.err
    assert found.err.count("\n") == 1
    assert found.out == ""


@pytest.mark.parametrize("kind", ["train", "tokenizer", "loader"])
def test_dry_run_measures_nothing(kind, capsys, monkeypatch):
    monkeypatch.setattr(worker, "ask", lambda *_: pytest.fail("it was measured"))
    assert cli.main(["bench", kind, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("would ")


@pytest.mark.parametrize("kind", ["tokenizer", "loader"])
def test_a_corpus_that_is_not_there_is_one_line(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    assert cli.main(["bench", kind]) == 2
    assert "there is no corpus 'classics'; prepare it with" in capsys.readouterr().err


def test_a_measurement_that_dies_says_its_last_words(monkeypatch):
    with pytest.raises(UserError, match="the measurement did not finish: ModuleNotFoundError"):
        worker.ask("nowhere", {})


def test_the_shapes_are_the_known_ones():
    options = bench_train.make_parser().parse_args([])
    for shape, width in ((bench_train.CPU_SHAPE, 256), (bench_train.GPU_SHAPE, 768)):
        settings = training.Settings(**bench_train.trainer_settings(options, shape, compiled=False))
        plan = training.plan_run(settings, shape["vocab_size"])
        assert plan.config.n_embd == width
        assert plan.batch_size == shape["batch_size"]


def test_chance_batches_have_documents_of_about_the_mean_length():
    settings = training.Settings(depth=4, head_dim=64, seq_len=512, batch_size=8, steps=1)
    plan = training.plan_run(settings, vocab_size=4_096)
    batch = next(training.ChanceLoader(plan, 64, torch.device("cpu")))
    assert torch.equal(batch.inputs_BT[:, 1:], batch.targets_BT[:, :-1])
    assert (batch.documents_BT.diff(dim=1) >= 0).all()
    documents = int(batch.documents_BT[:, -1].sum()) + len(batch.documents_BT)
    assert 32 < batch.inputs_BT.numel() / documents < 128
    alone = next(training.ChanceLoader(plan, 0, torch.device("cpu")))
    assert not alone.documents_BT.any()


def test_the_command_of_a_result_says_what_differs():
    parser = bench_train.make_parser()
    options = parser.parse_args(["--depth", "6", "--fp8", "--json", "--modes", "eager"])
    assert result.given_words(options, parser) == ["--depth", "6", "--modes", "eager", "--fp8"]


def test_the_processor_has_a_name(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nmodel name : Some CPU @ 2 GHz\n", encoding="utf-8")
    assert machine.cpu_name(info) == "Some CPU @ 2 GHz"
    assert machine.cpu_name(tmp_path / "none")


def test_speeds_of_a_bench_are_in_its_table():
    row = {"vocab_size": 4_096, "train_seconds": 2.0, "bytes_per_token": 4.2, "encode_mb_per_second": 5.55}
    assert result.cells([row], bench_tokenizer.COLUMNS) == [
        ["vocabulary", "learning", "bytes a token", "encoding"],
        ["4,096", "2.0 s", "4.20", "5.5 MB/s"],
    ]


def test_fast_and_plain_tokenizer_are_the_same_one(prepared):
    fast, plain = FastTokenizer.load(tokenizer_folder()), Tokenizer.load(tokenizer_folder())
    assert fast.encode("Call me Ishmael.") == plain.encode("Call me Ishmael.")


TINY_WRITER = "--depth 1 --head-dim 32 --vocab-size 300 --seq-len 64 --prompt 8 --steps 4 --repeats 1"


def test_bench_infer_measures_against_the_memory(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "infer.json"
    words = ["bench", "infer", *TINY_WRITER.split(), "--batches", "1,3", "--out", str(out)]
    assert cli.main(words) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert capsys.readouterr().out.startswith(machine.in_words(found["machine"]))
    cli.check(found["command"].split()[1:])
    one, three = found["results"]
    assert (one["rows"], three["rows"]) == (1, 3)
    for row in (one, three):
        assert row["tokens_per_second"] == pytest.approx(row["rows"] / row["step_seconds"], rel=0.01)
        assert 0 < row["bandwidth_share"] < 1
        assert row["cache_bytes"] > 0
    assert 0 < one["first_token_seconds"] < 60
    assert one["prefill_tokens_per_second"] > 0
    # What a step reads: matrices, gates and head, 4 bytes each; tables are looked up.
    C = 64
    assert found["settings"]["bytes_read"] == 4 * (12 * C * C + 12 * 2 + 320 * C + 2 + 24 + 1 + 1)


@pytest.mark.parametrize(("words", "complaint"), [
    ("--batches 1,x", "--batches 1,x: whole numbers with commas"),
    ("--batches 0", "--batches 0: whole numbers"),
    ("--prompt 2000 --seq-len 2048", "--prompt and --steps need 2,063 tokens of context; use --seq-len 2063"),
    ("--kv-heads 3", "--kv-heads 3: n_head=4 is not divisible by n_kv_head=3"),
    ("--dtype fp8", "--dtype fp8: choose auto, bf16, fp16, fp32"),
    ("--steps 0", "--steps 0 must be at least 1"),
])  # fmt: skip
def test_bench_infer_refuses(words, complaint, capsys):
    assert cli.main(["bench", "infer", *words.split()]) == 2
    assert complaint in capsys.readouterr().err


def test_bench_serve_loses_no_answer(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    model, tokenizer = answering(("text", "I am a small language model."))
    save_run("small", certain(model), tokenizer)
    words = ["bench", "serve", "--model", "small", "--clients", "5", "--seconds", "2", "--json"]
    assert cli.main(words) == 0
    found = json.loads(capsys.readouterr().out)
    cli.check(found["command"].split()[1:])
    (row,) = found["results"]
    assert row["streams"] >= 5
    assert (row["failed"], row["lost"]) == (0, 0)
    assert 0 < row["first_p50_seconds"] <= row["first_p99_seconds"]
    assert found["settings"]["model"] == "small"


def test_bench_serve_refuses(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    assert cli.main(["bench", "serve", "--model", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("nanochat: error: there is no run 'nowhere'")
    assert cli.main(["bench", "serve", "--url", "http://127.0.0.1:9"]) == 2
    assert "no nanochat answers there" in capsys.readouterr().err
    assert cli.main(["bench", "serve", "--clients", "0"]) == 2
    assert cli.main(["bench", "serve", "--url", "http://x", "--model", "y"]) == 2
