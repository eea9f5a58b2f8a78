"""What all tests share."""

import os

from hypothesis import settings

from nanochat.cli import SPIN

# As the command does, before anything imports torch.
os.environ.setdefault("GOMP_SPINCOUNT", SPIN)

# How long one example takes depends on what else the machine does; a slow one is no failure.
settings.register_profile("nanochat", deadline=None)
settings.load_profile("nanochat")
