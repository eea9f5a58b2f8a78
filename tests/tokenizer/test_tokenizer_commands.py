"""`nanochat tokenizer train` and `eval`, by the real command, on a corpus made for this."""

from __future__ import annotations

import json

import pytest

from nanochat.cli import main
from nanochat.data.corpus import Corpus, open_corpus
from nanochat.data.shards import write_shard
from nanochat.home import corpora_folder, tokenizer_folder
from nanochat.tokenizer import ranks
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_text
from nanochat.tokenizer.training import train_tokenizer

LINES = sample_text().splitlines(keepends=True)


@pytest.fixture
def corpus(tmp_path, monkeypatch) -> Corpus:
    """A corpus of two shards, and a base folder of its own."""
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    folder = corpora_folder() / "classics"
    folder.mkdir(parents=True)
    half = len(LINES) // 2
    shards = LINES[20:half], LINES[half:]
    train = tuple(
        write_shard(folder / f"shard_{number:05d}.parquet", lines) for number, lines in enumerate(shards)
    )
    validation = write_shard(folder / "validation.parquet", LINES[:20])
    Corpus("classics", folder, train, validation, source="", licence="").save()
    return open_corpus("classics")


def test_train(corpus, capsys):
    assert main(["tokenizer", "train", "--vocab-size", "1024", "--name", "small"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("small: 1,024 ids from 0.05 MB of classics in ")
    folder = tokenizer_folder("small")
    found = FastTokenizer.load(folder)
    assert found.fingerprint == FastTokenizer.of(train_tokenizer(LINES[20:], 1_024)).fingerprint
    assert (found.name, found.n_vocab) == ("small", 1_024)
    record = json.loads((folder / "training.json").read_text())
    assert record == {
        "corpus": "classics",
        "corpus_fingerprint": corpus.fingerprint,
        "documents": len(LINES) - 20,
        "bytes": sum(len(line.encode()) for line in LINES[20:]),
    }
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_a_limit_of_text(corpus, capsys):
    most = sum(len(line.encode()) for line in LINES[20:30])
    assert main(["tokenizer", "train", "--vocab-size", "400", "--max-bytes", str(most)]) == 0
    found = FastTokenizer.load(tokenizer_folder())
    assert found.fingerprint == FastTokenizer.of(train_tokenizer(LINES[20:30], 400)).fingerprint
    assert json.loads((tokenizer_folder() / "training.json").read_text())["documents"] == 10


def test_one_of_that_name_is_kept_unless_told(corpus, capsys):
    words = ["tokenizer", "train", "--name", "small", "--vocab-size"]
    assert main([*words, "1024"]) == 0
    assert main([*words, "512"]) == 2
    assert "is there already; choose another --name, or say --overwrite" in capsys.readouterr().err
    assert FastTokenizer.load(tokenizer_folder("small")).n_vocab == 1_024
    assert main([*words, "512", "--overwrite"]) == 0
    assert FastTokenizer.load(tokenizer_folder("small")).n_vocab == 512
    # What fails leaves the old one as it is, and nothing beside it.
    assert main([*words, "900000", "--overwrite"]) == 2
    assert FastTokenizer.load(tokenizer_folder("small")).n_vocab == 512
    assert [path.name for path in tokenizer_folder("small").parent.iterdir()] == ["small"]


def test_what_train_refuses(corpus, capsys):
    cases = {
        "--vocab-size 264": "--vocab-size 264 must be from 265 (256 bytes, 9 special tokens) to 1,000,000",
        "--vocab-size 900000": "--vocab-size 900000 is too many: this text has pairs for",
        "--max-bytes 0": "--max-bytes 0: at least 1",
        "--name ../x": "the name '../x' cannot be a folder's",
        "--corpus climbmix": "there is no corpus 'climbmix'; prepare it with: nanochat data prepare --corpus",
    }
    for words, complaint in cases.items():
        assert main(["tokenizer", "train", *words.split()]) == 2
        line = capsys.readouterr().err
        assert complaint in line
        assert line.count("\n") == 1
    assert not tokenizer_folder().parent.exists()


def test_dry_run_does_nothing(corpus, capsys):
    assert main(["tokenizer", "train", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out == f"would learn 32,768 ids from 0.05 MB of classics into {tokenizer_folder()}\n"
    assert not tokenizer_folder().parent.exists()


def test_a_disk_that_is_full(corpus, capsys, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "tokenizer.tiktoken")

    monkeypatch.setattr("nanochat.tokenizer.tokenizer.Tokenizer.save", full)
    assert main(["tokenizer", "train", "--vocab-size", "300"]) == 2
    assert "tokenizer.tiktoken: No space left on device" in capsys.readouterr().err
    assert list(tokenizer_folder().parent.iterdir()) == []


def test_eval(corpus, capsys, tmp_path):
    assert main(["tokenizer", "train", "--vocab-size", "1024"]) == 0
    mine = tmp_path / "mine.txt"
    mine.write_text("def f(x):\n    return x\n" * 20)
    capsys.readouterr()
    assert main(["tokenizer", "eval", "--text", str(mine)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["bytes", "a", "token", "default", "gpt2", "cl100k_base", "o200k_base"]
    assert table[1].split() == ["ids", "1,024", "50,257", "100,277", "200,019"]
    kinds = [line.rsplit(maxsplit=4)[0] for line in table[3:]]
    assert kinds == [
        "prose", "news", "code", "mathematics", "korean", "russian", "mine.txt", "classics, validation"
    ]  # fmt: skip
    assert len({len(line) for line in table if line}) == 1

    assert main(["tokenizer", "eval", "--text", str(mine), "--json", "--against", "gpt2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["vocab_size"] == {"default": 1_024, "gpt2": 50_257}
    ours = FastTokenizer.load(tokenizer_folder())
    tokens = len(ours.encode(mine.read_text()))
    assert found["kinds"]["mine.txt"]["default"] == {
        "bytes": 460, "tokens": tokens, "bytes_per_token": 460 / tokens
    }  # fmt: skip
    assert f"{found['kinds']['prose']['gpt2']['bytes_per_token']:.2f}" == table[3].split()[2]


def test_eval_without_the_published_ranks(corpus, capsys, monkeypatch):
    def nowhere(name: str) -> None:
        raise ranks.RanksMissing(name)

    assert main(["tokenizer", "train", "--vocab-size", "512"]) == 0
    capsys.readouterr()
    monkeypatch.setattr("nanochat.tokenizer.evaluation.published_tokenizer", nowhere)
    assert main(["tokenizer", "eval", "--against", "gpt2"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0].split() == ["bytes", "a", "token", "default"]
    assert "the ranks of gpt2 are not on this machine: run `make site`" in said.err


def test_what_eval_refuses(corpus, capsys, tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert main(["tokenizer", "train", "--vocab-size", "300"]) == 0
    capsys.readouterr()
    cases = {
        "--tokenizer other": "there is no tokenizer 'other'; train it with: nanochat tokenizer train",
        "--tokenizer ,": "--tokenizer ',' names no tokenizer; leave it out for default",
        "--against gpt5": "no published ranks are called 'gpt5'; use gpt2, cl100k_base or o200k_base",
        "--corpus climbmix": "there is no corpus 'climbmix'",
        f"--text {tmp_path / 'none'}": "none: No such file or directory",
        f"--text {tmp_path / 'bytes'}": "is not UTF-8 text",
    }
    for words, complaint in cases.items():
        assert main(["tokenizer", "eval", *words.split()]) == 2
        line = capsys.readouterr().err
        assert complaint in line
        assert line.count("\n") == 1
