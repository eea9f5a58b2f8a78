"""One module a command. Each has `make_parser` and `run`; what they do lies in the rooms they call."""
