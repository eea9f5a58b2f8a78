"""A tool: a name, a dataclass of parameters, and a function from these to a report.

TOOL = Tool(
    name="model-calculator",
    title="Model size & cost calculator",
    summary="parameters, memory, time and money for any configuration",
    parameters=Plan,
    run=run,
    examples=[("--preset gpt2-small", "GPT-2 small, as OpenAI trained it")],
)

if __name__ == "__main__":
    sys.exit(main(TOOL))        # tools.core.command.main
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.core.errors import NeedFiles, NeedModel, ToolError, UsageError
from tools.core.parameters import build, to_json
from tools.core.report import Report

if TYPE_CHECKING:
    from tools.live.model import LiveModel

__all__ = ["NeedFiles", "NeedModel", "Tool", "ToolError", "UsageError"]


@dataclass(frozen=True)
class Export:
    """A file that a tool can write: `--csv FILE` on the command line, a button on a page.

    `write` gives the file's text for the parameters, in parts, so that a large one need not be in memory at
    once; or, `of_report`, for the answer to them, which is then not worked out twice.
    """

    key: str
    file_name: str
    help: str
    write: Callable[[Any], Iterable[str]]
    of_report: bool = False


@dataclass(frozen=True)
class Tool:
    """All there is to know about a tool.

    `examples` are pairs of arguments and what they show. `page` holds the address keys and values that a
    page starts with. `details` is a paragraph for `--help`. A tool with `headings=False` is an interactive
    figure: its report stands in a section of a guide, so it is drawn without headings of its own.

    `watch` makes a tool live: for parameters that ask for it, it gives one report after the other, and the
    terminal draws each over the last; for others it gives None.

    `ask_model` has the model of the page work out what an answer needs, and remembers it. A page calls it
    when `run` has raised `NeedModel`, and then asks `run` again.
    """

    name: str
    title: str
    summary: str
    parameters: type
    run: Callable[[Any], Report]
    examples: Sequence[tuple[str, str]] = ()
    page: Mapping[str, str] = field(default_factory=dict)
    details: str = ""
    headings: bool = True
    exports: Sequence[Export] = ()
    watch: Callable[[Any], Iterator[Report] | None] | None = None
    ask_model: Callable[[Any, LiveModel], Awaitable[None]] | None = None

    @property
    def script(self) -> str:
        """The file that holds it, from the repository's root."""
        return f"tools/{self.name.replace('-', '_')}.py"

    def report(self, parameters: Any) -> Report:
        """The tool's answer, with its name and parameters filled in."""
        return self.named(self.run(parameters), parameters)

    def named(self, answer: Report, parameters: Any) -> Report:
        """An answer with the tool's name and its parameters filled in."""
        return dataclasses.replace(answer, tool=self.name, parameters=to_json(parameters))

    def ask(self, **values: object) -> Report:
        """The answer for values given by name and checked as the command line would: `TOOL.ask(depth=4)`."""
        return self.report(build(self.parameters, values))
