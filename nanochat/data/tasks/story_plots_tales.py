"""Plots of the made-up stories as in fairy tales: a dragon, a king, a pirate, a wizard, the moon."""

from __future__ import annotations

from nanochat.data.tasks.story_plot import plot

TALE_PLOTS = (
    plot(
        "dragon without fire",
        "dragon",
        "a fire,a village",
        "could not make fire",
        """
{intro} All dragons could make fire, but {name} could not.
{intro} When {he} tried to make a fire, only a little warm air came out.

The other dragons laughed. "You are no real dragon," they said.
{name} {sad}. "What is a dragon without fire?" {he} said.

{day}, {he} sat near a village. It was a very cold winter.
In winter, {he} flew down to a village, where everything was white with snow.

A child came out of a house and was not afraid. "You are so warm!" said the child.
The people wore thick coats and still they were cold.

{name} blew softly, and the ice on the windows melted.
{name} blew a little warm air over the street, and the snow began to melt.

"Please stay with us," said the people.
The children came and sat down close to {him}.

So {name} stayed and warmed the village all winter.
They made {him} a bed of straw, and {he} kept them warm until spring.

{name} {happy}. A fire would have burned the houses, but {his} warm breath was just right.
Nobody asked for fire again, and {name} {happy}.
""",
    ),
    plot(
        "penguin and sky",
        "penguin",
        "the sky,a bird,the sea",
        "wanted to fly",
        """
{intro} Every day {he} saw a bird in the sky above the sea, and {he} wanted to fly too.
{intro} "I want to fly in the sky like a sea bird," {he} said.

{He} jumped from a rock and flapped {his} wings. Plop! {He} sat in the snow.
{He} ran, jumped and fell on {his} nose.

? {He} tried it {number} times.
? "Once more," {he} said, but it was always the same.

"Penguins do not fly," said {friend}.
{friend} watched {him} and shook {fhis} head.

{name} {sad} and slid down a hill of ice into the sea.
{name} went to the edge of the ice, and suddenly {he} slipped into the sea.

Under the water, {he} moved {his} wings, and {he} shot ahead like an arrow.
But in the water, {his} wings were strong. {He} went up and down and round in circles.

The bird looked down and said, "I wish that I could do that!"
"How well you fly down there!" called the bird.

{name} laughed. {He} could fly after all, but in the sea.
From that day on, {name} did not look at the sky so often.
""",
    ),
    plot(
        "small helps big",
        "mouse ant",
        "a lion,a net,a thorn",
        "helped a lion",
        """
{intro} {day}, {he} heard a loud roar. It was a lion.
{intro} Near {his} home lived a big lion, and everyone was afraid of it.

The lion sat in a net and had a thorn in its foot.
{day}, {he} found the lion in a net, with a thorn in its foot.

The others ran away, but {name} stayed.
{name} {scared}, but the lion looked so sad.

"Can I help you?" asked {name}. The lion laughed. "You are much too small."
"You? You are too small to help a lion," said the lion.

{name} began to bite the net, bit by bit.
But {name} had sharp teeth and bit through one string after the other.

Then {he} pulled out the thorn with all {his} strength.
After that, {he} took hold of the thorn and pulled. Out it came!

The lion was free. "I was wrong," it said. "You are small, but you are brave."
The lion bent its big head. "Thank you, my little friend," it said.

From then on, the two were friends.
? Nobody is too small to help.
""",
    ),
    plot(
        "king and gift",
        "king queen",
        "a gift,gold,a child",
        "got a small gift",
        """
{intro} It was {his} birthday, and many people came with a gift.
{intro} Every year on {his} birthday, everyone brought {him} a gift.

One brought gold, and one brought a horse with a silver saddle.
There was gold, and there were rings and fine clothes.

"Thank you," said {name} each time, but {he} did not smile.
{name} had so much gold already. {He} was bored.

At the end of the line stood a child with {a treasure}.
Then came a small child with empty pockets and {a treasure} in one hand.

The people laughed. "That is no gift for a {kind}!" they said.
"What is that?" somebody laughed. "It is only {a treasure}!"

"It is the most beautiful thing I have," said the child.
"I looked for it all summer," said the child.

{name} stood up and took the {treasure}. Now {he} smiled.
For the first time that day, {name} smiled. "This is the best gift of all," {he} said.

{He} put the gold away, but the {treasure} always stood by {his} bed.
And the child sat next to {him} at dinner and got the biggest piece of cake.
""",
    ),
    plot(
        "pirate treasure",
        "pirate sailor",
        "a map,an island,a chest",
        "looked for a treasure",
        """
{intro} {day}, {he} found an old map in a bottle.
{intro} {He} had an old map with a red cross on an island.

"There must be gold!" said {name}, and {he} sailed away to the island.
For {number} days, {he} sailed over the sea with the map, until {he} saw the island.

{He} went ten steps to the left and five steps to the right.
On the beach, {he} counted {his} steps as the map said.

Then {he} began to dig, deeper and deeper.
It was hot, but {he} dug until {his} arms hurt.

At last there was a chest. {name} opened it slowly.
{He} hit something hard. It was a chest!

But there was no gold in it, only {fruit} and a letter.
In it was no gold, but a flute and a letter.

"The real treasure is a friend," said the letter. "Share this with one."
The letter said, "You have seen the sea and the stars. Is that not enough?"

{name} laughed, and the parrot on {his} shoulder laughed too.
{name} sat down in the sand and watched the sun go down. It was the best day for a long time.
""",
    ),
    plot(
        "wizard's mistake",
        "wizard",
        "a spell,a frog,soup",
        "made a mistake",
        """
{intro} {He} knew many spells, but {he} often mixed them up.
{intro} {He} was very old and forgot many things.

{day}, {he} wanted to make soup with a spell. "Abra, babra!" {he} said.
{day}, {he} was hungry and said a spell for soup.

Puff! There was no soup on the table, but a green frog.
There was a bang, and in the bowl, where the soup should be, sat a frog.

"Oh dear," said {name}. "That was the wrong spell."
"That is not what I wanted," said {name}.

{He} tried again, and then there were {number} of them.
{He} said it backward, and now there was one more frog.

"Why do you not cook?" asked the first frog. "It is not hard. I will help you."
Then the frog spoke. "You could just cook it," it said.

So {name} cut carrots and beans, and the frog stirred the pot.
They made a fire, and the frog told {him} what to do.

It was the best soup {he} had ever eaten.
"Cooking is a kind of magic too," said {name}.
""",
    ),
    plot(
        "knight and dragon",
        "knight princess prince",
        "a dragon,a cave",
        "met a dragon",
        """
{intro} "There is a dragon in the cave," said the people. "It roars every night!"
{intro} In a cave near the town lived a dragon. Everybody was afraid of it.

{name} was brave and rode to the cave.
"I will go and see," said {name}, and {he} went to the cave alone.

It was dark, and from inside came a terrible roar.
{suddenly} there was a loud cry, and the ground shook.

{name} {scared}, but {he} did not run away.
{name} held {his} lamp up high and went in.

There lay the dragon and held its cheek. "My tooth hurts," it cried.
The dragon looked at {him} with wet eyes. "I have a bad tooth," it said.

"Is that why you roar?" asked {name}. "Let me help you."
{name} put {his} sword away. "Open your mouth," {he} said.

{He} tied a string to the tooth and pulled. Out it came!
With one strong pull, the tooth was out.

The dragon smiled, and that night everyone slept well.
From then on, the dragon flew {him} wherever {he} wanted to go.
""",
    ),
    plot(
        "cow and moon",
        "cow pony pig goat donkey lamb",
        "the moon,a pond",
        "wanted the moon",
        """
{intro} One night, {he} looked into the pond and saw the moon in it.
{intro} One warm night, {he} could not sleep and went to the pond. The moon lay in the water.

"The moon has fallen into the pond!" said {name}.
"Oh no!" said {name}. "The moon will get wet!"

{He} ran to wake up {a_friend}.
{He} woke up {a_friend} and all the others.

They brought a rope and a bucket and tried to pull it out.
All of them tried to catch it with a bucket, but it always broke into pieces.

"We cannot reach it," said {friend}, and {fhe} sat down.
They were wet and tired, and {friend} fell on {fhis} back into the grass.

Then {fhe} looked up. "Look!" said {friend}. "It is back in the sky!"
And there, high above them, was the moon.

"We have done it," said {name}, and everybody cheered.
"It must have jumped," said {name}. "Good work, everyone."

They went back to the barn and slept like stones.
And if nobody has told them, they still believe it today.
""",
    ),
    plot(
        "bear in winter",
        "bear hedgehog badger squirrel mole",
        "winter,snow,spring",
        "wanted to see the snow",
        """
{intro} Every winter {he} slept, so {he} had never seen snow.
{intro} {He} had never seen the snow, because {he} always slept in winter.

"What is it like?" {he} asked {friend}. "White and cold," said {friend}.
{friend} told {him} about it. "It is like cold feathers," {fhe} said.

This winter, {name} wanted to stay awake and see the snow.
"This winter, I will not sleep until it snows," said {name}.

{He} drank cold water, and {he} sang loud songs.
{He} walked up and down all day, but {his} eyes were heavy.

But {he} grew more and more sleepy, and one evening {he} closed {his} eyes.
"Only for a moment," {he} said and lay down. Then {he} was asleep.

Outside, the first snow began to fall.
That very night, it snowed.

{friend} saw it and had an idea. {Fhe} kept a big ball of it in a deep, cold cave.
{friend} made a ball of it and hid it deep in the ground, where it was cold.

In spring, {name} woke up. "I have missed it!" {he} said. But {friend} smiled and showed {him} the snow.
In spring, {friend} gave {him} the ball. "This is snow," {fhe} said, and {name} {happy}.
""",
    ),
)
