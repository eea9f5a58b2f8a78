#!/usr/bin/env bash
# A model of depth 12, the size of GPT-2 small, on one GPU. An H100 takes about 0.6 hours, an RTX 4090 about
# 3.4 hours.
#
#     bash runs/one_gpu.sh
#
# The steps stand one below the other so that you can copy them. Each takes up what an earlier call left, so
# the script can be stopped and started again. Words that you add go to the training, such as `--dtype fp16`.
set -euo pipefail
# shellcheck source=runs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# Text: a shard holds some 50 million tokens; 1.3 billion are trained on. What is there is not fetched again.
nanochat data prepare --corpus climbmix --shards 32

# Tokenizer: a vocabulary of 32,768 from the first two billion bytes of it.
if [ ! -d "$NANOCHAT_BASE_DIR/tokenizer/climbmix" ]; then
  nanochat tokenizer train --corpus climbmix --name climbmix --vocab-size 32768 --max-bytes 2000000000
fi

# Training. --depth sets everything else. --resume continues the run of this name, or starts it. How many
# sequences fit at a time is worked out from the GPU's memory; --device-batch-size overrides it.
nanochat train base --depth 12 --corpus climbmix --tokenizer climbmix --name d12 --resume "$@"
