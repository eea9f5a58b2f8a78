#!/usr/bin/env bash
# A small model on a laptop, from text to answers, in under twenty minutes on two cores. No GPU is needed.
#
#     bash runs/laptop.sh
#
# What is done is skipped when you call it again, so it can be stopped at any time. Words that you add go to
# the command: `bash runs/laptop.sh --dry-run` says what would be done.
set -euo pipefail
# shellcheck source=runs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

nanochat speedrun --size laptop "$@"
