# shellcheck shell=bash
# Read by the other scripts: goes to the top of the repository and makes sure that `nanochat` can be called.
#
# Where everything lies that a run makes: corpora, tokenizers, checkpoints. The default is the cache folder of
# your account. On a rented machine choose a large, fast disk:
#
#     export NANOCHAT_BASE_DIR=/data/nanochat
#
# Without an environment of yours, one is made in .venv with the versions this project is tested with.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export NANOCHAT_BASE_DIR="${NANOCHAT_BASE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/nanochat}"

if ! command -v nanochat >/dev/null; then
  if [ ! -x .venv/bin/nanochat ]; then
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[train,corpus]'
  fi
  PATH="$PWD/.venv/bin:$PATH"
fi
