"""`python -m nanochat` is the `nanochat` command."""

import sys

from nanochat.cli import main

if __name__ == "__main__":
    sys.exit(main())
