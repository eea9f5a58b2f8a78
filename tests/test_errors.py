from __future__ import annotations

import errno

import pytest

from nanochat import cli
from nanochat.errors import RunStopped, UserError


class Failing:
    """A command whose run raises."""

    def __init__(self, trouble):
        self.trouble = trouble

    def make_parser(self):
        return cli.OneLineParser(prog="nanochat demo")

    def run(self, options):
        raise self.trouble


@pytest.fixture
def leave_with(monkeypatch, capsys):
    def call(trouble):
        monkeypatch.setattr(cli.Command, "load", lambda command: Failing(trouble))
        code = cli.main(["speedrun"])
        found = capsys.readouterr()
        assert found.out == ""
        return code, found.err

    return call


def test_what_a_person_can_mend_is_one_line_and_exit_code_2(leave_with):
    code, said = leave_with(UserError("there is no corpus 'x';\nprepare it"))
    assert (code, said) == (2, "nanochat: error: there is no corpus 'x'; prepare it\n")


def test_a_run_that_went_wrong_is_one_line_and_exit_code_1(leave_with):
    code, said = leave_with(RunStopped("step 7: the loss is nan; step 5 is safe"))
    assert (code, said) == (1, "nanochat: error: step 7: the loss is nan; step 5 is safe\n")


@pytest.mark.parametrize(
    ("trouble", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "runs/d4"), "runs/d4: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/corpora"), "/corpora: Permission denied"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError("the hub hung up"), "the hub hung up"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_disk_that_refuses_is_one_line_and_exit_code_2(leave_with, trouble, line):
    assert leave_with(trouble) == (2, f"nanochat: error: {line}\n")


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("torch.nn", "torch", "train"), ("uvicorn", "uvicorn", "serve"), ("onnx", "onnx", "onnx")],
)
def test_a_package_that_is_not_installed_is_one_line_with_the_command(leave_with, module, package, extra):
    code, said = leave_with(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert code == 2
    assert said == (
        f"nanochat: error: the package {package} is not installed; in the folder of the project: "
        f"pip install -e '.[{extra}]'\n"
    )


def test_a_missing_module_of_our_own_is_not_hidden(leave_with):
    with pytest.raises(ModuleNotFoundError):
        leave_with(ModuleNotFoundError("No module named 'nanochat.x'", name="nanochat.x"))


def test_a_reader_that_hangs_up_is_no_error(leave_with):
    assert leave_with(BrokenPipeError()) == (0, "")


def test_a_fault_of_our_own_is_not_hidden(leave_with):
    with pytest.raises(ZeroDivisionError):
        leave_with(ZeroDivisionError())


def test_ctrl_c_is_130(leave_with):
    assert leave_with(KeyboardInterrupt()) == (130, "")
