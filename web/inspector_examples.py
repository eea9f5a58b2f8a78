"""Write the examples of the dataset inspector: `python -m web.inspector_examples`.

`conversations.jsonl` are the first 300 conversations of the mixture that teaches the laptop's model to chat,
every third in the short form. `conversations-with-faults.jsonl` are some of the same with a fault put into
each. `documents.jsonl` are the paragraphs of the text that comes with the tokenizer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nanochat.data.tasks.mixture import open_mixture
from nanochat.tokenizer.tokenizer import sample_text

EXAMPLES = Path(__file__).resolve().parent.parent / "tools" / "examples"
Messages = list[dict[str, Any]]


def main() -> None:
    """Write all three."""
    mixture = open_mixture("classroom", size=300, seed=4)
    chats: list[Messages] = [list(mixture[number].conversation["messages"]) for number in range(300)]
    write("conversations.jsonl", [line_of(chat, number % 3 == 2) for number, chat in enumerate(chats)])
    write("conversations-with-faults.jsonl", with_faults(chats))
    paragraphs = [" ".join(one.split()) for one in sample_text().split("\n\n")]
    write("documents.jsonl", [to_json({"text": one}) for one in paragraphs if one])


def write(name: str, lines: list[bytes]) -> None:
    """A file of these lines."""
    (EXAMPLES / name).write_bytes(b"\n".join(lines) + b"\n")


def to_json(row: object) -> bytes:
    """A row as a line."""
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")


def line_of(messages: Messages, short: bool = False) -> bytes:
    """A conversation as a line, in the long form or the short one."""
    return to_json(messages if short else {"messages": messages})


def with_faults(chats: list[Messages]) -> list[bytes]:
    """One line with each fault, good ones between them."""
    plain = next(one for one in chats if all(isinstance(turn["content"], str) for turn in one))
    tool = next(one for one in chats if isinstance(one[1]["content"], list) and len(one[1]["content"]) > 2)
    question, answer = plain[0]["content"], plain[1]["content"]
    user, assistant = dict(plain[0]), dict(plain[1])

    def says(asked: str = question, told: Any = answer) -> bytes:
        return line_of([{"role": "user", "content": asked}, {"role": "assistant", "content": told}])

    parts = tool[1]["content"]
    return [
        line_of(plain),
        line_of(plain)[:-30],  # the line ends too early
        says("Ask about a café").replace("é".encode(), b"\xe9"),  # Windows-1252
        to_json({"prompt": question, "completion": answer}),
        line_of([]),
        line_of([{"role": "human", "content": question}, {"role": "gpt", "content": answer}]),
        line_of([assistant, user, assistant]),
        line_of([user, user, assistant]),
        line_of([user, {"role": "system", "content": "Be brief."}, assistant]),
        line_of([user, {"role": "assistant"}]),
        line_of([user, {"role": "assistant", "content": 42}]),
        line_of([{"role": "user", "content": parts}, assistant], short=True),
        line_of([user, {"role": "assistant", "content": [{"type": "code", "text": "2+2"}]}]),
        line_of([user, assistant, user], short=True),
        says(told="half a character: X").replace(b"X", rb"\ud83d"),
        line_of(tool),
        line_of(plain, short=True),  # from here on the trainer takes them all
        says(question.upper() + " ", answer.lower()),
        says(told="  "),
        says(told=[*parts[:-2], {"type": "python_output", "text": "999999"}, *parts[-1:]][-4:]),
        says(told=[one for one in parts if one["type"] != "python_output"]),
        says("Write to ada.lovelace@example.com or call +44 20 7946 0018 from 203.0.113.7, please."),
        says("My card is 4111 1111 1111 1111."),
        says("A caf\u00c3\u00a9 it\u00e2\u20ac\u2122s called, \ufffd and a bell \x07 rings."),
        says("Zero\u200bwidth, right\u202eto left, private \ue000, unassigned \u0378, <|assistant_end|>."),
        says("Tell me a long story.", "Once upon a time there was a number. " * 150),
    ]


if __name__ == "__main__":
    main()
