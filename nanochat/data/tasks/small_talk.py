"""The task `small-talk`: greetings, short chats and short answers, from two packages of real exchanges.

- `chitchat-dataset` (MIT): 7,168 conversations of students who were told to chat. Of each, the opening is
  taken: what comes later leans on what was said before, and cannot be understood alone.
- `chatterbot-corpus` (BSD): greetings, trivia, help with computers. Its other chapters have a robot boast of
  feelings and of friends; what this model says of itself comes from the task `identity`.

A message is kept if all its words are everyday words: a rule that drops names, misspellings and most foul
language at once; a short list of coarse words (nanochat.data.tasks.words) does the rest. A chat must begin
with a greeting or a question, and a reply that tells of a life that a program does not have ends it. Nothing
is judged here.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

from nanochat.data.tasks.grading import grade_text
from nanochat.data.tasks.numbered import NumberedTask, check_split, is_test
from nanochat.data.tasks.packages import package_file
from nanochat.data.tasks.task import Example
from nanochat.data.tasks.words import is_coarse, written_words

NAME = "small-talk"
CHITCHAT, CHATTERBOT = "chitchat-dataset==0.9.0", "chatterbot-corpus==1.3.3"
CHAPTERS = ("greetings", "computers", "tech_support", "trivia")
OPENING = 4  # messages of a conversation that are taken at most
MOST_WORDS, LONGEST = 14, 160  # of a chat's message in words, of a chatterbot's in characters
CHARACTERS = re.compile(r"[A-Za-z' ,.?!-]+")
# How a chat begins that can be understood; what asks who the other is belongs to the task `identity`.
BEGINNING = re.compile(r"(?:hi|hey|hello|good (?:morning|afternoon|evening|day))\b|.*\?$", re.I)
WHO = re.compile(r"\bare you (?:an?|the|really)\b|\bwho\b", re.I)
# What people write in a chat and no newspaper prints, contractions among it.
SPOKEN = re.compile(
    r"a|i|hi|haha|hmm|yep|nope|yo|let's|i'm|(?:i|you|we|they)'(?:d|ll|ve)|(?:you|we|they)'re|(?:it|there)'ll"
    r"|(?:he|she|it|that|there|here|what|who|how|where)'s"
    r"|(?:are|could|did|does|do|had|has|have|is|should|was|were|would)n't|can't|won't"
)
A_LIFE = re.compile(
    r"\b(?:my|mine|our|ours|we|we're|us|me|student|school|class|classes|major|college|university|church|god"
    r"|married|wife|husband|brother|sister|mom|dad|born|live|lived|job|study|studying|homework|tests?|semester"
    r"|kids|son|daughter|name|guy|girl|human|person|bot|robot|computer|computers|work|working|eat|ate|sleep"
    r"|tired|sick|grew|from)\b",
    re.I,
)


def small_talk(split: str = "train") -> NumberedTask:
    """The task. UserError if one of the packages is not installed.

    >>> task = small_talk()
    >>> len(task) > 500
    True
    """
    check_split(NAME, split)
    talks = [one for one in _talks() if is_test(one[0].lower()) == (split == "test")]
    return NumberedTask(NAME, len(talks), lambda number: _example(talks[number]), grade_text)


def _example(messages: tuple[str, ...]) -> Example:
    """A talk as a conversation: the user begins, the assistant has the last word."""
    return Example(
        {
            "messages": [
                {"role": "assistant" if number % 2 else "user", "content": words}
                for number, words in enumerate(messages)
            ]
        }
    )


@functools.cache
def _talks() -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys([*_chats(), *_chapters()]))


# ---- chitchat ----


def _chats() -> Iterator[tuple[str, ...]]:
    path = package_file("chitchat_dataset", "dataset.json", CHITCHAT)
    for chat in json.loads(path.read_text(encoding="utf-8")).values():
        if opening := opening_of(chat["messages"]):
            yield opening


def opening_of(turns: list[list[dict[str, Any]]]) -> tuple[str, ...]:
    """The first messages of a chat as far as they are clean, ending with a reply; () if there are none.

    >>> opening_of([[{"text": "hello"}], [{"text": "Hi!"}, {"text": "How are you?"}], [{"text": "gr8"}]])
    ('hello', 'Hi! How are you?')
    """
    messages: list[str] = []
    for number, turn in enumerate(turns[:OPENING]):
        words = " ".join(" ".join(one["text"] for one in turn).replace("’", "'").split())
        if not is_clean(words) or (number % 2 and A_LIFE.search(words)):
            break
        messages.append(words)
    if not messages or not BEGINNING.match(messages[0]) or WHO.search(messages[0]):
        return ()
    return tuple(messages[: len(messages) // 2 * 2])


def is_clean(words: str) -> bool:
    """Whether a message consists of everyday words, and of few.

    >>> is_clean("How's the weather out there?"), is_clean("hey its brandon lol"), is_clean("")
    (True, False, False)
    """
    found = re.findall(r"[a-z']+", words.lower())
    if not 1 <= len(found) <= MOST_WORDS or not CHARACTERS.fullmatch(words):
        return False
    return all(SPOKEN.fullmatch(one) or one in written_words() for one in found)


# ---- chatterbot ----


def _chapters() -> Iterator[tuple[str, ...]]:
    """The first answer to each question of the chapters; the others are other answers to it."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where it is built in
    for chapter in CHAPTERS:
        path = package_file("chatterbot_corpus", f"data/english/{chapter}.yml", CHATTERBOT)
        for exchange in yaml.load(path.read_text(encoding="utf-8"), Loader=loader)["conversations"]:
            question, reply = (" ".join(str(one).split()) for one in exchange[:2])
            fit = not any(map(is_coarse, re.findall(r"[a-z]+", f"{question} {reply}".lower())))
            if fit and max(len(question), len(reply)) <= LONGEST:
                yield question, reply
