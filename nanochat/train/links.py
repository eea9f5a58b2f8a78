"""How long numbers travel between GPUs. Standard library only.

Processes that average their gradients do it in a ring, in two trips. In the first (reduce-scatter) every
process passes on the n-th part of the numbers and adds its own, until each has the whole sum of one part. In
the second (all-gather) the sums go round. So in one trip each sends and receives (n - 1)/n of all bytes,
however many there are, and in both, the all-reduce, twice that (Patarasuk and Yuan 2009, "Bandwidth optimal
all-reduce algorithms").

GPUs of one machine are joined by NVLink, machines by a slower network. NCCL cuts numbers into pieces that
travel on both at once, so the slower of the two decides. All GPUs of a machine share the work of sending:
each sends a part through its own port.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Link:
    """What carries the numbers.

    `bandwidth` is the bytes a second that a GPU sends while it receives as many, `latency` the seconds of a
    message without content.
    """

    name: str
    bandwidth: float
    latency: float


# What collectives reach, not what the box says. NVLink 4: 450 GB/s each way, of which a ring gets four fifths
# (476 GB/s are measured for all-reduce where the switch adds up; gathering gains nothing from that).
# InfiniBand NDR: 400 Gbit/s a port, 46 to 48 GB/s measured. Both: github.com/NVIDIA/nccl-tests/issues/290.
NVLINK = Link("NVLink 4", 360e9, 5e-6)
INFINIBAND = Link("InfiniBand, 400 Gbit/s a GPU", 46e9, 10e-6)
# What rented machines without InfiniBand often have: one port of 100 Gbit/s, shared by eight GPUs.
ETHERNET = Link("Ethernet, 100 Gbit/s a machine", 0.9 * 100e9 / 8 / 8, 30e-6)


@dataclass(frozen=True)
class Cluster:
    """GPUs, how fast each of them is, and what joins them. The defaults are machines of eight H100.

    `mfu` is the share of its peak that a GPU reaches in the passes through the model.

    >>> Cluster(gpus=24).nodes, Cluster(gpus=4).local
    (3, 4)
    """

    gpus: int = 1
    peak_flops: float = 989e12
    memory_bandwidth: float = 3.35e12
    mfu: float = 0.5
    memory: int = 80 * 2**30
    per_node: int = 8
    inside: Link = NVLINK
    between: Link = INFINIBAND
    overlaps: bool = True  # whether a GPU can compute and send at the same time; a CPU's cores do either

    @property
    def nodes(self) -> int:
        """Machines."""
        return -(-self.gpus // self.per_node)

    @property
    def local(self) -> int:
        """GPUs of one machine that take part."""
        return min(self.gpus, self.per_node)

    def with_gpus(self, gpus: int) -> Cluster:
        """The same with another number of GPUs.

        >>> Cluster().with_gpus(16).nodes
        2
        """
        return replace(self, gpus=gpus)


def trip_seconds(size: float, cluster: Cluster) -> float:
    """Seconds of one trip of `size` bytes: a reduce-scatter, or an all-gather.

    >>> alone, node, two = (trip_seconds(360e6, Cluster(gpus)) for gpus in (1, 8, 16))
    >>> alone, round(1e6 * node), round(1e6 * two)  # microseconds
    (0.0, 910, 920)
    """
    local, nodes = cluster.local, cluster.nodes
    inside = (local - 1) / local * size / cluster.inside.bandwidth
    # The network carries each GPU's part only. Trees reach all machines in few messages (NCCL 2.4, 2019).
    between = (nodes - 1) / nodes * (size / local) / cluster.between.bandwidth
    messages = (local - 1) * cluster.inside.latency + math.log2(nodes) * cluster.between.latency
    return max(inside, between) + messages


def exchange_seconds(size: float, cluster: Cluster) -> float:
    """Seconds until each GPU has sent its own part of `size` bytes to those that work on them (all-to-all).

    >>> exchange_seconds(360e6, Cluster(8)) < trip_seconds(360e6, Cluster(8)) / 7
    True
    """
    own = size / cluster.gpus
    inside = (cluster.local - 1) / cluster.gpus * own / cluster.inside.bandwidth
    between = (cluster.nodes - 1) / cluster.nodes * own / cluster.between.bandwidth
    return max(inside, between) + (cluster.between if cluster.nodes > 1 else cluster.inside).latency


def all_reduce_seconds(size: float, cluster: Cluster) -> float:
    """Seconds to add up `size` bytes over all GPUs so that each has the sum: two trips.

    >>> all_reduce_seconds(1e9, Cluster(8)) == 2 * trip_seconds(1e9, Cluster(8))
    True
    """
    return 2 * trip_seconds(size, cluster)
