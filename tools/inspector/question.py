"""What the dataset inspector can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.core import parameters as ask
from tools.inspector.lines import CHAT, DOCUMENTS, TEXT

AUTO = "auto"
READ_AS = {
    AUTO: "what the file looks like",
    CHAT: "conversations, a line each",
    DOCUMENTS: "documents in JSON, a line each",
    TEXT: "plain text",
}
EXAMPLES = {
    "classroom": "300 conversations that taught the laptop's model",
    "faulty": "conversations with one of each fault",
    "documents": "documents in JSON, a line each",
}
DATA, TOKENS, MORE = "Data", "Tokens", "What to show"


@dataclass(frozen=True)
class Question:
    """Without anything said there is nothing to look at: name files, or an example.

    >>> Question().sequence_length
    2048
    """

    files: tuple[Path, ...] = ask.file(
        "the data: JSON lines, parquet (in the terminal) or plain text; a folder means all such files in it",
        suffixes=[".jsonl", ".json", ".txt", ".md", ".parquet"],
        stdin=True, many=True, positional=True, folder=True, group=DATA,
    )  # fmt: skip
    example: str | None = ask.choice(
        None, EXAMPLES, "an example instead of a file", group=DATA, label="Example"
    )
    read_as: str = ask.choice(AUTO, READ_AS, "what the records are", group=DATA)
    field: str = ask.text("text", "the field, or column, that holds a document's text", high=200, group=DATA)
    strict: bool = ask.flag("warnings count as bad too", group=DATA)

    sequence_length: int = ask.integer(
        2_048, "tokens in a row of training", low=2, high=10_000_000, group=TOKENS
    )
    ranks: Path | None = ask.file(  # noqa: RUF009
        "the rank file of your own tokenizer", suffixes=[".tiktoken"], group=TOKENS, label="Rank file"
    )
    every: int = ask.integer(
        1, "count the tokens of about one record in so many, drawn by chance: faster, but an estimate",
        low=1, high=1_000_000, group=TOKENS, label="Count one record in",
    )  # fmt: skip

    rows: int = ask.integer(20, "most rows in a table of findings", low=1, high=1_000_000, group=MORE)
    samples: int = ask.integer(3, "records to show, drawn by chance", low=0, high=1_000, group=MORE)
    seed: int = ask.integer(0, "decides which are drawn", low=0, group=MORE)
