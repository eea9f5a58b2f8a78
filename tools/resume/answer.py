"""The answer: all checks made, the checkpoint chosen, what remains, and the command."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.checkpoints.measuring import AUTO
from tools.resume.checkpoint_checks import Looked, checkpoint_checks, look_at, processes_of
from tools.resume.command import resume_command
from tools.resume.evidence import Check, Evidence, State
from tools.resume.remaining import Lines, read_lines
from tools.resume.settings_checks import Asked, settings_checks
from tools.resume.surroundings import surroundings


@dataclass
class Answer:
    """Whether a run can go on, and all that was looked at to say so."""

    evidence: Evidence
    processes: int
    asked: Asked
    lines: Lines
    checks: list[Check] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)  # newest first
    chosen: Looked | None = None  # what the trainer would take
    finished: bool = False
    command: str = ""

    @property
    def refusals(self) -> list[Check]:
        """The checks that came out bad."""
        return [check for check in self.checks if check.state is State.BAD]

    @property
    def can_resume(self) -> bool:
        """Whether the command would go on with the training."""
        return not self.refusals and not self.finished

    @property
    def step(self) -> int | None:
        """The step it goes on from; 0 for the beginning, None where nothing says it."""
        if self.chosen is not None:
            return self.chosen.step.step
        return None if self.evidence.is_loose or self.looked else 0

    @property
    def steps(self) -> int | None:
        """How many steps the whole run has."""
        if self.asked.plan is not None:
            return self.asked.plan.steps
        steps = self.evidence.settings.get("steps")
        return steps if isinstance(steps, int) else None


def find_answer(
    evidence: Evidence, processes: int | None = None, flags: str = "", quick: bool = False, who: str = AUTO
) -> Answer:
    """Look at everything that resuming needs, in the order in which the trainer would."""
    newest = evidence.steps[-1] if evidence.steps else None
    world = processes or (processes_of(newest) if newest else 0) or begun_with(evidence)
    checks: list[Check] = []
    asked = settings_checks(evidence, world, flags, checks)
    looked = look_at_all(evidence, asked, quick, who)
    chosen = next((one for one in looked if not one.damage), None)
    checks += checkpoint_checks(chosen, looked, evidence, quick)
    lines = read_lines(evidence.run)
    found = Answer(evidence, world, asked, lines, checks, looked, chosen)
    checks += metrics_checks(lines, evidence)
    checks += surroundings(evidence, asked, quick)
    if found.step is not None and found.steps is not None and found.step >= found.steps:
        found.finished = True
    found.command = resume_command(evidence, world, flags)
    return found


def metrics_checks(lines: Lines, evidence: Evidence) -> list[Check]:
    """What is wrong with the lines of the run: the trainer goes on, and leaves a broken one out."""
    if not lines.problem:
        return []
    if evidence.run.metrics is None:
        state = State.UNKNOWN if evidence.is_loose else State.NOTE
        return [Check("metrics", "Metrics", state, lines.problem)]
    if evidence.is_loose:
        way = "give the file as the run wrote it"
        return [Check("metrics", "Metrics", State.BAD, lines.problem, way)]
    found = f"{lines.problem}; resuming leaves such lines out and keeps the others"
    return [Check("metrics", "Metrics", State.NOTE, found)]


def begun_with(evidence: Evidence) -> int:
    """The processes that config.json says."""
    processes = evidence.config.get("machine", {}).get("processes")
    return processes if isinstance(processes, int) and processes > 0 else 1


def look_at_all(evidence: Evidence, asked: Asked, quick: bool, who: str) -> list[Looked]:
    """The checkpoints, newest first, until a good one is found: as many as the trainer would read."""
    looked: list[Looked] = []
    for step in reversed(evidence.steps):
        looked.append(look_at(step, asked, evidence, quick, who))
        if looked[-1].state == "good":
            break
    return looked
