r"""The tokenizer as Hugging Face's libraries read it: `tokenizer.json` gives the same ids.

Three things differ there, and are bridged here:

- It wants the merges as pairs. A rank file does not say which pair made a token, and tiktoken does not care:
  it joins any two neighbours that together are one. So each token is listed with every pair of smaller
  tokens that spells it, those of lower ranks first.
- It writes bytes as letters (GPT-2's `bytes_to_unicode`, 2019): printable ones of Latin-1 stand for
  themselves, the others for the letters from U+0100 on, so that a space is `Ġ`.
- Its regular expressions (Oniguruma) read two signs in another way: `$` is the end of any line there,
  and `{1,3}+` is no possessive repetition but a repeated one.

One thing stays different: a special token that is spelled out in a text is the real one there, and ordinary
bytes here. `AutoTokenizer.from_pretrained(folder, split_special_tokens=True)` does as we do; text from users
should be encoded so. Standard library only.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nanochat.tokenizer.tokenizer import CHAT_SPECIALS, Tokenizer

TOKENIZER_FILE, CONFIG_FILE = "tokenizer.json", "tokenizer_config.json"
# What `render_conversation` does, in Jinja: the same ids, but for text that spells special tokens.
CHAT_TEMPLATE = """\
{{- bos_token -}}
{%- set system = messages[0]['content'] + '\\n\\n' if messages[0]['role'] == 'system' else '' -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}
{{- '<|user_start|>' + (system if loop.index0 < 2 else '') + message['content'] + '<|user_end|>' -}}
{%- elif message['role'] == 'assistant' -%}
{{- '<|assistant_start|>' -}}
{%- if message['content'] is string -%}
{{- message['content'] -}}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'python' -%}
{{- '<|python_start|>' + part['text'] + '<|python_end|>' -}}
{%- elif part['type'] == 'python_output' -%}
{{- '<|output_start|>' + part['text'] + '<|output_end|>' -}}
{%- else -%}
{{- part['text'] -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{- '<|assistant_end|>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|assistant_start|>' -}}
{%- endif -%}"""


def write_tokenizer(tokenizer: Tokenizer, folder: Path, max_tokens: int | None = None) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`; `max_tokens` is the context of the model."""
    files = {
        TOKENIZER_FILE: tokenizer_json(tokenizer),
        CONFIG_FILE: tokenizer_config(tokenizer, max_tokens),
    }
    for name, content in files.items():
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def tokenizer_json(tokenizer: Tokenizer) -> dict[str, Any]:
    """The content of `tokenizer.json`.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> content = tokenizer_json(sample_tokenizer())
    >>> content["model"]["vocab"]["Ġme"], content["model"]["merges"][:3]
    (364, [['Ġ', 't'], ['Ġ', 'a'], ['h', 'e']])
    """
    pattern = {"Regex": oniguruma(tokenizer.pattern.published)}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    letters = byte_letters()
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token_id, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True,
            }
            for text, token_id in tokenizer.special_tokens.items()
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False},
                byte_level,
            ],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,  # a piece that is a token is that token, as in `encode_piece`
            "vocab": {written(token, letters): rank for token, rank in tokenizer.ranks.items()},
            "merges": [
                [written(left, letters), written(right, letters)] for left, right in merges(tokenizer.ranks)
            ],
        },
    }  # fmt: skip


def tokenizer_config(tokenizer: Tokenizer, max_tokens: int | None = None) -> dict[str, Any]:
    """The content of `tokenizer_config.json`: the class, the special tokens, the chat template."""
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
    }
    if max_tokens:
        config["model_max_length"] = max_tokens
    if set(CHAT_SPECIALS) <= set(tokenizer.special_tokens):
        config |= {
            "bos_token": "<|bos|>", "eos_token": "<|assistant_end|>", "chat_template": CHAT_TEMPLATE
        }  # fmt: skip
    return config


def merges(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Every pair of tokens that makes a token of a higher rank, in the order of what they make.

    >>> merges({b"a": 0, b"b": 1, b"ab": 2, b"ba": 3, b"aba": 4})
    [(b'a', b'b'), (b'b', b'a'), (b'a', b'ba'), (b'ab', b'a')]
    """
    found: list[tuple[int, int, int, bytes, bytes]] = []
    for token, rank in ranks.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ranks and right in ranks and max(ranks[left], ranks[right]) < rank:
                found.append((rank, ranks[left], ranks[right], left, right))
    return [(left, right) for *_, left, right in sorted(found)]


def byte_letters() -> list[str]:
    """The letter that stands for each byte.

    >>> letters = byte_letters()
    >>> letters[ord("a")], letters[ord(" ")], len(set(letters))
    ('a', 'Ġ', 256)
    """
    themselves = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(value if value in themselves else next(others)) for value in range(256)]


def written(token: bytes, letters: list[str]) -> str:
    """A token in letters.

    >>> written(b" me", byte_letters())
    'Ġme'
    """
    return "".join(letters[value] for value in token)


def oniguruma(pattern: str) -> str:
    r"""A published pattern in the notation of the library `tokenizers`.

    >>> oniguruma(r"\p{N}{1,3}+|\s++$")
    '\\p{N}{1,3}|\\s++\\z'
    """
    return re.sub(r"(\{\d+,\d+\})\+", r"\1", pattern).replace("$", r"\z")
