"""Tool 1, the model calculator: parameters, memory, time and money of a model before it exists.

It counts with the very lines that the trainer uses (`nanochat.model.counting`, `nanochat.model.memory`), and
shows for every figure the formula with the numbers put in (`--explain`, or a click on a page).
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.calculator.machine_sections import machine_sections
from tools.calculator.plan import make_plan
from tools.calculator.question import Question
from tools.calculator.sections import model_sections
from tools.core.report import Report
from tools.core.tool import Tool


def run(question: Question) -> Report:
    """Answer a question.

    >>> [section.key for section in run(Question()).sections][:4]
    ['configuration', 'parameters', 'memory', 'training']
    """
    plan = make_plan(question)
    return Report("Model size & cost calculator", [*model_sections(plan), *machine_sections(plan)])


TOOL = Tool(
    name="model-calculator",
    title="Model size & cost calculator",
    summary="parameters, memory, time and money of a model",
    parameters=Question,
    run=run,
    examples=[
        ("--preset nanochat-tiny", "a small textbook transformer"),
        (
            "--preset gpt2-small --batch-size 32 --total-tokens 20000000000",
            "GPT-2 small on 20 milliard tokens",
        ),
        ("--depth 12 --hidden-dim 768 --vocab-size 32000", "sizes of your own"),
        (
            "--arch nanochat --depth 20 --gpu H100 --gpus 8",
            "this project's own model: one dial sets the rest",
        ),
        ("--config config.json --context 8192", "any Llama, Qwen, Mistral or GPT-2 from Hugging Face"),
        ("--preset llama-3-8b --explain", "every figure with its formula"),
    ],
    page={"preset": "nanochat-tiny"},
    details="Without any flag it shows the preset nanochat-tiny. Sizes are in GiB, 2^30 bytes.",
)


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
