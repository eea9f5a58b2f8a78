"""What a person can mend: one line that names the thing, the value and the way out.

Rooms raise it for bad input. The `nanochat` command prints the line and leaves with exit code 2; whoever
uses the code from Python gets an ordinary exception.
"""

from __future__ import annotations


class UserError(Exception):
    """A corpus that is not there, a batch that does not divide, a checkpoint that is damaged.

    >>> raise UserError("there is no corpus 'classic'; did you mean classics?")
    Traceback (most recent call last):
    nanochat.errors.UserError: there is no corpus 'classic'; did you mean classics?
    """


class RunStopped(Exception):
    """A run that ended before its time for a reason of its own: the loss is no number, or has shot up.

    The message says which step is safe on disk. Exit code 1: the question was right, the run went wrong.
    """
