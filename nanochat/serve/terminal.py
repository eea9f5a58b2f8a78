"""Chat in the terminal: type, read the answer while it is written, stop it, try again.

Ctrl-C stops an answer and keeps what there is of it; Ctrl-D leaves. A line that begins with `/` is a command;
`//` begins a question with a slash.
"""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nanochat.inference.engine import Engine
from nanochat.inference.request import Part, Request, Sampling
from nanochat.serve.conversation import Conversation, TooLong, fit
from nanochat.serve.screen import Screen
from nanochat.tokenizer.tokenizer import Tokenizer

PROMPT = "you › "
MAX_TOKENS = 512


class Stop:
    """Whether the person has asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        """Ask; a second time, end the program."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextlib.contextmanager
def until_ctrl_c() -> Iterator[Stop]:
    """Ctrl-C only asks to stop in here: it must not come between two tensors."""
    stop = Stop()
    before = signal.signal(signal.SIGINT, stop.ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class Chat:
    """One chat: the model, the conversation so far, and how answers are written."""

    engine: Engine
    tokenizer: Tokenizer
    screen: Screen
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int = MAX_TOKENS
    seed: int = 0  # of the first answer; each next one has the next
    conversation: Conversation = field(default_factory=Conversation)
    use_tools: bool = True
    answers: int = 0
    left_out: int = 0  # turns, in the last answer
    saved: set[Path] = field(default_factory=set)  # files that this chat has written

    # ---- answers ----

    def ask(self, text: str) -> bool:
        """Ask, and show the answer. False if it was stopped. Raises `TooLong`; nothing has changed then."""
        self.conversation.ask(text)
        try:
            return self.answer()
        except TooLong:
            self.conversation.take_back_question()
            raise

    def answer(self) -> bool:
        """Answer the last question."""
        context = self.engine.context
        ids, left_out = fit(self.tokenizer, self.conversation.to_dict(), context, self.max_tokens)
        if left_out > self.left_out:
            turns = "turn no longer fits" if left_out == 1 else f"{left_out} turns no longer fit"
            self.screen.aside(f"(the oldest {turns}: the model does not see what was said then)")
        self.left_out = left_out
        request = Request(
            tuple(ids), self.max_tokens, self.sampling, self.seed + self.answers, use_tools=self.use_tools
        )
        self.answers += 1
        parts: list[Part] = []
        with until_ctrl_c() as stop:
            finish = self.write(request, parts, stop)
        self.conversation.answer(parts)
        self.screen.text("\n")
        if finish == "length":
            self.screen.aside("(cut off: its number of tokens was used up)")
        if finish is None:
            self.screen.aside("(stopped)")
        return finish is not None

    def write(self, request: Request, parts: list[Part], stop: Stop) -> str | None:
        """Show an answer while it is written, and collect it; why it ended, or None if it was stopped."""
        ticket = self.engine.submit(request)
        while not stop.asked:
            for news in self.engine.step():
                if news.ticket == ticket and news.part is not None:
                    parts.append(news.part)
                    self.show(news.part)
                if news.ticket == ticket and news.done is not None:
                    return news.done.finish
        self.engine.cancel(ticket)
        return None

    def show(self, part: Part) -> None:
        """Show a part of an answer."""
        {"text": self.screen.text, "python": self.screen.call, "python_output": self.screen.result}[
            part.type
        ](part.text)

    # ---- the loop ----

    def talk(self, read: Callable[[str], str]) -> None:
        """Read lines with `read(prompt)` and answer them, until it raises EOFError."""
        while True:
            try:
                line = read(self.screen.prompt(PROMPT) if self.screen.terminal else "")
            except EOFError:
                self.screen.aside("")
                return
            except KeyboardInterrupt:
                self.screen.aside("\n(Ctrl-D leaves)")
                continue
            except UnicodeDecodeError:
                self.screen.complain("this is no text in UTF-8")
                continue
            line = line.encode(errors="surrogateescape").decode(errors="replace").strip()
            if line.startswith("/") and not line.startswith("//"):
                if not self.command(line):
                    return
            elif line:
                self.try_to(self.ask, line.removeprefix("/"))

    def try_to(self, what: Callable[..., object], *arguments: object) -> None:
        """Do something; a complaint if it cannot be done."""
        try:
            what(*arguments)
        except (ValueError, OSError) as error:
            self.screen.complain(str(error))

    # ---- commands ----

    def command(self, line: str) -> bool:
        """Do what a line that begins with a slash says; False to leave."""
        name, _, argument = line[1:].partition(" ")
        if name in ("quit", "exit"):
            return False
        known = {one.split()[0]: do for one, (_, do) in COMMANDS.items()}
        if name in known:
            self.try_to(known[name], self, argument.strip())
        else:
            close = get_close_matches(name, known, n=1)
            meant = f"did you mean /{close[0]}? " if close else ""
            self.screen.complain(f"there is no command /{name}; {meant}/help lists them")
        return True

    def set_sampling(self, name: str, text: str) -> None:
        """Change how tokens are chosen, or say how it is."""
        if text:
            try:
                changed: dict[str, Any] = {name: int(text) if name == "top_k" else float(text)}
                self.sampling = replace(self.sampling, **changed)
            except ValueError as error:
                says = str(error) if "must be" in str(error) else f"{text!r} is no number"
                raise ValueError(says) from None
        self.screen.aside(f"{name} is {getattr(self.sampling, name)}")

    def clear(self, _: str) -> None:
        """Begin anew."""
        self.conversation.clear()
        self.left_out = 0
        self.screen.aside("a new conversation")

    def retry(self, _: str) -> None:
        """Answer the last question again."""
        if not self.conversation.messages:
            raise ValueError("nothing has been asked yet")
        self.conversation.take_back_answer()
        self.answer()

    def undo(self, _: str) -> None:
        """Take the last question and its answer back."""
        question = self.conversation.take_back_question()
        self.left_out = 0
        self.screen.aside("nothing has been asked yet" if question is None else f"taken back: {question}")

    def set_system(self, text: str) -> None:
        """Change the system text, or say what it is."""
        if text:
            self.conversation.system = "" if text == "none" else text
        now = self.conversation.system
        self.screen.aside(f"the system text is: {now}" if now else "there is no system text")

    def set_tools(self, text: str) -> None:
        """Let the model call tools, or not."""
        if text not in ("on", "off", ""):
            raise ValueError("/tools on or /tools off")
        self.use_tools = {"on": True, "off": False}.get(text, self.use_tools)
        self.screen.aside(f"tools are {'on' if self.use_tools else 'off'}")

    def save(self, name: str) -> None:
        """Write the conversation as one line of JSON, as `nanochat train sft --conversations` reads it."""
        if not name:
            raise ValueError("/save needs the name of a file")
        path = Path(name).expanduser()
        if path.resolve() not in self.saved and path.exists():
            raise ValueError(f"{path} is there already; choose another name")
        text = json.dumps(self.conversation.to_dict(), ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")
        self.saved.add(path.resolve())
        self.screen.aside(f"{len(self.conversation.messages)} messages in {path}")

    def help(self, _: str) -> None:
        """List the commands."""
        for name, (says, _do) in COMMANDS.items():
            self.screen.aside(f"  /{name:<14} {says}")
        self.screen.aside("  Ctrl-C stops an answer, Ctrl-D leaves; // begins a question with a slash")


COMMANDS: dict[str, tuple[str, Callable[[Chat, str], object]]] = {
    "temperature X": (
        "0 always takes the likeliest token; 1 as the model has it",
        lambda chat, text: chat.set_sampling("temperature", text),
    ),
    "top-k N": (
        "only the N likeliest tokens; 0 for all",
        lambda chat, text: chat.set_sampling("top_k", text),
    ),
    "system TEXT": ("what the model is told before the first question; none for nothing", Chat.set_system),
    "tools on|off": ("whether the model may calculate", Chat.set_tools),
    "retry": ("answer the last question again", Chat.retry),
    "undo": ("take the last question and its answer back", Chat.undo),
    "clear": ("begin a new conversation", Chat.clear),
    "save FILE": ("write the conversation as a line of JSON", Chat.save),
    "help": ("this list", Chat.help),
    "quit": ("leave", lambda chat, text: None),
}
