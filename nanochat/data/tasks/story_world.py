"""The world of the made-up stories: who lives in it, what there is, and how a sentence with gaps is filled.

A gap is `{name}`. Three kinds of words fill it:

- the cast: the hero, a friend, a parent, a place; drawn once for each story;
- `THINGS`: a colour, a toy, a food; drawn where it is first met and the same to the end of the story;
- `PHRASES`: ways to say that someone is glad; drawn anew at every gap.

`{a toy}` is the word with its article, and `{He}` begins with a capital letter. The friend is a boy where the
hero is a girl, and the other way round, so that a reader, or a small model, knows whom `she` means.
Standard library only.
"""

from __future__ import annotations

import random
import re


def listed(words: str) -> tuple[str, ...]:
    """The words of a text.

    >>> listed("cat dog")
    ('cat', 'dog')
    """
    return tuple(words.split())


GIRLS = listed(
    "Lily Anna Mia Emma Lucy Sara Nina Rosa Ella Kate Maya Ines Zoe Amy Clara Ruby Ivy Nora Alice Hana Leila "
    "Molly Daisy Grace Holly Jane Julia Lena Lola Mary Olga Penny Rose Sophie Tess Vera Wendy Yara Amina "
    "Carla Dora Eva Fatima Gina Heidi Iris Jenny Kira Linda Mei Nadia Olivia Paula Priya Rita Sally Tina"
)
BOYS = listed(
    "Tom Ben Max Leo Sam Noah Paul Omar Jack Adam Luis Finn Tim Peter Oscar Theo Hugo Jonas David Ali Anton "
    "Billy Carl Daniel Emil Felix George Henry Ivan Jacob Karl Lucas Martin Nick Oliver Pablo Ravi Simon "
    "Toby Victor Will Yusuf Arthur Bruno Charlie Diego Eric Fred Hassan Jim Kenji Liam Mark Nils Otto Rico"
)
SHE_ANIMALS = listed(
    "Pippa Dot Bibi Nell Poppy Tilly Hazel Fern Coco Luna Millie Trudy Winnie Betty Flora Honey Lulu"
)
HE_ANIMALS = listed(
    "Pip Bruno Rusty Hopper Fuzzy Milo Teddy Bobo Gus Barney Chip Rolo Dusty Monty Ziggy Nico Archie"
)
PRONOUNS = {
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
}
# Animals by where they live; where a group is named, any of it may come.
WOOD = listed("rabbit fox bear mouse hedgehog squirrel badger mole deer wolf raccoon bunny")
FARM = listed("dog cat pig goat lamb pony cow donkey puppy kitten horse sheep hen goose")
POND = listed("frog duck turtle beaver otter")
FAR = listed("monkey elephant lion tiger giraffe zebra panda koala kangaroo hippo camel parrot")
OTHERS = listed("penguin dragon unicorn dinosaur seal giant fairy monster")
ANIMALS = (*WOOD, *FARM, *POND, *FAR, *OTHERS)
CHILDREN = {"girl": "she", "boy": "he", "princess": "she", "prince": "he"}
PERSONS = {
    "king": "he",
    "queen": "she",
    "farmer": "",
    "baker": "",
    "knight": "",
    "pirate": "",
    "wizard": "he",
    "sailor": "",
    "gardener": "",
    "teacher": "",
    "doctor": "",
    "cook": "",
    "tailor": "",
    "clown": "",
}
GROUPS = {
    # Some kinds stand here more than once: they are met as often as they are asked for.
    "child": ("girl", "boy") * 8 + ("princess", "prince"),
    "animal": (*ANIMALS, *("dog", "cat", "rabbit", "fox", "bear", "mouse") * 3, "dragon"),
    "person": tuple(PERSONS),
    "robot": ("robot",),
}
HOMES = {
    **dict.fromkeys(WOOD, ("in a green forest", "under an old oak tree", "at the edge of the woods")),
    **dict.fromkeys(FARM, ("on a small farm", "on a farm near a village", "in a house with a big garden")),
    **dict.fromkeys(POND, ("by a quiet pond", "near a slow river", "at the edge of a lake")),
    **dict.fromkeys(FAR, ("in a warm green land", "in a land far away", "near a wide river far away")),
    "penguin": ("in a land of ice and snow", "by a cold blue sea"),
    "dragon": ("in a cave on a hill", "high up on a mountain"),
    "unicorn": ("in a green valley", "in a quiet forest"),
    "seal": ("by a cold blue sea", "on a rock in the sea"),
    "giant": ("in a cave on a hill", "in a very big house in the mountains"),
    "fairy": ("in a garden full of flowers", "under a mushroom in the woods"),
    "monster": ("in a dark but cosy cave", "under a bridge"),
    "dinosaur": ("a long time ago in a green valley", "long ago near a big lake"),
    "girl": ("in a small town", "in a house by the sea", "in a village near the woods", "in a big city"),
    "boy": ("in a small town", "in a house by the sea", "in a village near the woods", "in a big city"),
    "princess": ("in a castle on a hill", "in a white castle", "in an old castle by the sea"),
    "prince": ("in a castle on a hill", "in a white castle", "in an old castle by the sea"),
    "king": ("in a castle on a hill", "in a white castle", "in a big old castle"),
    "queen": ("in a castle on a hill", "in a white castle", "in a big old castle"),
    "knight": ("in a tower by a river", "in an old castle"),
    "pirate": ("on a small ship", "on an island in the sea"),
    "sailor": ("in a house by the sea", "in a little town by the sea"),
    "wizard": ("in a tall tower", "in a little house in the woods"),
    "robot": ("in a small workshop", "in a house full of clocks", "in a big city"),
    "bird": ("in a nest in a tall tree", "in a tree near a house"),
    "owl": ("in a hole in an old tree", "in the tall tree by the barn"),
    "fish": ("in a blue lake", "in the clear water of a river", "in the deep blue sea"),
    "whale": ("in the deep blue sea", "in the wide, cold sea"),
    "snail": ("under a big leaf", "in a quiet garden"),
    "bee": ("in a yellow hive", "in a hive at the edge of a field"),
    "butterfly": ("in a sunny garden", "in a field of flowers"),
    "ant": ("under a stone in the garden", "in a busy hill of sand"),
}
VILLAGE = ("in a small village", "in a little house near a village", "in a village by a river")
ADJECTIVES = ("little", "young", "small", "cheerful", "friendly", "curious", "little")
KINDLY = ("kind", "friendly", "cheerful", "clever", "curious")  # for those who are neither young nor small
PLACES = (  # what it is called, where one is, and where one goes
    ("park", "in the park", "to the park"),
    ("garden", "in the garden", "to the garden"),
    ("forest", "in the forest", "into the forest"),
    ("meadow", "in the meadow", "to the meadow"),
    ("hill", "on the hill", "up the hill"),
    ("river", "by the river", "down to the river"),
    ("lake", "by the lake", "to the lake"),
    ("beach", "on the beach", "to the beach"),
    ("field", "in the field", "out to the field"),
)
THINGS: dict[str, tuple[str, ...]] = {
    "colour": ("red", "blue", "green", "yellow", "white", "orange", "purple", "pink", "brown"),
    "flower_colour": ("red", "yellow", "white", "pink", "purple", "orange"),
    "toy": ("ball", "kite", "drum", "teddy bear", "toy boat", "toy train", "doll", "whistle"),
    "thing": (
        *("ball", "hat", "scarf", "book", "key", "button", "cup", "basket", "umbrella", "bell", "coin"),
        *("blanket", "lantern", "bag", "ribbon", "teddy bear", "whistle", "box", "spoon", "flute"),
        *(
            "ring",
            "pencil",
            "watch",
            "clock",
            "cap",
            "mitten",
            "drum",
            "doll",
            "kite",
            "lamp",
            "jar",
            "pillow",
        ),
        *("feather", "marble", "balloon", "toy car", "toy boat", "notebook", "brush", "necklace", "boot"),
    ),
    "clothing": ("hat", "scarf", "coat", "jacket", "cap"),
    "child": ("girl", "boy"),
    "breakable": (
        "toy train",
        "toy boat",
        "toy car",
        "doll",
        "drum",
        "wooden horse",
        "music box",
        "toy plane",
    ),
    "treasure": ("shell", "stone", "feather", "button", "coin", "marble", "leaf"),
    "food": ("apple pie", "carrot soup", "cake", "warm bread", "honey cake", "berry pie", "tomato soup"),
    "soup": ("carrot soup", "tomato soup", "pumpkin soup", "bean soup", "potato soup"),
    "cake": ("cake", "apple pie", "berry pie", "honey cake", "carrot cake", "plum cake"),
    "fruit": ("apples", "berries", "pears", "plums", "cherries", "nuts", "strawberries"),
    "flower": ("sunflower", "rose", "tulip", "daisy", "poppy"),
    "crop": ("carrots", "beans", "tomatoes", "peas", "pumpkins"),
    "pet": ("dog", "cat", "rabbit", "kitten", "puppy", "duck"),
    "song": ("a song about the moon", "a song about the sea", "a little song", "an old song"),
    "hide": ("under the bed", "behind the door", "under a chair", "on the shelf", "behind the curtain"),
    "bush": ("under a bush", "behind a big stone", "in the tall grass", "near an old tree"),
    "shelter": ("cave", "barn", "hut", "hollow tree", "tent", "shed"),
    "number": ("three", "four", "five", "six", "seven", "ten"),
    "day": ("One day", "One morning", "One afternoon", "One Saturday", "One quiet day", "Early one morning"),
    "sunny": ("One sunny day", "One warm morning", "On a bright summer day", "One fine day in spring"),
    "parent": ("mother", "father", "grandmother", "grandfather", "mother", "father"),
    "feel": ("happy", "tired", "hungry", "glad", "thirsty", "sleepy", "proud"),
    "glad": ("happy", "glad", "surprised", "thankful", "pleased"),
    "upset": ("sad", "angry", "worried", "unhappy"),
    "baby": ("duck", "bird", "lamb", "rabbit", "squirrel", "hedgehog", "mouse", "frog"),
    "nap_place": ("under the bed", "in a basket", "by the fire", "on the sofa", "in the sun", "on the roof"),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "weather": ("raining", "snowing", "very cold", "windy", "foggy", "too hot", "stormy"),
    "taste": ("sweet", "very good", "warm and sweet", "a little too sweet", "delicious"),
    "prize": ("gold medal", "big cake", "new ball", "silver cup", "bag of nuts"),
    "treat": ("honey", "chocolate", "ice cream", "warm milk", "popcorn"),
    "sound": ("loud noise", "soft sound", "strange noise", "bang", "quiet knock"),
    "chore": ("read a book", "swept the floor", "washed the cups", "drew a picture", "fed the birds"),
    "chore_two": ("made tea", "played a game", "cleaned the window", "wrote a letter", "took a nap"),
    "instrument_two": ("piano", "drum", "whistle", "bell"),
    "colour_two": ("grey", "black", "golden", "silver"),
    "instrument": ("flute", "guitar", "violin", "trumpet", "harp"),
    "colour_fur": ("grey", "black", "white", "brown", "orange"),
    "pet_name": ("Biscuit", "Snowy", "Shadow", "Cookie", "Button", "Pepper", "Muffin", "Whiskers", "Patch"),
}
PHRASES: dict[str, tuple[str, ...]] = {
    "intro": (
        "Once upon a time, there was {a little} {kind} named {name}.",
        "Once upon a time, {a little} {kind} named {name} lived {home}.",
        "There was once {a little} {kind} named {name} who lived {home}.",
        "{A little} {kind} named {name} lived {home}.",
        "{name} was {a little} {kind} who lived {home}.",
        "Once there was {a kind} called {name}.",
    ),
    "happy": (
        *("was very happy", "was so glad", "smiled a big smile", "laughed with joy", "felt warm inside"),
        *("could not stop smiling", "was full of joy", "was happy again"),
    ),
    "sad": ("was sad", "felt very sad", "was so sad", "wanted to cry", "cried a little"),
    "proud": ("was very proud", "felt proud", "was proud and happy"),
    "scared": ("was scared", "was a little afraid", "felt {his} heart beat fast", "was very scared"),
    "tired": ("tired but happy", "happy and tired"),
    "soon": ("Soon", "After a while", "A little later", "Before long"),
    "suddenly": ("Suddenly", "Then", "Just then", "All at once"),
}
GAP = re.compile(r"\{(?:(an?|An?) )?(\w+)\}")


