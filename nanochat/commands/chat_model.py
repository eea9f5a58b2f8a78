"""The model that `nanochat chat` and `nanochat serve` talk with: which run, which device, which tools."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanochat.errors import UserError
from nanochat.home import base_folder
from tools.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from nanochat.inference.engine import Engine
    from nanochat.train.finished import FinishedRun

CHATS = ("sft", "rl")  # the stages that learn conversations
ROWS_CPU, ROWS_GPU = 8, 32  # answers at a time: what more rows cost little for


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that both commands have."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--run", metavar="NAME", help="the run's name, or its folder (default: the newest of sft or rl)"
    )
    group.add_argument("--step", type=int, metavar="N", help="which checkpoint (default: the last)")
    group.add_argument("--device", metavar="D", help="cpu, cuda or cuda:1 (default: a GPU, else the CPU)")
    group.add_argument(
        "--python", action="store_true", help="the model may run Python, in a sandbox, and not only calculate"
    )
    group.add_argument(
        "--unsafe-sandbox", action="store_true", help="with --python: also where it cannot be contained"
    )


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but make no sense together."""
    if options.unsafe_sandbox and not options.python:
        raise UsageError("--unsafe-sandbox goes with --python")
    kind, _, number = (options.device or "cpu").partition(":")
    if kind not in ("cpu", "cuda") or (number and not (kind == "cuda" and number.isdecimal())):
        raise UsageError(f"--device {options.device}: use cpu, cuda, or cuda:1 for the second GPU")


def choose_run(name: str | None) -> FinishedRun:
    """The run of this name, else the newest one that has learned conversations and has a checkpoint."""
    from nanochat.train.finished import open_run
    from nanochat.train.run_files import CHECKPOINTS, all_runs, last_change

    if name is not None:
        return open_run(name)
    folders = [folder for stage in CHATS for folder in all_runs(stage)]
    folders = [folder for folder in folders if any((folder / CHECKPOINTS).glob("step_*"))]
    if not folders:
        raise UserError(
            f"there is no run of sft or rl in {base_folder() / 'runs'} to talk with; make one with nanochat "
            "train sft, or choose another with --run"
        )
    return open_run(str(max(folders, key=last_change)))


@dataclass(frozen=True)
class EngineMaker:
    """What makes an engine, here or in a worker; plain data, so that it can be sent to one."""

    folder: str
    step: int
    device: str | None
    python: bool
    unsafe: bool
    rows: int | None = None
    sharing: int = 1  # workers that share this machine

    def __call__(self, number: int = 0) -> Engine:
        """The engine of worker `number`: the model loaded, on a GPU of its own where there are several."""
        import torch

        from nanochat.inference.engine import Engine
        from nanochat.train.finished import open_run
        from nanochat.train.precision import TYPES, pick_dtype

        device = pick(self.device, number)
        if device.type == "cpu" and self.sharing > 1:
            torch.set_num_threads(max(1, torch.get_num_threads() // self.sharing))
        run = open_run(self.folder)
        model = run.model(run.checkpoint(self.step), device, TYPES[pick_dtype("auto", device)])
        rows = self.rows or (ROWS_GPU if device.type == "cuda" else ROWS_CPU)
        return Engine(model, run.tokenizer(), rows, self.tool(), reuse=True)

    def tool(self) -> Callable[[str], str]:
        """What answers the model's calls. Raises `UserError` where Python cannot be contained."""
        from nanochat.toolbox.tools import make_tools

        return make_tools(self.python, self.unsafe)


def pick(asked: str | None, number: int = 0) -> torch.device:
    """The device asked for, else the GPU of this number, or the CPU; `UserError` if it is not there."""
    import torch

    from nanochat.train.distributed import Launch, pick_device

    gpus = torch.cuda.device_count()
    if asked is None or asked == "cuda":
        if asked and not gpus:
            raise UserError(f"--device {asked}: this machine has no GPU that torch can use; leave it out")
        return pick_device(Launch(local_rank=number % max(1, gpus), local_size=max(1, gpus)))
    device = torch.device(asked)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise UserError(f"--device {asked}: this machine has {gpus} GPUs that torch can use")
    if device.type == "cpu":
        from nanochat.model.products import use_fast_products

        use_fast_products()
    return device
