"""The model in the page: from a finished run into the repository, and from there to a run again.

    python -m web.browser_model pack speedrun-browser-rl    a run's model into site_docs/browser/
    python -m web.browser_model check                       what rounding has changed, computed again
    python -m web.browser_model unpack                      a run `browser`: nanochat chat --run browser

`web.packed_model` says what lies in the folder, `web.model_files` what the site's build makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from nanochat.errors import RunStopped, UserError
from nanochat.train.finished import open_run
from tools.core.arguments import OneLineParser
from tools.core.command import guarded
from tools.core.errors import ToolError, UsageError
from web.expected_texts import Prompt, equal_texts, largest_difference, write_texts
from web.pack_model import NAME, pack_run, unpack_run
from web.packed_model import FOLDER, WEIGHTS, PackedModel, open_packed

SAME = 1e-3  # sums in another order, on another machine, differ by less


def make_parser() -> OneLineParser:
    """The parser: one word for what to do, and its own flags."""
    parser = OneLineParser(prog="python -m web.browser_model", description=__doc__)
    actions = parser.add_subparsers(dest="action", metavar="pack | check | unpack", required=True)
    pack = actions.add_parser("pack", help="write a run's model into the folder")
    pack.add_argument("run", metavar="RUN", help="the run's name, or its folder")
    pack.add_argument("--step", type=int, metavar="N", help="which checkpoint (default: the last)")
    check = actions.add_parser("check", help="compute again what the model writes, and compare")
    unpack = actions.add_parser("unpack", help="make a run of it, to chat with and to evaluate")
    unpack.add_argument("--name", default=NAME, metavar="NAME", help=f"of the run (default: {NAME})")
    for action in (pack, check, unpack):
        action.add_argument(
            "--folder", type=Path, default=FOLDER, metavar="DIR", help="(default: site_docs/browser)"
        )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it and return the exit code: 2 the question was wrong, 1 the model is not what it was."""
    words = sys.argv[1:] if arguments is None else arguments
    return guarded("python -m web.browser_model", lambda: run(words))


def run(words: Sequence[str]) -> int:
    """One of the three."""
    options = make_parser().parse_args(list(words))
    try:
        if options.action == "pack":
            packed = pack_run(open_run(options.run), options.step, options.folder)
            print(told(packed))
        elif options.action == "check":
            print(checked(open_packed(options.folder)))
        else:
            folder = unpack_run(open_packed(options.folder), options.name)
            print(f"{folder}\ntalk to it: nanochat chat --run {options.name}")
    except UserError as error:
        raise UsageError(str(error)) from None
    except RunStopped as error:
        raise ToolError(str(error)) from None
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise UsageError(f"{error.filename}: {what}" if error.filename else what) from None
    return 0


def told(packed: PackedModel) -> str:
    """What was packed, in a few lines."""
    run, rounding = packed.about["run"], packed.expected["rounding"]
    size = sum((packed.folder / name).stat().st_size for name in packed.about["files"])
    weights = (packed.folder / WEIGHTS).stat().st_size
    lines = [
        f"step {run['step']:,} of {run['name']}: {packed.folder}, {size / 1e6:.1f} MB, of these weights "
        f"{weights / 1e6:.1f}",
        difference_in_words(rounding["largest_difference"], rounding["equal_texts"], rounding["texts"]),
    ]
    if measured := packed.scores["bits_per_byte"]:
        lines.append(
            f"bits per byte on {measured['tokens']:,} tokens of {measured['corpus']}: "
            f"{measured['fp32']:.4f} in fp32, {measured['int8']:.4f} in int8"
        )
    return "\n".join(lines)


def difference_in_words(largest: float, equal: int, texts: int) -> str:
    """What rounding has changed.

    >>> difference_in_words(0.0123, 47, 50)
    'int8 beside fp32: no probability differs by more than 0.0123; 47 of 50 texts are the same (94 %)'
    """
    return (
        f"int8 beside fp32: no probability differs by more than {largest:.4f}; {equal} of {texts} texts are "
        f"the same ({100 * equal / texts:.0f} %)"
    )


def checked(packed: PackedModel) -> str:
    """Compute what the packed model writes, and compare: with fp32, and with what was written down of itself.

    Raises `RunStopped` if the model does not write what it wrote when it was packed.
    """
    model, tokenizer, texts = packed.model(), packed.tokenizer(), packed.expected["texts"]
    prompts = [Prompt(one["kind"], one["text"], one["answer"]) for one in texts]
    written = write_texts(model, tokenizer, prompts)
    now = [{**one, "now": found} for one, found in zip(texts, written, strict=True)]
    changed = largest_difference(model, texts, "int8")
    equal = equal_texts(now, "int8", "now")
    if changed > SAME or equal < len(now):
        raise RunStopped(
            f"the model in {packed.folder} is not what was packed: {equal} of {len(now)} texts are the same, "
            f"a probability differs by {changed:.4f}"
        )
    return difference_in_words(
        largest_difference(model, texts, "fp32"), equal_texts(now, "fp32", "now"), len(now)
    )


if __name__ == "__main__":
    sys.exit(main())
