#!/usr/bin/env bash
# A model of depth 24, 1.4 billion parameters, on one machine with eight H100. It takes about 3.0 hours.
#
#     bash runs/eight_h100.sh
#
# It can be stopped (Ctrl-C finishes the step and saves) and started again. Words that you add go to the
# training: `--fp8` multiplies in 8 bits, `--ratio 8` trains on fewer tokens, `--wandb project` draws curves.
set -euo pipefail
# shellcheck source=runs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# Text: 8.8 billion tokens are trained on, some 50 million to a shard.
nanochat data prepare --corpus climbmix --shards 190

# Tokenizer: the same as for the smaller models, so that losses can be compared.
if [ ! -d "$NANOCHAT_BASE_DIR/tokenizer/climbmix" ]; then
  nanochat tokenizer train --corpus climbmix --name climbmix --vocab-size 32768 --max-bytes 2000000000
fi

# torchrun starts eight processes, one for each GPU, and tells each its number. All train the same model, each
# on its own part of every batch (site: About, Scaling).
torchrun --standalone --nproc_per_node=8 -m nanochat train base \
  --depth 24 --corpus climbmix --tokenizer climbmix --name d24 --resume "$@"
