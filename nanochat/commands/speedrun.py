"""`nanochat speedrun`: from text to a model that answers, and a report of it, in one command.

Each stage is a command that a person could type; this one types them in order, leaves out what is done
already, and tells at the end what came of it. Stopped at any moment, it goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.home import base_folder, checked_name, run_folder, tokenizer_folder
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

EXAMPLES = """examples:
  nanochat speedrun --size laptop
      under twenty minutes on two cores; the model calculates, spells, and says who it is
  nanochat speedrun --size 1gpu --dry-run
      what would be done, and what is done already
  nanochat speedrun --size laptop --until pretraining
      the base model alone
  nanochat speedrun --size browser --dtype bf16
      the model of the site's playground, on a CPU that multiplies bf16 fast (avx512_bf16, AMX)
  nanochat speedrun --size laptop --name again -- --seed 1
      words after -- go to `nanochat train base`"""


# Flags of `train base` that the stages share.
OWN = ("--name", "--corpus", "--tokenizer", "--resume", "--dry-run")


@dataclass(frozen=True)
class Size:
    """One way through: the text, the vocabulary, the model, what it learns after, the machine."""

    about: str
    corpus: str
    shards: int | None  # of the corpora that are downloaded
    vocab_size: int
    train: str  # flags of `nanochat train base`
    gpus: int  # 0: the CPU will do
    sft: str  # flags of `nanochat train sft`
    rl: str  # and of `nanochat train rl`
    questions: tuple[str, ...]  # tasks whose questions are fetched first
    base_eval: str  # flags of `nanochat eval` for the base model
    chat_eval: str  # and for those that answer


FETCHED = ("core", "smoltalk", "mmlu", "arc-easy", "arc-challenge", "gsm8k")
ON_GPUS: dict[str, Any] = {
    "sft": "--mixture chat",
    "rl": "--tasks gsm8k --prompts 16 --samples 16 --steps 400 --max-tokens 256",
    "questions": FETCHED,
    "base_eval": "--tasks base",
    "chat_eval": "--tasks chat",
}
# Shards: as many as the run reads once, and some more. A shard holds about 250 million letters, a token
# stands for about 4.8 of them.
SIZES = {
    "laptop": Size(
        "4 layers on public-domain classics, then the classroom: under 20 minutes on two cores",
        "classics", None, 4_096, "--depth 4 --head-dim 64 --seq-len 512 --batch-size 16 --steps 180", 0,
        "--mixture classroom", "--steps 100", (), "--tasks bpb", "--tasks classroom --limit 200",
    ),
    # Depth 5 is 12.6 million weights, one byte each in the page; depth 6 would be 18.5.
    "browser": Size(
        "5 layers, most that 16 MB hold in 8 bits: the model of the site's pages; 90 minutes on two cores",
        "classics", None, 4_096, "--depth 5 --head-dim 64 --seq-len 512 --batch-size 16 --steps 2000", 0,
        "--mixture storybook",
        "--tasks larger-arithmetic:3,arithmetic:1,letter-counting:2,spelling:2 --steps 100", (),
        "--tasks bpb", "--tasks classroom --limit 200",
    ),
    "1gpu": Size(
        "12 layers on 1.3 billion tokens of web text: a few hours on one H100 or H200",
        "climbmix", 30, 32_768, "--depth 12", 1, **ON_GPUS,
    ),
    "8xh100": Size(
        "24 layers on 5.8 billion tokens in FP8: about 2 hours for the base model on eight H100",
        "climbmix", 130, 32_768, "--depth 24 --ratio 8 --fp8", 8, **ON_GPUS,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """One command, and whether it is done."""

    name: str
    what: str
    words: tuple[str, ...]  # of the `nanochat` command
    is_done: Callable[[], bool]
    processes: int = 1

    def command(self) -> list[str]:
        """The program and its words: torchrun starts more than one process."""
        if self.processes == 1:
            return [sys.executable, "-m", "nanochat", *self.words]
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={self.processes}"]
        return [sys.executable, *launch, "-m", "nanochat", *self.words]

    def shown(self) -> str:
        """The command as a person would type it."""
        launch = f"torchrun --standalone --nproc_per_node={self.processes} -m "
        return (launch if self.processes > 1 else "") + " ".join(["nanochat", *self.words])


def make_parser() -> OneLineParser:
    """The flags."""
    sizes = "\n".join(f"  {name:<8} {size.about}" for name, size in SIZES.items())
    parser = OneLineParser(
        prog="nanochat speedrun",
        usage="nanochat speedrun --size SIZE [--name NAME] [--until STAGE] [-- FLAGS OF TRAIN BASE]",
        description=(
            "Text, tokenizer, pretraining, fine-tuning, reinforcement learning, evaluation, report: all in\n"
            "one command. What is done is left out, so the same command goes on after a stop.\n\n"
            f"sizes:\n{sizes}"
        ),
        epilog=EXAMPLES,
    )
    parser.add_argument("--size", required=True, metavar="SIZE", help=", ".join(SIZES))
    parser.add_argument("--name", metavar="NAME", help="of the run (default: speedrun-SIZE)")
    parser.add_argument("--until", metavar="STAGE", help="stop after this stage")
    parser.add_argument(
        "--dtype", metavar="TYPE", help="what matrices are multiplied in, in every training (default: auto)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    parser.add_argument("train", nargs="*", help=argparse.SUPPRESS)
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for a size that is none, or words that a stage would refuse."""
    from nanochat import cli

    if options.size not in SIZES:
        raise UsageError(f"--size {options.size}: choose {', '.join(SIZES)}")
    if any(word.split("=")[0] in OWN for word in options.train):
        raise UsageError(f"{', '.join(OWN)} after -- are the speedrun's own; give --name before the --")
    stages = plan(options)
    names = [stage.name for stage in stages]
    if options.until is not None and options.until not in names:
        raise UsageError(f"--until {options.until}: choose {', '.join(names)}")
    for stage in stages:
        cli.check(stage.words)


