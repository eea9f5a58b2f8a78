"""tiktoken and rustbpe are the judges here: what they say, the standard-library code must say too."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import shutil
from pathlib import Path

import pytest

from nanochat.tokenizer import ranks


@pytest.fixture(scope="session")
def tiktoken_encodings(tmp_path_factory):
    """tiktoken's own gpt2, cl100k_base and o200k_base, without a network.

    tiktoken keeps a rank file under a hash of the address it came from. The addresses are read
    from tiktoken itself, and the files are put there from where our own code finds them.
    """
    import tiktoken
    import tiktoken_ext.openai_public as known

    cache = tmp_path_factory.mktemp("tiktoken")
    addresses = re.findall(r'"(\S+/(\w+\.tiktoken))"', inspect.getsource(known))
    for address, file_name in addresses:
        for file in ranks.RANK_FILES.values():
            if file.file_name == file_name:
                shutil.copy(ranks.find(file.stem), cache / hashlib.sha1(address.encode()).hexdigest())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        # tiktoken's gpt2 has the ranks and the pattern of r50k_base, from two other files.
        names = {"gpt2": "r50k_base", "cl100k_base": "cl100k_base", "o200k_base": "o200k_base"}
        yield {name: tiktoken.get_encoding(theirs) for name, theirs in names.items()}


@pytest.fixture(scope="session")
def unicode_runs_from_tiktoken():
    """The script beside this file that writes the Unicode table."""
    path = Path(__file__).with_name("unicode_runs_from_tiktoken.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
