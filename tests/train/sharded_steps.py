"""One process of a team that trains a small model on made-up gradients; test_optimizer.py starts several.

Arguments: folder, rank, size of the team, first step, last step, and perhaps a folder to continue from.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nanochat.model.config import GPTConfig
from nanochat.train.depth_dial import plan_for
from nanochat.train.optimizer import Optimizer, make_optimizer
from nanochat.train.schedule import Schedule

STEPS = 4


class SmallModel(nn.Module):
    """Every group; shapes that no team divides evenly."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        shapes = {
            "matrices": {f"square{i}": (24, 24) for i in range(5)} | {"up": (40, 24), "down": (24, 40)},
            "embedding": {
                "embedding": (515, 130)
            },  # large enough to be divided, in rows that do not come out even
            "value_embeddings": {"value": (64, 8)},
            "head": {"head": (1026, 64)},
            "residual_scalars": {"residual": (3,)},
            "x0_scalars": {"x0": (3,)},
            "scalars": {"smear": (1, 24), "backout": (1,)},
        }
        self.groups = {
            group: {name: nn.Parameter(torch.randn(shape)) for name, shape in named.items()}
            for group, named in shapes.items()
        }

    def parameter_groups(self) -> dict[str, dict[str, nn.Parameter]]:
        return self.groups

    def weights(self) -> dict[str, Tensor]:
        return {name: weight.detach() for named in self.groups.values() for name, weight in named.items()}


def make(group: dist.ProcessGroup | None) -> tuple[SmallModel, Optimizer]:
    model = SmallModel()
    plan = plan_for(GPTConfig(n_layer=2, n_embd=128, n_head=2, n_kv_head=2))
    return model, make_optimizer(model, plan, process_group=group)


def take_steps(model: SmallModel, optimizer: Optimizer, first: int, last: int) -> None:
    schedule = Schedule(STEPS, weight_decay=0.2, warmup_steps=1)
    for step in range(first, last):
        generator = torch.Generator().manual_seed(step)
        for named in model.groups.values():
            for weight in named.values():
                weight.grad = torch.randn(weight.shape, generator=generator)
        optimizer.step(schedule.at(step))


def read_from(slices: dict[str, Tensor], name: str, first: int, last: int) -> Tensor:
    """Rows first to last, from slices that several processes wrote."""
    rows = []
    for key, tensor in slices.items():
        whole, _, limits = key.rpartition("@")
        start, stop = map(int, limits.split(":"))
        if whole == name:
            rows += [(row, tensor[row - start]) for row in range(max(first, start), min(last, stop))]
    rows.sort(key=lambda pair: pair[0])
    assert [row for row, _ in rows] == list(range(first, last)), f"{name}: rows missing or double"
    return torch.stack([row for _, row in rows])


def main(folder: Path, rank: int, size: int, first: int, last: int, before: Path | None) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size, timeout=timedelta(minutes=2)
    )
    assert dist.group.WORLD is not None
    model, optimizer = make(dist.group.WORLD)
    if before:
        slices: dict[str, Tensor] = {}
        for path in sorted(before.glob("state-*.safetensors")):
            slices |= load_file(path)
        weights = load_file(before / "weights-0.safetensors")
        for name, weight in model.weights().items():
            weight.copy_(weights[name])
        optimizer.load_state(lambda name, start, stop: read_from(slices, name, start, stop))
    take_steps(model, optimizer, first, last)
    save_file(model.weights(), folder / f"weights-{rank}.safetensors")
    state = {name: tensor.contiguous().clone() for name, tensor in optimizer.state_slices().items()}
    save_file(state, folder / f"state-{rank}.safetensors")
    dist.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, *numbers = sys.argv[1:6]
    main(Path(place), *map(int, numbers), Path(sys.argv[6]) if len(sys.argv) > 6 else None)  # type: ignore[call-arg,misc,arg-type]
