"""Very short stories with questions about them: the material of the task `story-questions`.

A scene is its sentences, and under them the questions: question, answer and the words that decide, parted by
`|`. An answer that begins like a sentence of the scene can be copied from it, and that is what is learned: to
look back. The gaps are those of nanochat.data.tasks.story_world. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """Sentences with gaps, and for each question: the question, the answer, its deciding words."""

    text: str
    asked: tuple[tuple[str, str, str], ...]


def scene(text: str, asked: str) -> Scene:
    """A scene from its text.

    >>> scene("{name} ran.", "Who ran? | {name} ran. | {name}").asked
    (('Who ran?', '{name} ran.', '{name}'),)
    """
    rows = [tuple(part.strip() for part in line.split("|")) for line in asked.strip().splitlines()]
    return Scene(text, tuple((question, answer, key) for question, answer, key in rows))


SCENES = (
    scene(
        "{name} found {a colour} {thing} {bush}. {He} gave it to {friend}. {friend} was very {glad}.",
        """
        What did {name} find? | {name} found {a colour} {thing}. | {thing}
        What colour was the {thing}? | The {thing} was {colour}. | {colour}
        Where did {name} find the {thing}? | {He} found it {bush}. | {bush}
        Who got the {thing}? | {friend} got the {thing}. | {friend}
        Who found the {thing}? | {name} found the {thing}. | {name}
        How did {friend} feel? | {friend} was very {glad}. | {glad}
        """,
    ),
    scene(
        "{name} the {kind} went {to}. There {he} met {friend} the {fkind}. They ate {fruit} together.",
        """
        Where did {name} go? | {name} went {to}. | {to}
        Who is {name}? | {name} is {a kind}. | {kind}
        Who did {name} meet? | {name} met {friend} the {fkind}. | {friend}
        What is {friend}? | {friend} is {a fkind}. | {fkind}
        What did they eat? | They ate {fruit}. | {fruit}
        """,
    ),
    scene(
        "{name} lost {his} {colour} {clothing}. {He} was {upset}. {friend} found the {clothing} {hide}.",
        """
        What did {name} lose? | {name} lost {his} {colour} {clothing}. | {clothing}
        Who lost the {clothing}? | {name} lost it. | {name}
        Who found the {clothing}? | {friend} found it. | {friend}
        Where was the {clothing}? | It was {hide}. | {hide}
        What colour was the {clothing}? | It was {colour}. | {colour}
        How did {name} feel? | {name} was {upset}. | {upset}
        """,
    ),
    scene(
        "First {name} {chore}. Then {he} {chore_two}. After that, {he} was {feel}.",
        """
        What did {name} do first? | First {he} {chore}. | {chore}
        What did {name} do after that? | Then {he} {chore_two}. | {chore_two}
        How did {name} feel? | {name} was {feel}. | {feel}
        Who was {feel}? | {name} was {feel}. | {name}
        """,
    ),
    scene(
        "{name} and {friend} wanted to play. {name} took {a toy}, and {friend} took {a thing}. "
        "They went {to}.",
        """
        What did {name} take? | {name} took {a toy}. | {toy}
        What did {friend} take? | {friend} took {a thing}. | {thing}
        Where did they go? | They went {to}. | {to}
        Who took the {toy}? | {name} took the {toy}. | {name}
        Who took the {thing}? | {friend} took the {thing}. | {friend}
        """,
    ),
    scene(
        "{name} has {a pet}. The {pet} is called {pet_name}. {pet_name} likes to sleep {nap_place}.",
        """
        What pet does {name} have? | {name} has {a pet}. | {pet}
        What is the {pet} called? | The {pet} is called {pet_name}. | {pet_name}
        Where does {pet_name} like to sleep? | {pet_name} likes to sleep {nap_place}. | {nap_place}
        Who has {a pet}? | {name} has {a pet}. | {name}
        What is the name of the {pet}? | Its name is {pet_name}. | {pet_name}
        """,
    ),
    scene(
        "It was {weather}. {name} stayed at home and {chore}. {friend} went outside and came home {feel}.",
        """
        How was the weather? | It was {weather}. | {weather}
        Who stayed at home? | {name} stayed at home. | {name}
        Who went outside? | {friend} went outside. | {friend}
        What did {name} do at home? | {name} {chore}. | {chore}
        How did {friend} come home? | {friend} came home {feel}. | {feel}
        """,
    ),
    scene(
        "{name} lived {home}. {day}, {he} baked {a cake} for {his} {parent}. It was {taste}.",
        """
        Where did {name} live? | {name} lived {home}. | {home}
        What did {name} bake? | {name} baked {a cake}. | {cake}
        Who was the {cake} for? | It was for {his} {parent}. | {parent}
        How did the {cake} taste? | It was {taste}. | {taste}
        Who baked {a cake}? | {name} baked it. | {name}
        """,
    ),
    scene(
        "{name} had {number} {fruit}. {He} gave one to {friend} and one to {his} {parent}.",
        """
        How many {fruit} did {name} have? | {name} had {number} {fruit}. | {number}
        What did {name} have? | {name} had {number} {fruit}. | {fruit}
        Who had the {fruit}? | {name} had the {fruit}. | {name}
        Who got one from {name}? | {friend} and {his} {parent} got one. | {friend}
        """,
    ),
    scene(
        "On {weekday}, {name} planted {a flower} in the garden. {friend} gave it water every day.",
        """
        What did {name} plant? | {name} planted {a flower}. | {flower}
        When did {name} plant the {flower}? | {He} planted it on {weekday}. | {weekday}
        Where did {name} plant it? | {He} planted it in the garden. | in the garden
        Who gave it water? | {friend} gave it water. | {friend}
        Who planted the {flower}? | {name} planted the {flower}. | {name}
        """,
    ),
    scene(
        "{name} ran in a race against {friend}. {friend} was fast, but {name} was faster. "
        "{name} won {a prize}.",
        """
        Who won the race? | {name} won the race. | {name}
        Who was faster? | {name} was faster. | {name}
        What did {name} win? | {name} won {a prize}. | {prize}
        Who lost the race? | {friend} lost the race. | {friend}
        """,
    ),
    scene(
        "The {kind} was {upset} because {he} could not find {his} {thing}. It was {hide}.",
        """
        What could the {kind} not find? | {He} could not find {his} {thing}. | {thing}
        How did the {kind} feel? | The {kind} was {upset}. | {upset}
        Where was the {thing}? | The {thing} was {hide}. | {hide}
        Who was {upset}? | The {kind} was {upset}. | {kind}
        """,
    ),
    scene(
        "{name} wanted to go {to}, but it was {weather}. So {he} stayed at home and {chore}.",
        """
        Where did {name} want to go? | {name} wanted to go {to}. | {to}
        Why did {name} stay at home? | {He} stayed at home because it was {weather}. | {weather}
        What did {name} do? | {name} stayed at home and {chore}. | {chore}
        Who stayed at home? | {name} stayed at home. | {name}
        """,
    ),
    scene(
        "{A baby} sat {bush} and cried. {name} gave it {food}. Then it was happy again.",
        """
        Who cried? | The {baby} cried. | {baby}
        Where did the {baby} sit? | It sat {bush}. | {bush}
        What did {name} give it? | {name} gave it {food}. | {food}
        Who helped the {baby}? | {name} helped it. | {name}
        """,
    ),
    scene(
        "{name} painted a picture of {a pet}. {friend} painted a picture of {a flower}.",
        """
        What did {name} paint? | {name} painted {a pet}. | {pet}
        What did {friend} paint? | {friend} painted {a flower}. | {flower}
        Who painted the {pet}? | {name} painted the {pet}. | {name}
        Who painted the {flower}? | {friend} painted the {flower}. | {friend}
        """,
    ),
    scene(
        "{name} got {a colour} {toy} for {his} birthday. It was from {his} {parent}. "
        "{He} played with it {at}.",
        """
        What did {name} get? | {name} got {a colour} {toy}. | {toy}
        Who was the {toy} from? | It was from {his} {parent}. | {parent}
        What colour was the {toy}? | The {toy} was {colour}. | {colour}
        Where did {name} play with it? | {He} played with it {at}. | {at}
        Who got {a toy}? | {name} got {a toy}. | {name}
        """,
    ),
    scene(
        "{name} and {friend} are friends. {name} likes {fruit}. {friend} likes {food}. "
        "They both like {treat}.",
        """
        What does {name} like? | {name} likes {fruit}. | {fruit}
        What does {friend} like? | {friend} likes {food}. | {food}
        What do they both like? | They both like {treat}. | {treat}
        Who likes {fruit}? | {name} likes {fruit}. | {name}
        Who likes {food}? | {friend} likes {food}. | {friend}
        """,
    ),
    scene(
        "{name} the {kind} could not sleep. {He} heard {a sound} outside. It was only {a pet}.",
        """
        Who could not sleep? | {name} could not sleep. | {name}
        What did {name} hear? | {name} heard {a sound}. | {sound}
        What was it? | It was only {a pet}. | {pet}
        What is {name}? | {name} is {a kind}. | {kind}
        """,
    ),
    scene(
        "The box is {hide}. In the box is {a treasure}. The {treasure} is {colour} and belongs to {name}.",
        """
        Where is the box? | The box is {hide}. | {hide}
        What is in the box? | In the box is {a treasure}. | {treasure}
        What colour is the {treasure}? | The {treasure} is {colour}. | {colour}
        Who does the {treasure} belong to? | It belongs to {name}. | {name}
        """,
    ),
    scene(
        "{name} plays the {instrument}. {friend} plays the {instrument_two}. "
        "They play together on {weekday}.",
        """
        What does {name} play? | {name} plays the {instrument}. | {instrument}
        What does {friend} play? | {friend} plays the {instrument_two}. | {instrument_two}
        Who plays the {instrument}? | {name} plays the {instrument}. | {name}
        Who plays the {instrument_two}? | {friend} plays the {instrument_two}. | {friend}
        When do they play together? | They play together on {weekday}. | {weekday}
        """,
    ),
    scene(
        "{name} put {his} {thing} on the table. Then {friend} came and put it {hide}.",
        """
        Where did {name} put the {thing}? | {name} put it on the table. | on the table
        Where is the {thing} now? | The {thing} is {hide}. | {hide}
        Who put the {thing} {hide}? | {friend} put it {hide}. | {friend}
        Whose {thing} was it? | It was the {thing} of {name}. | {name}
        """,
    ),
    scene(
        "{day}, {name} saw {a baby} {at}. It had hurt its foot. {name} took it to {his} {parent}.",
        """
        What did {name} see? | {name} saw {a baby}. | {baby}
        Where did {name} see it? | {name} saw it {at}. | {at}
        What had the {baby} hurt? | It had hurt its foot. | foot
        Who did {name} take it to? | {name} took it to {his} {parent}. | {parent}
        """,
    ),
    scene(
        "{name} wears {a colour} {clothing}. {friend} wears {a colour_two} {clothing}. They walk {to}.",
        """
        What colour is the {clothing} of {name}? | The {clothing} of {name} is {colour}. | {colour}
        What colour is the {clothing} of {friend}? | It is {colour_two}. | {colour_two}
        Where do they walk? | They walk {to}. | {to}
        Who wears {a colour} {clothing}? | {name} wears {a colour} {clothing}. | {name}
        Who wears {a colour_two} {clothing}? | {friend} wears {a colour_two} {clothing}. | {friend}
        """,
    ),
    scene(
        "{friend} told {name} a secret. {name} kept the secret for {number} days. {friend} was {glad}.",
        """
        Who told the secret? | {friend} told the secret. | {friend}
        Who kept the secret? | {name} kept the secret. | {name}
        How long did {name} keep the secret? | {He} kept it for {number} days. | {number} days
        How did {friend} feel? | {friend} was {glad}. | {glad}
        """,
    ),
)