def plan(options: argparse.Namespace) -> list[Stage]:
    """The stages of a size, in order: downloads come first, so that a failing one costs no training."""
    size, run = SIZES[options.size], checked_name(options.name or f"speedrun-{options.size}")
    sft, rl = f"{run}-sft", f"{run}-rl"
    dtype = ("--dtype", options.dtype) if options.dtype else ()
    tokenizer = f"{size.corpus}-{size.vocab_size}"
    shards = ("--shards", str(size.shards)) if size.shards else ()
    text = ("--corpus", size.corpus)
    vocabulary = ("--vocab-size", str(size.vocab_size), "--name", tokenizer)
    which = ("--tokenizer", tokenizer, "--name", run)
    processes = max(1, size.gpus)
    return [
        Stage("text", f"the corpus {size.corpus}", ("data", "prepare", *text, *shards),
              lambda: corpus_is_there(size.corpus, size.shards)),
        *(
            Stage(f"questions-{name}", f"the questions of {name}", ("data", "prepare", "--task", name),
                  partial(task_is_there, name))
            for name in size.questions
        ),
        Stage("tokenizer", f"{size.vocab_size:,} tokens", ("tokenizer", "train", *text, *vocabulary),
              lambda: tokenizer_is_there(tokenizer, size.vocab_size)),
        Stage("pretraining", size.about,
              ("train", "base", *go_on(run), *size.train.split(), *dtype, *text, *which, *options.train),
              lambda: is_trained(run_folder(run)), processes),
        evaluation("base-evaluation", run, size.base_eval, processes),
        Stage("fine-tuning", "conversations, so that it answers",
              ("train", "sft", *go_on(sft), "--from-run", run, "--name", sft, *dtype, *size.sft.split()),
              lambda: is_trained(run_folder(sft)), processes),
        evaluation("chat-evaluation", sft, size.chat_eval, processes),
        Stage("reinforcement", "its own answers, graded",
              ("train", "rl", *go_on(rl), "--from-run", sft, "--name", rl, *dtype, *size.rl.split()),
              lambda: is_trained(run_folder(rl)), processes),
        evaluation("last-evaluation", rl, size.chat_eval, processes),
    ]  # fmt: skip


def go_on(run: str) -> tuple[str, ...]:
    """The flag for a run that was begun before."""
    return ("--resume",) if (run_folder(run) / "config.json").is_file() else ()


def evaluation(name: str, run: str, flags: str, processes: int) -> Stage:
    """A stage that evaluates a run."""
    words = ("eval", run, *flags.split())
    return Stage(name, f"how good {run} is", words, lambda: is_evaluated(run, words), processes)


def is_evaluated(run: str, words: Sequence[str]) -> bool:
    """Whether all that `nanochat eval` is asked for is known of the run's last step."""
    from nanochat.commands.evaluate import make_parser as eval_parser
    from nanochat.evaluation.names import names_in
    from nanochat.evaluation.results import read_all
    from nanochat.train import run_files

    options = eval_parser().parse_args(list(words[1:]))
    folder = run_folder(run)
    if not (folder / run_files.CONFIG).is_file():
        return False
    last = run_files.read_json(folder / run_files.CONFIG)["settings"]["steps"]
    known = {one.task for one in read_all(folder) if one.step == last and one.limit == options.limit}
    # bits per byte and CORE count no questions, so --limit leaves them whole
    known |= {one.task for one in read_all(folder) if one.step == last and one.limit is None}
    return set(names_in(options.tasks)) <= known


