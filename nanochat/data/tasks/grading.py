"""What a reply is worth: the number, the letter or the text in it, compared with the right one.

A reply is judged by what it ends in, not by how it is worded: `444`, `37 * 12 = 444.` and `The answer is
444.0` are the same answer. Everything that cannot be read is worth nothing; no reply can make a judge fail.

Standard library only.
"""

from __future__ import annotations

import re
from fractions import Fraction

from nanochat.data.tasks.task import Example

# A sign counts only where no digit, letter or bracket stands before it: in `5-3` it is the minus of a sum.
# Commas belong to a number where they stand before three digits: in `1,2` they part two numbers.
NUMBER = re.compile(
    r"(?:(?<![\w.)])[-−])?(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
    r"|(?:(?<![\w.)])[-−])?(?<![\w.])\.[0-9]+"
)
LONGEST_NUMBER = 60  # characters; a longer one is no answer to anything asked here
FINAL = "####"  # GSM8K writes its answer behind this mark
# Letters one by one, with anything short between them: a p p l e, a-p-p-l-e, A, P, P, L, E.
SPELLED = re.compile(r"(?<![a-z])[a-z](?:[ ,.-]{1,2}[a-z](?![a-z]))+", re.I)


def final_number(text: str) -> Fraction | None:
    """The number that a reply gives as its answer: the one behind `####`, else the last one.

    >>> [str(final_number(text)) for text in ("37 * 12 = 444.", "#### 1,234", "-18", "7-5", "$2.50", "none")]
    ['444', '1234', '-18', '5', '5/2', 'None']
    """
    after = text.rpartition(FINAL)[2] if FINAL in text else text
    found = NUMBER.findall(after[-1000:])
    if not found:
        return None
    # Behind the mark the answer comes first, whatever may follow it.
    words = (found[0] if FINAL in text else found[-1]).replace(",", "").replace("−", "-")
    return Fraction(words) if len(words) <= LONGEST_NUMBER else None


def grade_number(example: Example, reply: str) -> float:
    """1 if the reply's number is the answer.

    >>> example = Example({"messages": []}, answer="444")
    >>> grade_number(example, "It is 444.0"), grade_number(example, "4444"), grade_number(example, "")
    (1.0, 0.0, 0.0)
    """
    return float(final_number(reply) == Fraction(example.answer))


def spelled_word(text: str) -> str:
    """The last word that a text spells letter by letter, in small letters; "" if none is.

    >>> spelled_word("It is spelled: A-P-P-L-E."), spelled_word("a p p l e"), spelled_word("apple")
    ('apple', 'apple', '')
    """
    found = SPELLED.findall(text[-1000:])
    return re.sub(r"[^a-z]", "", found[-1].lower()) if found else ""


def grade_spelling(example: Example, reply: str) -> float:
    """1 if the reply spells the word of the answer, letter by letter.

    >>> example = Example({"messages": []}, answer="apple")
    >>> grade_spelling(example, "a p p l e"), grade_spelling(example, "apple")
    (1.0, 0.0)
    """
    return float(spelled_word(reply) == example.answer)


def chosen_letter(text: str, letters: tuple[str, ...]) -> str:
    """The choice that a reply makes; "" if it makes none, or more than one.

    >>> letters = ("A", "B", "C", "D")
    >>> [chosen_letter(text, letters) for text in ("B", "(b)", "B. Paris", "The answer is B.", "A or B?", "")]
    ['B', 'B', 'B', 'B', '', '']
    """
    some = "".join(letters)
    text = text.strip().strip("*").strip()
    whole = re.fullmatch(rf"\(?([{some}])\)?[.:]?", text, re.I)
    # `A cat` is no choice: a letter that begins a text needs a mark behind it.
    first = re.match(rf"\(?([{some}])(?:\)|[.:](?=\s)|\n)", text)
    said = re.search(rf"(?i:answer|choice|option)(?: is|:)[ *(]{{0,3}}([{some}])\b", text)
    for found in (whole, first, said):
        if found:
            return found[1].upper()
    alone = set(re.findall(rf"(?<![\w'])([{some}])(?![\w'])", text))
    return alone.pop() if len(alone) == 1 else ""


def grade_choice(example: Example, reply: str) -> float:
    """1 if the reply chooses the right letter.

    >>> example = Example({"messages": []}, answer="B", choices=("A", "B"))
    >>> grade_choice(example, "B"), grade_choice(example, "A"), grade_choice(example, "both")
    (1.0, 0.0, 0.0)
    """
    return float(chosen_letter(reply, example.choices) == example.answer)


def grade_text(example: Example, reply: str) -> float:
    """1 if the reply is the example's own, word for word: for tasks where nothing can be judged.

    Good for telling whether a model has learned them by heart, and for nothing else.

    >>> grade_text(Example({"messages": [{"role": "assistant", "content": "Hi!"}]}), " Hi! ")
    1.0
    """
    return float(reply.strip() == reply_text(example).strip())


def reply_text(example: Example) -> str:
    """The text of the right reply, without calls of tools: what `grade` would get for it.

    >>> parts = [{"type": "python", "text": "2+2"}, {"type": "text", "text": "4"}]
    >>> reply_text(Example({"messages": [{"role": "assistant", "content": parts}]}))
    '4'
    """
    content = example.conversation["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")
