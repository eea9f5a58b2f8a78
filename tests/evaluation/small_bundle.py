"""A bundle in the form of CORE's, with a task of each kind, and a model of which every answer is known.

The model follows a script: after `is` it expects ` blue`, after `he` ` sings`, after `two` ` three`. So it is
right where the bundle asks for that, and wrong elsewhere.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from nanochat.model.gpt import GPT
from nanochat.tokenizer.tokenizer import Tokenizer
from tests.inference.small_models import script, scripted_model

CORE_YAML = """
max_seq_len: 2048
icl_tasks:
-
  label: colours
  dataset_uri: world_knowledge/colours.jsonl
  num_fewshot: [2]
  icl_task_type: multiple_choice
  continuation_delimiter: "\\nAnswer: "  # this separates questions from answers
  has_categories: true
-
  label: names
  dataset_uri: language_understanding/names.jsonl
  num_fewshot: [0]
  icl_task_type: schema
-
  label: counting
  dataset_uri: counting.jsonl
  num_fewshot: [1]
  icl_task_type: language_modeling
"""
META = """Eval Task,Task Category,Task Type,#shots,#datapoints,Random baseline,Centered Metric?,Description
colours,world knowledge,multiple choice,2,10,25,,"Ten questions, four choices each."
names,language understanding,schema,0,4,50,,Four of them.
counting,symbolic problem solving,language modeling,1,5,0,,Five of them.
not_asked,safety,multiple choice,0,5,33.3,,In the table only.
"""
# How many of each the model below gets right: it always says blue, prefers `he`, and knows what follows two.
RIGHT = {"colours": (7, 10), "names": (1, 4), "counting": (3, 5)}
CHOICES = ["green", "blue", "red", "white"]
COLOURS = [
    {"query": f"Question: the colour of thing {number}?", "choices": CHOICES, "gold": 1 if number < 7 else 2}
    for number in range(10)
]
NAMES = [
    {"context_options": ["Then she", "Then he"], "continuation": "sings.", "gold": int(number == 3)}
    for number in range(4)
]
COUNTING = [
    {"context": f"{number} one two ", "continuation": "three" if number < 3 else "three four"}
    for number in range(5)
]


def lines(items: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


def files() -> dict[str, str]:
    """The files of the bundle."""
    return {
        "core.yaml": CORE_YAML,
        "eval_meta_data.csv": META,
        "eval_data/world_knowledge/colours.jsonl": lines(COLOURS),
        "eval_data/language_understanding/names.jsonl": lines(NAMES),
        "eval_data/counting.jsonl": lines(COUNTING),
    }


def write_bundle(folder: Path, **changed: str | None) -> Path:
    """Put it into a folder; `changed` are other texts for files (by the end of their name), None for none."""
    for name, text in files().items():
        key = Path(name).name.partition(".")[0]
        text = changed.get(key, text)
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


def zipped(**more: str) -> bytes:
    """The bundle as it is served: in a folder, with what a Mac puts beside it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/eval_bundle/._core.yaml", "of no use")
        archive.mkdir("eval_bundle")
        for name, text in files().items():
            archive.writestr(f"eval_bundle/{name}", text)
        for name, text in more.items():
            archive.writestr(name, text)
    return file.getvalue()


def knowing_model(tokenizer: Tokenizer) -> GPT:
    """The model that is right as `RIGHT` says."""
    return scripted_model(tokenizer, script(tokenizer, ": blue", "Then he sings.", " one two three"))
