"""One dial: from the depth of a model to everything else its training needs.

A deeper model is wider, wants more text, larger batches, smaller steps. Each of these follows a scaling law
somebody measured, so a reader chooses one number, the depth, and the rest is worked out here. The reference
is depth 12, where the learning rates and the weight decay were tuned; other depths are scaled from it.

- tokens: a fixed number of tokens for each parameter that is multiplied (matrices and head). Hoffmann et al.
  2022 (Chinchilla, arXiv 2203.15556) found about 20 for all parameters of larger models; counted this way
  and with Muon, 10.5 to 12 was measured as best for nanochat.
- batch: B grows as tokens^0.383 (Bergsma et al. 2025, Power Lines, arXiv 2505.13738), to a power of two
- learning rates: as the square root of the batch (Malladi et al. 2022, arXiv 2205.10287)
- weight decay: so that the weights forget over the same share of training at every size (constant T_epoch,
  Wang and Aitchison 2024, arXiv 2405.13698)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from nanochat.model.config import GPTConfig
from nanochat.model.counting import HEAD, MATRIX, count_parameters

REFERENCE_DEPTH = 12
REFERENCE_BATCH = 2**19  # tokens a step at the reference depth
REFERENCE_WIDTH = 768  # the width of depth 12, where AdamW's learning rates were tuned
BATCH_EXPONENT = 0.383  # Power Lines, arXiv 2505.13738
WEIGHT_DECAY = 0.28  # at the reference depth and batch
TOKENS_PER_PARAMETER = 12.0  # compute-optimal; 8 undertrains a larger model, which is faster to a given loss


@dataclass(frozen=True)
class TrainingPlan:
    """What the dial sets for one depth.

    >>> plan = turn_dial(12)
    >>> plan.tokens, plan.batch_tokens, plan.steps
    (1321210944, 524288, 2520)
    >>> plan.learning_rate_factor, plan.weight_decay
    (1.0, 0.28)
    """

    config: GPTConfig
    scaling_parameters: int
    tokens: int
    batch_tokens: int
    learning_rate_factor: float  # times every learning rate
    width_factor: float  # and this, times AdamW's for the embeddings and the head
    weight_decay: float
    group_factors: Mapping[str, float] = field(default_factory=dict, hash=False)  # and those of some groups

    @property
    def steps(self) -> int:
        """Whole steps in the token budget, at least one.

        >>> turn_dial(4).steps
        528
        """
        return max(1, self.tokens // self.batch_tokens)


def turn_dial(depth: int, ratio: float = TOKENS_PER_PARAMETER) -> TrainingPlan:
    """The plan for `depth`, with `ratio` tokens for every matrix and head parameter.

    >>> plan = turn_dial(24)
    >>> plan.batch_tokens == 2**20, round(plan.tokens / 1e9, 2)
    (True, 8.76)
    """
    return plan_for(GPTConfig.from_depth(depth), ratio)


def plan_for(config: GPTConfig, ratio: float = TOKENS_PER_PARAMETER) -> TrainingPlan:
    """The plan for a config that need not come from the dial.

    >>> plan_for(GPTConfig.from_depth(12)) == turn_dial(12)
    True
    """
    if not 0 < ratio < math.inf:
        raise ValueError(f"ratio={ratio} must be a positive, finite number of tokens per parameter")
    parameters = scaling_parameters(config)
    tokens = int(ratio * parameters)
    reference_tokens = ratio * scaling_parameters(GPTConfig.from_depth(REFERENCE_DEPTH))
    batch_tokens = best_batch(tokens, reference_tokens)
    growth = math.sqrt(batch_tokens / REFERENCE_BATCH)
    return TrainingPlan(
        config=config,
        scaling_parameters=parameters,
        tokens=tokens,
        batch_tokens=batch_tokens,
        learning_rate_factor=growth,
        width_factor=math.sqrt(REFERENCE_WIDTH / config.n_embd),
        weight_decay=WEIGHT_DECAY * growth * int(reference_tokens) / tokens,
    )


def scaling_parameters(config: GPTConfig) -> int:
    """The parameters that scaling laws are fitted to: matrices in the blocks, and the head.

    >>> scaling_parameters(GPTConfig.from_depth(12))
    110100912
    """
    return count_parameters(config).of_kind(MATRIX, HEAD)


def best_batch(tokens: float, reference_tokens: float) -> int:
    """Tokens a step for a run of `tokens`: the power of two nearest to the law's answer.

    >>> best_batch(8e9, 1e9) // REFERENCE_BATCH  # 8^0.383 is 2.2
    2
    """
    ideal = REFERENCE_BATCH * (tokens / reference_tokens) ** BATCH_EXPONENT
    return int(2 ** round(math.log2(ideal)))
