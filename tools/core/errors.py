"""What a tool may raise; the command line and the page turn each into one clear line."""

from __future__ import annotations

from collections.abc import Sequence


class ToolError(Exception):
    """The data is bad: a file is damaged, a record is invalid. Exit code 1.

    Write flags as on the command line (`--heads`); a page shows the field's label in their place.
    `parameter` names the field to mark, with or without dashes.

    >>> ToolError("--config x.json: it is no JSON", parameter="--config").parameter
    'config'
    """

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter.removeprefix("--").replace("-", "_") if parameter else None


class UsageError(ToolError):
    """The question is wrong: a parameter is out of range, two of them disagree. Exit code 2.

    >>> UsageError("--heads 5 does not divide --width 384", parameter="heads").parameter
    'heads'
    """


class NeedFiles(ToolError):
    """A page must fetch files of this site first; `names` are addresses below its root.

    On the command line this is an ordinary error: its message says how to get the files.

    >>> NeedFiles("gpt2 ranks are not here; run `make site`", ["assets/ranks/gpt2.tiktoken"]).names
    ('assets/ranks/gpt2.tiktoken',)
    """

    def __init__(self, message: str, names: Sequence[str]) -> None:
        super().__init__(message)
        self.names = tuple(names)


class Stopped(Exception):
    """The reader of a page has stopped what the model was asked.

    It takes the place of `KeyboardInterrupt`, which would go through the event loop and end that, too.
    """


class NeedModel(ToolError):
    """A page must ask its model first (`Tool.ask_model`), and then ask the tool again.

    >>> str(NeedModel())
    'only the model of the page can say this'
    """

    def __init__(self) -> None:
        super().__init__("only the model of the page can say this")
