"""Plots of the made-up stories that are told in a few sentences."""

from __future__ import annotations

from nanochat.data.tasks.story_plot import plot

SHORT_PLOTS = (
    plot(
        "lost hat",
        "child animal person",
        "{a colour} {clothing},the wind",
        "lost something in the wind",
        """
{intro}

{day}, the wind took {his} {colour} {clothing} and blew it away.
{day}, the wind blew so hard that {his} {colour} {clothing} flew away.

{name} ran after it, over the hill and through the field.
{name} ran and ran, but the {clothing} was faster.

It landed on the head of a cow, and the cow looked very fine.
It came down on an old scarecrow, who seemed to smile.

{name} laughed and let it stay there.
"It looks better on you," said {name}, and {he} went home without it.
""",
    ),
    plot(
        "lost tooth",
        "child",
        "a tooth",
        "lost a tooth",
        """
{intro}

{day}, {he} bit into an apple, and a tooth came out.
{day}, {his} first tooth was loose. {He} pulled, and it was out.

"Am I broken?" asked {name}.
"Will I ever eat again?" asked {name}.

{His} {parent} laughed. "No, you are growing," said {his} {parent}.
"A new one will come," said {his} {parent}. "That is how you grow up."

{name} looked in the mirror and {proud}.
All day long, {name} showed everyone the hole and {happy}.
""",
    ),
    plot(
        "big puddle",
        "child animal",
        "a puddle,the rain",
        "jumped into a puddle",
        """
{intro}

After the rain, there was a big puddle {at}.
When the rain was over, {he} found a puddle as big as a table.

"Do not jump into it," said {friend}.
"It is too deep," said {friend}. "You will get wet."

{name} looked at the puddle. Then {he} jumped. Splash!
{name} took three steps back, ran and jumped right into the puddle. Splash!

{friend} was wet from head to foot. For a moment it was quiet, and then {friend} jumped too.
The water flew high, and both of them laughed until it was dark.
""",
    ),
    plot(
        "bird at the window",
        "child person",
        "a bird,a window",
        "fed a bird",
        """
{intro}

One cold day, a bird sat at {his} window and did not sing.
In winter, a small bird came to {his} window. It was cold and hungry.

{name} opened the window and put some bread outside.
{name} gave it some seeds and a little water.

Every morning the bird came back.
It came back the next day, and the day after that.

In spring, it sang for {him}, and {name} {happy}.
When spring came, it sang the most beautiful song for {name}.
""",
    ),
    plot(
        "moon follows",
        "child animal",
        "the moon",
        "walked with the moon",
        """
{intro}

One night, {he} walked home with {his} {parent} and looked at the moon.
One evening, {he} and {his} {parent} came home late. The moon was big and round.

When {name} walked, the moon walked too. When {name} stopped, the moon stopped.
"Look," said {name}, "the moon is coming with us!"

"Does it like me?" asked {name}.
"Where does it want to go?" {he} asked.

"It wants to see you safe at home," said {his} {parent}.
"I think that it wants to say good night to you," said {his} {parent}.

In bed, {name} looked out once more. The moon was still there.
"Good night, moon," said {name}, and {he} fell asleep.
""",
    ),
    plot(
        "last piece",
        "child animal person",
        "the last piece,{a cake}",
        "shared the last piece",
        """
{intro}

{day}, there was one piece of {cake} left, and {friend} wanted it too.
{name} and {friend} ate {cake} until only the last piece was left.

"You take the last piece," said {name}. "No, you take it," said {friend}.
Both of them looked at the last piece. "It is yours," said {name}. "No, yours," said {friend}.

They said so again and again, and neither of them saw the mouse.
While they were so polite, a little mouse came up the table.

When they looked down, the plate was empty.
And then the plate was clean.

"Then nobody gets it," said {name}, and both of them laughed.
They laughed, and under the table the mouse licked its nose.
""",
    ),
    plot(
        "shadow",
        "child animal",
        "a shadow",
        "met a shadow",
        """
{intro}

{sunny}, {he} saw a long dark shadow behind {him}.
{sunny}, {he} saw that somebody dark was walking behind {him}. It was a shadow.

{name} ran, and it ran too. {name} jumped, and it jumped too.
"Go away!" said {name}, but it stayed.

Then {he} waved, and it waved back.
{name} lifted one foot. It lifted one foot too.

"So you want to play," said {name}, and they danced until the sun went down.
"You are funny," said {name}, and all day long {he} played with {his} shadow.
""",
    ),
    plot(
        "quiet game",
        "child animal",
        "a game",
        "played a game",
        """
{intro}

"Let us play a game," said {friend}. "The one who is quiet the longest is the winner."
{friend} knew a game. "We must both be as quiet as stones," {fhe} said.

They sat {at} and did not say a word.
They sat down and looked at each other without a sound.

A bee sat down on the nose of {friend}.
Then a frog jumped on the head of {friend}.

{name} laughed so much that {he} fell over.
"Look at you!" called {name}, and {he} could not stop laughing.

"I have won," said {friend}, and {fhe} laughed too.
""",
    ),
    plot(
        "first star",
        "child animal robot person",
        "a night,a friend",
        "looked for a friend",
        """
{intro} {He} was often alone.
{intro} {He} had nobody to talk to.

One night, {he} sat on a hill and said, "I wish that I had a friend."
One night, {he} looked at the sky and said, "Is there a friend for me?"

"I wish for the same," said a voice. It was somebody called {friend}, who sat behind the next tree.
"I am here," said somebody. On the other side of the hill sat somebody called {friend}, all alone.

They had lived so near and had never met.
"How long have you been sitting there?" asked {name}. "Every night," said {friend}.

From then on, neither of them was alone.
After that night, they always looked at the stars together.
""",
    ),
    plot(
        "soup",
        "child animal person",
        "{soup}",
        "cooked some soup",
        """
{intro}

{day}, {he} cooked a big pot of {soup}.
{day}, {he} made {soup}. The pot was much too big for one.

{friend} smelled it and came in. Then a neighbour came, and then two more.
First {friend} knocked at the door. Then came the neighbours, one after the other.

Each of them brought something: a carrot, some salt, a piece of bread.
"I have brought bread," said one. "And I have brought salt," said another.

They sat close together and ate {soup} until the pot was empty.
In the end there were {number} of them round the table, and everyone had enough.

"Let us do this again," said {friend}.
A big pot is the best way to find friends.
""",
    ),
    plot(
        "upside down",
        "monkey koala bird cat",
        "the world",
        "hung upside down",
        """
{intro}

{day}, {he} hung from a branch with {his} head down.
{day}, {he} fell from {his} branch and held on with {his} feet.

"The world is upside down!" called {name}. "The trees grow from the sky!"
"Look!" called {name}. "The whole world stands on its head!"

{friend} looked up. "No," {fhe} said. "It is you."
"It is not the world," said {friend}. "It is you!"

"Are you sure?" asked {name}, and {he} stayed there until lunch.
{name} thought about it. Then {friend} tried it too, and they both liked it.
""",
    ),
    plot(
        "little train",
        "child robot",
        "{a colour} train",
        "had a train",
        """
{intro} {He} had {a colour} train.
{intro} {name} loved {his} {colour} train.

{day}, {friend} asked, "Where does it go?"
{day}, {friend} came to visit. "Where does your train go?" {fhe} asked.

"To the sea," said {name}. "And then to the moon."
"It goes round the world," said {name}, "and it is back before dinner."

"Can I come?" asked {friend}. "Of course," said {name}. "Sit down and hold on!"
{friend} put {fhis} bear on the train. "One ticket to the moon, please!" {fhe} said.

All afternoon they went from the table to the door and saw the whole world.
They went round and round the chair, and it was a wonderful trip.
""",
    ),
    plot(
        "the smallest",
        "mouse ant bee snail frog bunny",
        "a big storm",
        "was the smallest",
        """
{intro} {He} was the smallest of all.
{intro} Nobody was as small as {name}.

"I am too small for everything," {he} said.
"What can I do?" said {name}. "I am so small."

One night, there was a big storm, and {friend} could not find the way home.
Then came a big storm. The door of {friend} was closed by a branch, and only a small hole was left.

{name} crept through the hole and brought a light.
{name} was small enough to walk under the leaves, and {he} came with a light.

"How good that you are so small!" said {friend}.
"Without you, I would still sit in the dark," said {friend}, and {name} {proud}.
""",
    ),
    plot(
        "pancakes",
        "child person bear",
        "pancakes,breakfast",
        "made pancakes",
        """
{intro}

{day}, {he} made pancakes for breakfast.
It was Sunday, and {he} wanted to have pancakes for breakfast.

{He} threw one into the air, and it did not come down.
The first one was too thin, and the second one flew up and was gone.

{name} looked on the floor. {name} looked out of the window. There was no pancake.
"Where is it?" said {name}, and {he} looked everywhere.

Then {friend} came in and laughed. "You have a new hat," {fhe} said.
"Nice hat," said {friend}. The pancake lay on {his} head!

They ate the pancakes with honey, and the hat too.
""",
    ),
)