def cast(chance: random.Random, kind: str) -> dict[str, str]:
    """The hero of this kind, and all that goes with one: name, pronouns, home, friend, place.

    >>> one = cast(random.Random(1), "girl")
    >>> one["name"], one["he"], one["friend"], one["fhe"], one["at"]
    ('Olivia', 'she', 'Ravi', 'he', 'in the forest')
    """
    she = (CHILDREN | PERSONS).get(kind) or chance.choice(("she", "he"))
    other = "he" if she == "she" else "she"
    animal = kind not in {**CHILDREN, **PERSONS}
    place, at, to = chance.choice(PLACES)
    friend = _name(chance, other, animal)
    fkind = chance.choice([one for one in (*WOOD, *FARM, *POND) if one != kind])
    small = (animal and kind not in ("giant", "robot")) or kind in CHILDREN
    words = {
        "kind": kind,
        "name": _name(chance, she, animal),
        **PRONOUNS[she],
        "friend": friend,
        "fkind": fkind,
        **{f"f{key}": word for key, word in PRONOUNS[other].items()},
        "home": chance.choice(HOMES.get(kind, VILLAGE)),
        "little": chance.choice(ADJECTIVES if small else KINDLY),
        "place": place,
        "at": at,
        "to": to,
    }
    words["a_friend"] = f"{words['his']} friend {friend}" + (f" the {fkind}" if animal else "")
    return words


def _name(chance: random.Random, she: str, animal: bool) -> str:
    if animal and chance.random() < 0.6:
        return chance.choice(SHE_ANIMALS if she == "she" else HE_ANIMALS)
    return chance.choice(GIRLS if she == "she" else BOYS)


def fill(words: str, known: dict[str, str], chance: random.Random) -> str:
    """A text with its gaps filled; what is drawn for good is added to `known`.

    >>> known = {"toy": "umbrella", "he": "she"}
    >>> fill("{He} had {a toy}.", known, random.Random(1))
    'She had an umbrella.'
    """

    def put(gap: re.Match[str]) -> str:
        article, key = gap.groups()
        small = key[0].lower() + key[1:]
        if small in PHRASES:
            word = fill(chance.choice(PHRASES[small]), known, chance)
        else:
            if small not in known:
                known[small] = fill(chance.choice(THINGS[small]), known, chance)
            word = known[small]
        if article:
            word = f"{'an' if word[0] in 'aeiou' and not word.startswith('uni') else 'a'} {word}"
        return word[0].upper() + word[1:] if (article or key)[0].isupper() else word

    return GAP.sub(put, words)
