"""The notebooks about a small model fit together: the third begins with what the first keeps."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from safetensors.torch import load_file

from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.tokenizer.fast import FastTokenizer

FOLDER = Path(__file__).resolve().parents[2] / "site_docs" / "notebooks"
FIRST, THIRD = FOLDER / "small_model_1_train.py", FOLDER / "small_model_3_fine_tune.py"


def assigned(notebook: Path, name: str) -> str:
    """The code of what is assigned to a name at the top of a notebook, as Python writes it."""
    for node in ast.parse(notebook.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.unparse(node.value)
    raise AssertionError(f"{notebook.name} assigns nothing to {name}")


@pytest.mark.parametrize("name", ["KEPT", "config"])
def test_the_third_notebook_means_what_the_first_keeps(name):
    assert assigned(FIRST, name) == assigned(THIRD, name)


def test_the_cells_that_make_the_model_run_by_themselves(tmp_path, monkeypatch):
    """As the third notebook runs them; with few steps, since only the names they need are in question."""
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    text = FIRST.read_text(encoding="utf-8")
    text, changed = re.subn(r"^STEPS = \d+$", "STEPS = 2", text, flags=re.MULTILINE)
    assert changed == 1
    making = [cell for cell in text.split("# %%") if cell.startswith(' tags=["model"]')]
    names: dict[str, object] = {}
    exec("\n".join(cell.partition("\n")[2] for cell in making), names)

    kept = tmp_path / "notebooks" / "small-model-1"
    tokenizer = FastTokenizer.load(kept)
    config = names["config"]
    assert isinstance(config, GPTConfig)
    assert tokenizer.n_vocab == config.vocab_size
    GPT(config).load_state_dict(load_file(kept / "model.safetensors"))


@pytest.mark.parametrize("notebook", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_pictures_look_alike_in_all_notebooks(notebook):
    """Each stands alone, so each has the helper for plots; they must not drift apart."""
    first = FOLDER / "tensors_and_autograd.py"
    assert helper(notebook) == helper(first)


def helper(notebook: Path) -> str:
    """The lines that prepare plots."""
    text = notebook.read_text(encoding="utf-8")
    return text[text.index('GREY = "#7f8794"') :].split("# %% [markdown]")[0].strip()