def task_is_there(name: str) -> bool:
    """Whether a task's questions are on disk."""
    from nanochat.data.tasks.catalogue import open_task
    from nanochat.evaluation.core_bundle import open_bundle
    from nanochat.evaluation.names import CORE

    try:
        return len(open_bundle().tasks if name == CORE else open_task(name)) > 0
    except UserError:
        return False


def corpus_is_there(name: str, shards: int | None) -> bool:
    """Whether a corpus is on disk, whole, and with as many shards."""
    from nanochat.data.corpus import open_corpus

    try:
        return len(open_corpus(name).train) >= (shards or 1)
    except UserError:
        return False


def tokenizer_is_there(name: str, vocab_size: int) -> bool:
    """Whether a tokenizer of that name and size can be opened."""
    from nanochat.tokenizer.tokenizer import Tokenizer

    folder = tokenizer_folder(name)
    try:
        return folder.is_dir() and Tokenizer.load(folder).n_vocab == vocab_size
    except (ValueError, OSError):
        return False


def is_trained(folder: Path) -> bool:
    """Whether a run has saved its last step."""
    from nanochat.train import run_files

    lines = run_files.read_lines(folder / run_files.METRICS)
    if not lines or not (folder / run_files.CONFIG).is_file():
        return False
    steps = run_files.read_json(folder / run_files.CONFIG)["settings"]["steps"]
    saved = folder / run_files.CHECKPOINTS / f"step_{steps:06d}"
    return lines[-1]["step"] == steps and saved.is_dir()


def run(options: argparse.Namespace) -> int:
    """Do what is not done yet, and tell what came of it."""
    check(options)
    stages = plan(options)
    if options.until:
        stages = stages[: [stage.name for stage in stages].index(options.until) + 1]
    if options.dry_run:
        for number, stage in enumerate(stages, start=1):
            print(f"{number}/{len(stages)} {stage.name}: {'done' if stage.is_done() else stage.shown()}")
        return 0
    check_machine(SIZES[options.size], options.size)
    name = options.name or f"speedrun-{options.size}"
    clock = Clock(base_folder() / "speedrun" / f"{name}.json")
    for number, stage in enumerate(stages, start=1):
        heading = f"{number}/{len(stages)} {stage.name}: {stage.what}"
        if stage.is_done():
            print(f"{heading}: done already", flush=True)
            continue
        print(f"{heading}\n$ {stage.shown()}", flush=True)
        with clock.timing(stage.name):
            code = call(stage.command())
        if code:
            print(
                f"{stage.name} ended with exit code {code}; the same command goes on from there", flush=True
            )
            return code
    from nanochat.commands.report import tell

    told = next(folder for one in ("-rl", "-sft", "") if is_trained(folder := run_folder(name + one)))
    tell(told)
    return 0


def check_machine(size: Size, name: str) -> None:
    """Refuse a size that this machine has too few GPUs for, before anything is downloaded."""
    if not size.gpus:
        return
    import torch

    there = torch.cuda.device_count()
    if there < size.gpus:
        has = "no GPU" if not there else "one GPU" if there == 1 else f"{there} GPUs"
        smaller = "1gpu" if there else "laptop"
        needs = "an NVIDIA GPU" if size.gpus == 1 else f"{size.gpus} NVIDIA GPUs"
        raise UserError(f"--size {name} needs {needs} and this machine has {has}; use --size {smaller}")


def call(command: Sequence[str]) -> int:
    """Run a command, hand signals on to it, and return its exit code as a shell would."""
    process = subprocess.Popen(command)
    # Ctrl-C reaches every process of the terminal by itself; SIGTERM comes to this one alone.
    on_term = signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
    on_int = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGTERM, on_term)
        signal.signal(signal.SIGINT, on_int)
    return code if code >= 0 else 128 - code


class Clock:
    """Seconds each stage took, over all attempts; kept on disk, so that a stop loses none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.times: dict[str, float] = {}
        if path.is_file():
            try:
                self.times = {str(name): float(spent) for name, spent in json.loads(path.read_text()).items()}
            except (ValueError, AttributeError):
                self.times = {}  # a nicety, not worth an error

    @contextlib.contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Time spent in here counts for a stage."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.times[stage] = self.times.get(stage, 0.0) + time.monotonic() - start
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.times) + "\n", encoding="utf-8")
