"""Tool 7, the training resume helper: can a run go on, from where, what remains, and with which command.

It looks at all that the trainer looks at when it resumes, before anything heavy is started, and says of each
refusal why, and what to do about it.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.core.report import Report
from tools.core.tool import Tool
from tools.resume import sections
from tools.resume.answer import find_answer
from tools.resume.evidence import find_evidence
from tools.resume.question import Question


def run(question: Question) -> Report:
    """Answer a question.

    >>> report = run(Question(example="stopped"))
    >>> report.ok, [section.key for section in report.sections]
    (True, ['answer', 'remaining', 'checkpoints', 'checks'])
    """
    answer = find_answer(
        find_evidence(question), question.processes, question.flags, question.quick, question.measure_with
    )
    found = [
        sections.answer_section(answer),
        sections.refusal_section(answer),
        sections.remaining_section(answer),
        sections.checkpoints_section(answer),
        sections.checks_section(answer),
    ]
    return Report(
        "Training resume helper",
        [section for section in found if section],
        sections.notes_of(answer, question.quick),
        says=sections.verdict(answer),
        ok=answer.can_resume,
    )


TOOL = Tool(
    name="training-resume-helper",
    title="Training resume helper",
    summary="can a stopped run go on, and by which command",
    parameters=Question,
    run=run,
    examples=[
        ("--run d4", "a run by its name"),
        ("--run d4 --processes 4", "the same on four GPUs"),
        ("--run d4 --flags '--lr-scale 0.5'", "whether the run takes another setting"),
        ("--example stopped", "a run that was stopped midway"),
        ("--example damaged", "its newest checkpoint damaged"),
    ],
    page={"example": "stopped"},
    details="Without a name it is the run that changed last. Exit code 0: it can resume; 1: it cannot; 2: a "
    "wrong question.",
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
