"""Plots of the made-up stories that happen at home: lost and mended things, baking, a noise at night."""

from __future__ import annotations

from nanochat.data.tasks.story_plot import plot

HOME_PLOTS = (
    plot(
        "lost thing",
        "child animal person robot",
        "{a colour} {thing}",
        "lost something dear",
        """
{intro} {He} had {a colour} {thing} that {he} loved very much.
{intro} The thing {he} loved most was {a colour} {thing}.
{intro} {name} took {his} {colour} {thing} everywhere.

{day}, the {thing} was gone.
{day}, {name} could not find the {colour} {thing}.
{day}, {he} looked for the {thing}, but it was not there.

{name} {sad}.
"Where can it be?" said {name}.
"Oh no," said {name}. "Where is my {thing}?"

{He} looked in every room and under the table, but found nothing.
First {he} looked in the kitchen, and then {he} looked in the garden.
{He} looked high and {he} looked low.

Then {friend} said, "Let us look {hide}."
{friend} came to help.
{He} asked {friend} for help, and they looked together.

At last they found it {hide}. The {thing} had been there all the time!
And there it was, {hide}!
They looked {hide}, and there was the {colour} {thing}!

{name} {happy}. "Thank you, {friend}," {he} said.
{name} held the {thing} tight and {happy}.
"Thank you for your help," said {name}. {He} {happy}.

? From that day on, {name} always put the {thing} in the same place.
? After that, {he} took good care of it.
? That night, {he} put the {thing} next to {his} bed.
""",
    ),
    plot(
        "broken toy",
        "child",
        "{a breakable},{a colour} {breakable}",
        "had a broken toy",
        """
{intro} {He} had {a colour} {breakable}.
{intro} {His} favourite toy was {a colour} {breakable}.
For {his} birthday, {a little} {kind} named {name} got {a colour} {breakable}.

{day}, {he} dropped it, and it broke.
{day}, the {breakable} fell from the table and broke.
{day}, {he} ran too fast and fell, and the {breakable} broke.

{name} {sad}. "My {breakable} is broken," {he} said.
"Oh no!" said {name}. "Now I cannot play with it."
{name} looked at the pieces and {sad}.

{His} {parent} looked at it. "Do not cry. We can mend it," said {his} {parent}.
"Let me see," said {his} {parent}. "I think we can mend it."
{He} showed it to {his} {parent}, who had glue and a little time.

They sat at the table and put the pieces together with glue.
With a little glue and a lot of care, they put it together again.
Together they glued one piece after the other.

They had to wait until it was dry.
? {name} waited all night for the glue to dry.
? It took a long time, but {name} was patient.

In the morning, the {breakable} was as good as new.
Now the {breakable} had a small line on its side, but it worked again.
At last the {breakable} was whole again.

{name} {happy} and hugged {his} {parent}.
"Thank you!" said {name}. "I will be more careful now."
{name} loved the {breakable} even more than before.
""",
    ),
    plot(
        "baking",
        "child animal person",
        "{a cake},a surprise",
        "wanted to bake",
        """
{intro} {day}, {he} wanted to bake {a cake} as a surprise for {friend}.
{intro} {day}, {he} said, "I will bake {a cake} for my friend {friend}. It will be a surprise!"

{He} mixed flour, eggs and milk in a big bowl.
{He} took flour, sugar and eggs and began to stir.
First {he} put on an apron, and then {he} mixed flour and eggs in a bowl.

? Some flour fell on the floor and on {his} nose.
? There was flour on the table, on the floor and even on the wall.
? It smelled so good that {name} had to sing.

But there was no sugar left in the house!
Then {he} saw that there was no milk left.
But {he} forgot to look at the clock, and the first {cake} burned.

"I will not give up," said {name}, and {he} tried again.
{name} thought for a moment. Then {he} used honey, and it was just right.
So {he} asked the neighbour, who was glad to help.

{soon} the {cake} was ready, warm and sweet.
When the {cake} came out of the oven, it was golden and warm.
At last the {cake} stood on the table, and it smelled wonderful.

{friend} ate three pieces. "This is the best {cake} in the world," {fhe} said.
"For me?" said {friend}. "What a nice surprise!" They ate it together.
{friend} took a bite and smiled. "Thank you, {name}," {fhe} said.
""",
    ),
    plot(
        "noise at night",
        "child animal person",
        "a noise,a noise at night",
        "heard a noise at night",
        """
{intro} One night, {he} heard a strange noise.
{intro} One dark night, a noise woke {him} up.
It was late, and {a little} {kind} named {name} was in bed. Then there was a noise.

Tap, tap, tap, it went.
Scratch, scratch, scratch, it went.
It went bump, bump, bump.

{name} {scared}. What could it be?
"Who is there?" whispered {name}, but nobody answered.
{name} pulled the blanket over {his} head.

But {he} wanted to know what it was, so {he} got up and took a lamp.
Then {he} took a deep breath and went to look.
{He} was brave and went slowly to the door.

Outside the window there was only a branch, and the wind moved it.
It was only {a pet} that wanted to come in from the cold.
Behind the door sat a tiny mouse with a nut.
It was only the old gate that moved in the wind.

{name} laughed. "So it was you," {he} said.
"That is all?" said {name}, and {he} began to laugh.
"There is nothing to be afraid of," said {name} with a smile.

Then {he} went back to bed and slept until morning.
{soon} {he} was warm in bed and fast asleep.
{He} closed {his} eyes and had a good dream.
""",
    ),
    plot(
        "surprise party",
        "child animal",
        "a surprise party,a birthday",
        "thought that nobody remembered",
        """
{intro} It was {his} birthday, but nobody said a word about it.
{intro} {He} woke up and smiled, because it was {his} birthday.
It was the birthday of {a little} {kind} named {name}.

At breakfast, nobody said "Happy birthday."
{He} waited all morning, but nobody came.
{He} asked {friend} to play, but {friend} had no time.

"They have all forgotten me," thought {name}.
{name} {sad}. "Nobody remembers," {he} said.

In the afternoon, {he} went for a walk alone.
So {he} went for a long walk and looked at the clouds.

When {he} came home, the house was dark and quiet.
When {he} opened the door, it was very dark inside.

"Surprise!" called all {his} friends, and the light went on.
Then the light went on, and {friend} and all the others shouted, "Surprise!"

It was a surprise party with {a cake} and {number} candles.
They had made a surprise party with {colour} balloons and {a cake}.

{name} {happy}. "You did not forget!" {he} said.
"This is the best birthday of all," said {name}.
{name} blew out the candles and {happy}.
""",
    ),
    plot(
        "picture",
        "child animal",
        "a picture",
        "painted a picture",
        """
{intro} {He} loved to paint.
{intro} {day}, {he} took some paint and a big sheet of paper.

{day}, {he} painted a picture of {his} {parent}.
{He} wanted to paint a picture for {his} {parent}.

{He} painted {a colour} sky, a little house and a tall tree.
{He} used {colour} paint for the hat and yellow paint for the sun.

But then a drop of {colour} paint fell right in the middle.
But {his} arm hit the cup, and water ran over the paper.

"Now it is ugly," said {name}, and {he} {sad}.
"I have spoiled it!" said {name}.

{friend} looked at it and said, "It looks like a flower."
"Wait," said {friend}. "I can see a butterfly in it."
{friend} had an idea. "Make a balloon out of it," {fhe} said.

So {name} took the brush and painted some more.
{name} looked again and saw it too. {He} added a few lines.

In the end, the picture was even better than before.
Now it was the most beautiful picture {he} had ever made.

{His} {parent} put it on the wall, and {name} {proud}.
"I love it," said {his} {parent}, and {name} {happy}.
""",
    ),
    plot(
        "tidy room",
        "child",
        "a messy room,{a toy}",
        "did not like to tidy up",
        """
{intro} {name} had a very messy room.
{intro} {He} never put {his} toys away, and {he} had a messy room.

{day}, {he} wanted to play with {his} {toy}, but {he} could not find it.
{day}, {his} {toy} was lost among all the other things.

{He} looked under a heap of socks and behind a heap of books.
{name} looked everywhere. There were shoes, books and socks all over the floor.

"If you tidy up, you will find it," said {his} {parent}.
{His} {parent} smiled and said, "A tidy room hides nothing."

So {name} put the books on the shelf and the socks in the drawer.
{name} did not want to, but {he} began. Books here, socks there, shoes by the door.

{soon} the floor was clean, and there was the {toy}!
And under the last sock, {he} found the {toy}!

{name} {happy}. "Now I can play," {he} said.
"There you are!" said {name}, and {he} {happy}.

? From then on, {he} put {his} things away every evening.
? And {his} room stayed tidy for almost a week.
""",
    ),
    plot(
        "letter",
        "child animal person",
        "a letter,a friend far away",
        "wrote a letter",
        """
{intro} {His} friend {friend} had moved far away.
{intro} {He} missed {his} friend {friend}, who now lived far away.

{day}, {name} sat down and wrote a letter.
{day}, {he} took a pen and wrote a letter.

"Dear {friend}," {he} wrote, "I miss you. I have found {a treasure} for you."
"Dear {friend}," it said, "the {flower} in my garden is as tall as I am."

{He} put {a treasure} into it and sent it on its way.
{He} drew a heart under it and took it to the post.

Then {name} waited. One day went by, and then another.
For {number} days, {name} looked out of the window and waited.

At last there was an answer from {friend}.
Then, one morning, {a colour} letter came back.

"I miss you too," {friend} had written. "I will come to see you in spring."
"Your letter made me happy," it said. "Please write again soon."

{name} read it again and again and {happy}.
{name} {happy}. A friend far away is still a friend.
""",
    ),
    plot(
        "too many sweets",
        "child animal",
        "a bowl of sweets,{fruit}",
        "ate too much",
        """
{intro} {day}, {he} found a big bowl of sweets and {fruit} in the kitchen.
{intro} {day}, there was a bowl of sweets and {fruit} on the table.

"Do not eat too much," said {his} {parent}.
"You may take two," said {his} {parent}.

But {name} took one, and then another, and then one more.
But they were so good that {name} did not stop.

{soon} the bowl was empty, and {he} felt sick.
When the bowl was empty, {his} belly hurt.

{name} lay down on {his} bed. "Oh, my belly," {he} said.
"I do not feel well," said {name}.

{His} {parent} brought {him} warm tea and sat next to {him}.
{His} {parent} was not angry and gave {him} a cup of tea.

In the evening, {name} felt better.
After a long sleep, {he} was well again.

"Next time, I will take only two," said {name}.
"Next time, I will share them with {friend}," {he} said.
""",
    ),
    plot(
        "new bed",
        "child animal",
        "the dark,a little lamp,a star",
        "was afraid of the dark",
        """
{intro} {He} was afraid of the dark.
{intro} At night, {he} could not sleep, because {he} was afraid of the dark.

Every evening, a little lamp stood by {his} bed. One night, it went out.
{He} had a little lamp by {his} bed, but one night it would not shine.

"It is so black in here," said {name}, and {he} {scared}.
{name} {scared}. The chair looked like a monster.

{His} {parent} came and opened the window. "Look up," said {his} {parent}.
Then {his} {parent} took {him} to the window. "What do you see?"

There was one star, and then another, and then too many to count.
First {name} saw one star. Then {he} saw {number} more, and then the moon.

"Without the dark, we could not see a single star," said {his} {parent}.
"The dark is where the stars live," said {his} {parent}.

{name} looked for a long time and was not afraid any more.
{name} smiled and waved to the moon.

Then {he} fell asleep.
{soon} {he} slept and dreamed of a ship that sailed among the stars.
And from that night on, {he} liked the dark a little.
""",
    ),
)
