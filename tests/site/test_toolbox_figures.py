"""What guide 6 says of the sandbox is tried while it is built; here it is tried whether that means much."""

from __future__ import annotations

import pytest

from nanochat.toolbox import sandbox
from nanochat.toolbox.sandbox import Layers, Limits
from web.figures import toolbox_sandbox


def test_without_layers_every_attempt_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that fails by itself would look like one that was stopped."""

    def run_bare(code: str, limits: Limits) -> sandbox.SandboxResult:
        return sandbox._run(code, "", limits, Layers(()))

    monkeypatch.setattr(toolbox_sandbox, "run_python", run_bare)
    assert set(toolbox_sandbox.ATTEMPTS) <= set(toolbox_sandbox.tried_here())
    with pytest.raises(RuntimeError, match="read a file outside"):
        toolbox_sandbox.attempts_table()


def test_where_code_is_refused_the_page_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    here = toolbox_sandbox.attempts_table()

    def refuse(code: str, limits: Limits) -> sandbox.SandboxResult:
        raise sandbox.SandboxUnavailable("none of the layers")

    monkeypatch.setattr(toolbox_sandbox, "run_python", refuse)
    assert toolbox_sandbox.attempts_table() == here
