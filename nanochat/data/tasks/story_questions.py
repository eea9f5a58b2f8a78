"""The task `story-questions`: two to four sentences, and a question whose answer stands in them.

    Mia found a red ball under a bush. She gave it to Tom. What did Mia find?   →  Mia found a red ball.

To answer is to look back: at a name, a colour, a place that stood somewhere before. A reply is right if it
says the deciding words and is short; what it says of the rest does not count. The words of a story decide its
side. Standard library only.
"""

from __future__ import annotations

import random
import re

from nanochat.data.tasks.numbered import NumberedTask, drawn, exchange
from nanochat.data.tasks.story_scenes import SCENES
from nanochat.data.tasks.story_world import GROUPS, cast, fill
from nanochat.data.tasks.task import Example

NAME = "story-questions"
LONGEST = 14  # words of a reply that can be right: no one gets a point for telling the story again
KINDS = ("girl", "boy", "cat", "dog", *GROUPS["animal"])
FORMS = (
    "{story} {question}",
    "{story} {question}",
    "{story}\n{question}",
    "{story}\n\n{question}",
    "{story}\nQuestion: {question}",
    "Read this story. {story} {question}",
    "Here is a story: {story} {question}",
    "Here is a short story.\n{story}\n{question}",
    "Story: {story} Question: {question}",
    "Answer the question. {story} {question}",
)


def story_questions(split: str = "train") -> NumberedTask:
    """The task; its examples are drawn.

    >>> example = story_questions()[4]
    >>> print(example.question["messages"][0]["content"])
    Millie wears a brown coat. Pip wears a grey coat. They walk up the hill. Who wears a brown coat?
    >>> example.conversation["messages"][1]["content"], example.answer
    ('Millie wears a brown coat.', 'Millie')
    """
    return drawn(NAME, split, draw, grade_said)


def draw(chance: random.Random) -> tuple[str, Example]:
    """One story with a question: the story, which is the key, and the example."""
    scene = chance.choice(SCENES)
    words: dict[str, str] = {}
    while not words or words.get("toy") == words.get("thing", "-"):  # two drums would be one too many
        words = cast(chance, chance.choice(KINDS))
        story = fill(scene.text, words, chance)
    question, answer, key = (fill(part, words, chance) for part in chance.choice(scene.asked))
    asked = chance.choice(FORMS).format(story=story, question=question)
    return story, exchange(asked, answer, answer=key)


def grade_said(example: Example, reply: str) -> float:
    """1 if the reply is short and says the words of the answer, in small letters or large.

    >>> example = Example({"messages": []}, answer="under the bed")
    >>> grade_said(example, "It was under the bed."), grade_said(example, "It was on the bed.")
    (1.0, 0.0)
    """
    said, right = (" ".join(re.findall(r"[a-z']+", text.lower())) for text in (reply[:1000], example.answer))
    return float(len(said.split()) <= LONGEST and f" {right} " in f" {said} ")
