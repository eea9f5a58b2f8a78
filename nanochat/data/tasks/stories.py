"""The task `stories`: a user asks for a story, and it is told in a few short sentences.

    Tell me a story about a dog and a red ball.   →  Once upon a time, there was a little dog named Pip. …

The story comes first: a plot, a hero of a kind that the plot fits, and one way to tell each step. What the
user asks for is then taken from the story, so that all of it occurs there: the hero, a name, a thing; or
nothing, and any story is right. After some stories the talk goes on: thanks, another one, the hero's name.

A wish stands on one side only, however it is worded. Nothing is judged. Standard library only.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from nanochat.data.tasks.grading import grade_text
from nanochat.data.tasks.numbered import NumberedTask, drawn
from nanochat.data.tasks.story_plot import Plot
from nanochat.data.tasks.story_plots import all_plots
from nanochat.data.tasks.story_world import GROUPS, cast, fill, listed
from nanochat.data.tasks.task import Example

NAME = "stories"
MOST_WORDS = 110  # of a story; a longer one is told again, more briefly
GROUP_SHARES = {"child": 4.0, "animal": 4.0, "robot": 0.5}  # where a plot fits several; any other has 1
ABOUT = (
    "Tell me a story about {wish}.",
    "Tell me a story about {wish}.",
    "Tell me a story about {wish}",
    "tell me a story about {wish}",
    "Tell me a short story about {wish}.",
    "Please tell me a story about {wish}.",
    "Can you tell me a story about {wish}?",
    "Could you tell me a short story about {wish}?",
    "Write a story about {wish}.",
    "Write a short story about {wish}.",
    "write a story about {wish}",
    "Write me a story about {wish}, please.",
    "I would like a story about {wish}.",
    "I want to hear a story about {wish}.",
    "Do you know a story about {wish}?",
    "A story about {wish}, please.",
    "A story with {wish}, please.",
    "Tell me a story with {wish}.",
    "story about {wish}",
    "Make up a story about {wish}.",
    "Tell me a bedtime story about {wish}.",
    "Hi! Can you write a story about {wish}?",
    "Hello, please tell me a story about {wish}.",
)
ANY = (
    "Tell me a story.",
    "Tell me a story",
    "tell me a story",
    "Please tell me a story.",
    "Tell me a story, please.",
    "Can you tell me a story?",
    "Could you tell me a short story?",
    "Tell me a short story.",
    "Write a story.",
    "Write a short story.",
    "I would like to hear a story.",
    "I want a story.",
    "Do you know a story?",
    "Tell me a bedtime story.",
    "A story, please.",
    "Make up a story for me.",
    "Once upon a time",
    "Hi! Tell me a story.",
    "Hello, can you tell me a story?",
    "Tell me something nice.",
    "I am bored. Tell me a story.",
)
THANKS = ("Thank you!", "Thanks!", "thank you", "That was nice.", "I like this story.", "What a nice story!")
WELCOME = (
    "You are welcome!",
    "You are welcome! Would you like another story?",
    "I am glad that you like it.",
    "You are welcome. Come back for another one soon.",
)
MORE = (
    "Another one, please.",
    "Tell me another story.",
    "One more!",
    "Another story, please.",
    "another one",
)
SMALL_WORDS = frozenset(listed("a an and the of with in at who his her some"))


@dataclass(frozen=True)
class Story:
    """A story that has been told, and what it is made of."""

    plot: Plot
    words: dict[str, str]  # what filled the gaps, by their names
    text: str


def stories(split: str = "train") -> NumberedTask:
    """The task; its examples are drawn.

    >>> asked, told = (message["content"] for message in stories()[25].conversation["messages"])
    >>> print(asked)
    Can you tell me a story about a girl named Nadia?
    >>> print(told[:65])
    Once upon a time, a young girl named Nadia lived in a small town.
    """
    return drawn(NAME, split, draw, grade_text)


def draw(chance: random.Random) -> tuple[str, Example]:
    """One conversation, and what its user wishes for."""
    story = tell(chance)
    wish = wish_for(chance, story)
    asked = chance.choice(ABOUT).format(wish=wish) if wish else chance.choice(ANY)
    talk = [asked, story.text, *_afterwards(chance, story)]
    roles = ("user", "assistant")
    messages = [{"role": roles[turn % 2], "content": said} for turn, said in enumerate(talk)]
    return f"a story about {wish.lower()}", Example({"messages": messages})


def tell(chance: random.Random, plots: tuple[Plot, ...] = ()) -> Story:
    """A story; of one of these plots, where some are given.

    >>> (kite,) = (plot for plot in all_plots() if plot.name == "kite")
    >>> story = tell(random.Random(5), (kite,))
    >>> "kite" in story.text, story.words["name"] in story.text, len(story.text.split()) <= MOST_WORDS
    (True, True, True)
    """
    plot = chance.choice(plots or all_plots())
    while True:
        words = cast(chance, _hero(chance, plot))
        text = fill(introduced(" ".join(plot.lines(chance))), words, chance)
        if len(text.split()) <= MOST_WORDS:
            return Story(plot, words, text)


def introduced(text: str) -> str:
    """A story with gaps where the friend is first met as a friend, if nothing says so already.

    >>> introduced("{name} ran. {friend} ran too. {friend} won.")
    '{name} ran. {A_friend} ran too. {friend} won.'
    >>> introduced("{name} had a friend called {friend}.")
    '{name} had a friend called {friend}.'
    """
    for gap in re.finditer(r"\{(?:a_)?friend\}", text):
        before = text[: gap.start()]
        if gap[0] == "{a_friend}" or re.search(r"(?:friend|called) $", before):
            break
        if before.count('"') % 2 == 0:  # nobody says `her friend Tom` to his face
            first = not before or re.search(r'(?:[.!?]"?|\{intro\}) $', before) is not None
            return f"{before}{{{'A' if first else 'a'}_friend}}{text[gap.end() :]}"
    return text


def _hero(chance: random.Random, plot: Plot) -> str:
    """The kind of a hero whom this plot fits."""
    shares = [GROUP_SHARES.get(one, 1.0) for one in plot.heroes]
    group = chance.choices(plot.heroes, shares)[0]
    return chance.choice(GROUPS.get(group, (group,)))


def wish_for(chance: random.Random, story: Story) -> str:
    """Something that a user may have asked for to be told this story; "" is any story.

    >>> (kite,) = (plot for plot in all_plots() if plot.name == "kite")
    >>> story = tell(random.Random(5), (kite,))
    >>> [wish_for(random.Random(number), story) for number in range(4)]
    ['', 'a dinosaur and Luna', 'a dinosaur', 'the wind']
    """
    words = story.words
    hero, name = f"{{a kind}}{chance.choice(('', '', ' named {name}', ' called {name}'))}", "{name}"
    topic = chance.choice(story.plot.topics)
    forms = (
        (3, hero),
        (1, name),
        (4, f"{hero} and {topic}"),
        (2, topic),
        (1, f"{name} and {topic}"),
        (1.5, f"{hero} who {story.plot.clause}"),
        (0.7, f"{hero} and {{friend}}"),
        (0.7, "{a kind} and {a fkind}"),
        (1.5, ""),
    )
    while True:
        form = chance.choices([one for _, one in forms], [share for share, _ in forms])[0]
        wish = fill(form, dict(words), chance)
        asked = wish.partition(" who ")[0]
        if content(asked) <= content(story.text):
            return wish


def content(text: str) -> set[str]:
    """The words of a text that say what it is about.

    >>> sorted(content("a fox and the red ball"))
    ['ball', 'fox', 'red']
    """
    return set(re.findall(r"[a-z]+", text.lower())) - SMALL_WORDS


def _afterwards(chance: random.Random, story: Story) -> list[str]:
    """How the talk goes on after a story; mostly it does not."""
    what = chance.choices(("nothing", "thanks", "another", "name"), (82, 6, 4, 8))[0]
    if what == "thanks":
        return [chance.choice(THANKS), chance.choice(WELCOME)]
    if what == "another":
        return [chance.choice(MORE), tell(chance).text]
    if what == "name":
        kind, name = story.words["kind"], story.words["name"]
        asked = ("What is the name of the {kind}?", "What is the {kind} called?", "Who was the {kind}?")
        said = ("The name of the {kind} is {name}.", "The {kind} is called {name}.", "The {kind} was {name}.")
        number = chance.randrange(len(asked))
        return [one.format(kind=kind, name=name) for one in (asked[number], said[number])]
    return []
