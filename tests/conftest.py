"""What all tests share."""

import os
import signal

from hypothesis import settings

from nanochat.cli import SPIN

# As the command does, before anything imports torch.
os.environ.setdefault("GOMP_SPINCOUNT", SPIN)

# How long one example takes depends on what else the machine does; a slow one is no failure.
settings.register_profile("nanochat", deadline=None)
settings.load_profile("nanochat")

# A shell starts what it puts into the background with Ctrl-C ignored, and so would all that tests start be.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
