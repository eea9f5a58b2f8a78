"""Training: how a model learns. The pure part, `depth_dial`, turns one number into a whole training plan."""
