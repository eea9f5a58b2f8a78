"""Tool 2, the tokenizer playground: how text becomes tokens, here and in the best-known tokenizers.

It encodes with the standard-library reference of guide 2 (`nanochat.tokenizer`), whose ids are tiktoken's.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.core.errors import ToolError
from tools.core.report import Report
from tools.core.tool import Tool
from tools.playground.merge_sections import merges_section, training_section
from tools.playground.other_sections import chat_section, read_chat, special_section, vocabulary_section
from tools.playground.question import FIRST_CHAT, FIRST_TEXT, Question
from tools.playground.source import check_text, of_file, of_text
from tools.playground.text_sections import IDS_TO_COPY, comparison_section, table_section, text_section
from tools.playground.tokenizers import find
from tools.playground.views import encode_source


def run(question: Question) -> Report:
    """Answer a question.

    >>> [section.key for section in run(Question(word="low", train=3)).sections]
    ['text', 'table', 'merges', 'training']
    """
    try:
        return _report(question)
    except ValueError as error:  # a surrogate in the text, say: the tokenizer names it
        raise ToolError(str(error)) from None


def _report(question: Question) -> Report:
    tokenizers, notes = find([question.tokenizer, *question.compare], question.ranks)
    tokenizer = tokenizers[question.tokenizer]
    texts = {"Text": of_file(question.file) if question.file else of_text(question.text)}
    if question.second_text:
        texts["Second text"] = of_text(question.second_text, flag="--second-text")
    keep = max(question.colored, question.rows, IDS_TO_COPY)
    encoded = {
        text_name: {
            name: encode_source(one, source, keep, one.special_tokens if question.special else ())
            for name, one in tokenizers.items()
        }
        for text_name, source in texts.items()
    }
    first = encoded["Text"][question.tokenizer]
    sections = [
        text_section(texts["Text"].name, first, question.colored),
        table_section(first, question.rows),
    ]
    if len(tokenizers) > 1 or len(texts) > 1:
        sections.append(comparison_section(encoded, question.colored))
    if question.word:
        word = check_text(question.word, "--word")
        sections.append(merges_section(tokenizer, question.tokenizer, word, question.rows))
    if question.chat or question.chat_file:
        chat = read_chat(question.chat, question.chat_file)
        source = question.chat_file.name if question.chat_file else ""
        sections.append(
            chat_section(tokenizer, question.tokenizer, chat, question.rows, question.colored, source)
        )
    if question.train:
        sections.append(training_section(texts["Text"], first.n_bytes, question.train, question.rows))
    if question.vocabulary:
        sections += [
            vocabulary_section(tokenizer, question.tokenizer),
            special_section(tokenizer, question.tokenizer),
        ]
    return Report("Tokenizer playground", sections, notes)


TOOL = Tool(
    name="tokenizer-playground",
    title="Tokenizer playground",
    summary="see, compare and train tokenizers",
    parameters=Question,
    run=run,
    examples=[
        ("--text 'Hello world'", "the tokens of a text, by id, bytes and kind"),
        ("--text 'Grüße, 世界' --compare gpt2 --compare o200k_base", "three tokenizers side by side"),
        ("--word tokenization --tokenizer cl100k_base", "from bytes to tokens, one merge at a time"),
        ("--file README.md --train 100", "learn 100 merges from a file"),
        ("--file - --json < README.md", "standard input, as JSON"),
        ("--vocabulary --tokenizer gpt2", "what a vocabulary is made of"),
        ("--chat '" + FIRST_CHAT + "'", "what the model learns of a chat"),
    ],
    page={"text": FIRST_TEXT, "word": "tokenization"},
    details="The vocabularies of gpt2, cl100k_base and o200k_base are files that `make site` fetches.",
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
