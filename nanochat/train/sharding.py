"""Which part of the optimizer's work each process does, and how all of them get the results.

Every process has all weights and the same averaged gradients. Each updates a share of them, so each keeps the
optimizer's state of its share only, and all hand their new weights round (ZeRO stage 1: Rajbhandari et al.
2020, arXiv 1910.02054, section 5.1). A share is a run of whole matrices, or a run of rows of a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor

# torch 2.13 renamed it, and warns of the old name.
gather_into = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor


class Work(Protocol):
    """What torch.distributed returns for something still under way."""

    def wait(self) -> object:
        """Until it is done."""


@dataclass(frozen=True)
class State:
    """Rows of one kind of state of one parameter, as a checkpoint keeps them."""

    name: str  # such as momentum/blocks.0.mlp.up.weight
    first: int
    rows: Tensor  # the state itself, no copy
    everywhere: bool = False  # every process keeps the same

    @property
    def last(self) -> int:
        """One past the last row."""
        return self.first + len(self.rows)


@dataclass(frozen=True)
class Team:
    """The processes that train one model together; by default one alone.

    >>> Team(rank=1, size=4).share(10)  # the last process gets what is left
    range(3, 6)
    >>> [len(Team(rank, size=4).share(5)) for rank in range(4)]
    [2, 2, 1, 0]
    """

    rank: int = 0
    size: int = 1
    group: dist.ProcessGroup | None = None

    @classmethod
    def of(cls, group: dist.ProcessGroup | None) -> Team:
        """The team of a process group, None being this process alone.

        >>> Team.of(None)
        Team(rank=0, size=1, group=None)
        """
        return cls() if group is None else cls(dist.get_rank(group), dist.get_world_size(group), group)

    def share(self, total: int) -> range:
        """The part of `total` things that is this process's own: equal runs, the last ones shorter."""
        each = -(-total // self.size)
        return range(min(self.rank * each, total), min((self.rank + 1) * each, total))

    def gather(self, own: Tensor, total: int) -> tuple[Tensor, Work | None]:
        """All shares in one tensor of at least `total` rows, good once the work has been waited for.

        `own` are this process's rows, `len(self.share(total))` of them.

        >>> Team().gather(torch.tensor([1.0, 2.0]), 2)
        (tensor([1., 2.]), None)
        """
        if self.size == 1:
            return own, None
        each = -(-total // self.size)
        if len(own) < each:  # every process must send as much as the others
            own = torch.cat([own, own.new_zeros(each - len(own), *own.shape[1:])])
        everything = own.new_empty(each * self.size, *own.shape[1:])
        work: Work = gather_into(everything, own.contiguous(), group=self.group, async_op=True)
        return everything, work
