"""SIGTERM and Ctrl-C: finish the step, save, leave.

Batch systems send SIGTERM some time before they kill, and a person who presses Ctrl-C wants to keep what has
been learnt. A second signal does not wait. Standard library only.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}  # 128 + the signal's number, as shells have it


class StopSignals:
    """While this is entered, the first signal is remembered and not obeyed.

    >>> with StopSignals() as stop:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     stop.exit_code
    143
    """

    def __init__(self, say: Callable[[str], object] = str) -> None:
        self.say, self.exit_code = say, 0
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        for one in EXIT_CODES:
            self.before[one] = signal.signal(one, self.received)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self.before.items():
            signal.signal(one, handler)

    def received(self, number: int, frame: FrameType | None) -> None:
        """Remember the first; let the second through."""
        one = signal.Signals(number)
        if self.exit_code:
            signal.signal(one, signal.SIG_DFL if one == signal.SIGTERM else signal.default_int_handler)
            signal.raise_signal(one)
        self.exit_code = EXIT_CODES[one]
        self.say("stopping after this step; once more to stop at once")
