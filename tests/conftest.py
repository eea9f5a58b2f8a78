"""What all tests share."""

from hypothesis import settings

# How long one example takes depends on what else the machine does; a slow one is no failure.
settings.register_profile("nanochat", deadline=None)
settings.load_profile("nanochat")
