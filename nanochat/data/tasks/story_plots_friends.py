"""Plots of the made-up stories about two: helping, sharing, trading, waiting one's turn, a new neighbour."""

from __future__ import annotations

from nanochat.data.tasks.story_plot import plot

FRIEND_PLOTS = (
    plot(
        "helping a friend",
        "child animal person robot",
        "a heavy basket,{fruit}",
        "helped a friend",
        """
{intro} {day}, {he} met {a_friend}, who had a heavy basket full of {fruit}.
{day}, {a little} {kind} named {name} saw {a_friend} with a heavy basket of {fruit}.

"It is too heavy for me," said {friend}, and {fhe} sat down.
{friend} was tired and had to stop after every step.

"Let me help you," said {name}.
"We can carry it together," said {name}.

So {name} took one side, and {friend} took the other.
Each of them took one side of the basket, and up the hill they went.

They talked and laughed, and the way was not long at all.
? On the way they sang {song}.

When they came to the house of {friend}, {fhe} gave {name} the biggest of the {fruit}.
At the door, {friend} said, "Without you, I would still sit by the road. These {fruit} are for you."

"With two, everything is half as heavy," said {name}.
{name} {happy}. It is good to have a friend, and it is good to be one.
"You would do the same for me," said {name}.
""",
    ),
    plot(
        "sharing food",
        "child animal person",
        "{food},lunch",
        "shared some food",
        """
{intro} {day}, {he} had {food} for lunch.
{intro} {day}, {his} {parent} gave {him} {food} for lunch.

{He} sat down {at} and wanted to eat.
{He} went {to} and looked for a nice place to eat.

Then {friend} came by. {Fhe} had nothing to eat.
There sat {friend}, who had lost {fhis} lunch on the way.

"That smells good," said {friend}, and {fhis} belly made a loud noise.
{friend} looked at the {food} and said nothing, but {fhe} was very hungry.

{name} looked at {his} food. There was not much of it.
{name} was hungry too, and {he} thought about it.

"Half of it is for you," {he} said.
"Sit down," said {name}. "There is enough for both of us."

So they ate together, and it tasted better than ever.
They ate slowly and talked about this and that.

? The next day, {friend} came back with {fruit} and gave half of them to {name}.
? A week later, {name} forgot {his} lunch, and {friend} gave {him} half of {fhis} own.

Food that you share tastes best.
After that, they were even better friends.
"Thank you," said {friend}. "You are a true friend."
""",
    ),
    plot(
        "trading",
        "child animal person",
        "{a colour} {treasure},a trade",
        "made a trade",
        """
{intro} {He} had {a colour} {treasure}, and {friend} had a small drum.
{intro} {He} had found {a colour} {treasure}. {friend} had a small drum.

"Let us make a trade," said {friend}. "My drum for your {treasure}."
{friend} wanted the {treasure}. "Will you trade it for my drum?" {fhe} asked.

{name} agreed. All day long, {he} played the drum, boom, boom, boom.
"Yes!" said {name}, and {he} took the drum home and played it.

But in the evening, {he} missed {his} {treasure}.
But at night, {he} thought of the {treasure} and could not sleep.

The next morning, {friend} stood at the door. "I miss my drum," {fhe} said.
In the morning, {he} met {friend}. "I miss my drum so much," said {friend}.

"And I miss my {treasure}," said {name}.
{name} laughed. "And I want my {treasure} back!"

So they traded back, and both of them were happy.
They gave each other back what they had, and both laughed.

Sometimes the best thing is the one you already have.
? And they played together for the rest of the day.
""",
    ),
    plot(
        "waiting one's turn",
        "child",
        "a swing",
        "could not wait",
        """
{intro} In the park there was a new swing, and {he} loved it.
{intro} {day}, {he} went to the park, where there was a new swing.

But many children were there, and they stood in a long line.
But {friend} was already on it, and two others were waiting.

"I do not want to wait," said {name}, and {he} pushed to the front.
{name} did not want to wait, so {he} ran past all the others.

"That is not fair," said {friend}. "We were here first."
{friend} said, "Please wait like the rest of us."

{name} turned red. {He} saw that {friend} was right.
{name} looked at the others. They did not look happy.

"I am sorry," {he} said, and {he} went to the end of the line.
{He} said that {he} was sorry, and {he} went back to the end.

While {he} waited, {he} talked with a girl who knew many jokes.
To pass the time, {he} counted the birds in the sky.

Then it was {his} turn. {He} flew high, and the wind was in {his} face.
{soon} it was {his} turn at last, and {he} went up and up, as high as the trees.

It was even better, because nobody was angry.
"It was worth the wait," said {name}.
""",
    ),
    plot(
        "new neighbour",
        "child animal",
        "a new neighbour",
        "met a new neighbour",
        """
{intro} {day}, a new neighbour moved into the house next door.
{intro} {day}, there was a new neighbour.

{name} looked over the fence. There stood a stranger called {friend} with a big box.
The neighbour was called {friend}, and {fhe} sat alone on the steps.

{name} was shy and did not know what to say.
{name} wanted to say hello, but {he} did not dare.

"What should I do?" {he} asked. "Just say hello," said {his} {parent}.
{His} {parent} said, "It is hard to be new. A smile is a good beginning."

So {name} took some {fruit} and went to the fence.
So {he} took {his} {colour} {toy} and went over.

"Hello," {he} said. "I am {name}. Do you want to play?"
"Hi, I am {name}," {he} said. "Would you like to play with me?"

{friend} smiled for the first time that day. "Yes, please!" {fhe} said.
{friend} jumped up at once. "I was hoping that somebody would ask," {fhe} said.

They played until it was dark, and the next day they played again.
By the evening, it felt as if they had always known each other.
""",
    ),
    plot(
        "quarrel",
        "child animal person robot",
        "a quarrel,{a colour} {toy}",
        "had a quarrel with a friend",
        """
{intro} {He} and {his} friend {friend} did everything together.
{intro} {His} best friend was called {friend}.

But one day, they had a quarrel about {a colour} {toy}.
But one day, both of them wanted {a colour} {toy}, and there was a quarrel.

"It is mine!" said {name}. "No, it is mine!" said {friend}.
They pulled and pulled, and neither would let go.

"I will never play with you again," said {friend}, and {fhe} went home.
"Go away!" said {name}, and {friend} went away.

Now {name} had the {toy}, but it was no fun to play alone.
{name} sat there with the {toy}. It was very quiet.

? {He} looked at the empty chair and {sad}.
? "What good is a {toy} without a friend?" {he} thought.

So {he} went to {friend} and said, "I am sorry. Let us share it."
The next day, {he} knocked at {fhis} door. "I am sorry," {he} said. "You can have the {toy}."

"I am sorry too," said {friend}. And they were friends again.
{friend} smiled. "I missed you," {fhe} said, and they went out to play.
""",
    ),
    plot(
        "building a bridge",
        "child animal person",
        "a bridge,a stream",
        "built a bridge",
        """
{intro} {He} lived on one side of a stream, and {friend} lived on the other.
{intro} Between {his} house and the house of {friend} ran a stream.

There was no bridge, so they could only wave to each other.
They could not visit each other, because the stream had no bridge.

{day}, {name} had an idea. "Let us build a bridge!" {he} called.
{day}, {name} called over the water, "Let us build a bridge!"

{name} carried stones from one side, and {friend} carried wood from the other.
{name} began on {his} side, and {friend} began on {fhis}.

It was hard work, and on the first day it all fell into the water.
The first bridge was too weak, and the stream took it away.

But they did not give up, and they began again with bigger stones.
"We will make it stronger," said {friend}, and they tied the wood with rope.

After {number} days, it was done.
At last they put the last piece in the middle.

They met in the middle of the bridge and laughed.
{name} and {friend} danced on the bridge, and it did not even shake.

? From then on, they had breakfast together every day.
? Now the way to a friend was only ten steps long.
""",
    ),
    plot(
        "sick friend",
        "child animal person robot",
        "a sick friend,{a flower}",
        "cheered up a sick friend",
        """
{intro} {day}, {he} heard that {friend} was sick.
{intro} {day}, {he} wanted to play with {friend}, but {friend} was sick in bed.

"What can I do?" thought {name}. "I am not a doctor."
{name} wanted to help {his} sick friend, but how?

{He} went to the meadow and picked {a flower_colour} {flower}.
In the garden, {he} found a beautiful {flower}.

{He} took it to {friend} and sat down by the bed.
Then {he} went to see {friend} and put the {flower} next to the bed.

{name} told funny stories, and {friend} laughed.
{He} sang {song}, and {friend} forgot that {fhe} was ill.

"I feel better already," said {friend}.
When {name} had to go, {friend} said, "Please come again tomorrow."

And after {number} days, {friend} was well and ran outside.
A few days later, {friend} was well, and they played outside again.

? A kind word is good medicine.
? The {flower} was still in its glass, and it was still beautiful.
""",
    ),
    plot(
        "hide and seek",
        "child animal robot",
        "hide and seek",
        "played hide and seek",
        """
{intro} {day}, {he} played hide and seek with {a_friend} {at}.
{day}, {a little} {kind} named {name} and {a_friend} played hide and seek {at}.

{friend} closed {fhis} eyes and began to count. One, two, three.
{friend} had to count to twenty, and {name} ran away to hide.

{name} hid {bush} and was as quiet as a mouse.
{name} lay down {bush} and did not move.

{friend} looked left and right, but {fhe} did not find {him}.
"Where are you?" called {friend}. {Fhe} looked everywhere.

? Once {fhe} walked right past {him}.
? It was a very good place to hide.

Time went by. {name} was so comfortable that {he} fell asleep.
It was warm and still there, and soon {name} was asleep.

{friend} was worried and called {his} name again and again.
{friend} went round and round, until {fhe} heard a strange sound. It was somebody snoring!

Then {name} woke up and came out. "Did I win?" {he} asked.
"Found you!" said {friend}. {name} opened one eye and said, "Is it morning?"

They laughed so much that they had to sit down.
"You won," said {friend}, "but you also missed dinner!" And they both laughed.
""",
    ),
    plot(
        "two cakes",
        "child person animal",
        "a contest,{a cake}",
        "was in a contest",
        """
{intro} There was a contest for the best cake.
{intro} {day}, there was a contest. Who could bake the best cake?

{name} made {a cake}, and so did {friend}.
{name} and {friend} both wanted to win, and each of them made {a cake}.

On the way, {friend} fell, and {fhis} cake landed in the grass.
But {friend} tripped over a stone, and {fhis} cake was ruined.

{name} saw it. Now it would be easy to win.
"Now I will win," thought {name}, but then {he} saw that {friend} was crying.

But {he} cut {his} own {cake} in two and gave one half to {friend}.
{name} could not be glad. "Take half of mine," {he} said.

They went to the contest together with two small cakes.
So they stood there side by side, each with half {a cake}.

In the end, they both got a prize.
"The best cake comes from the best friends," everybody said, and they both won.
They did not win, but they ate both halves and laughed a lot.
""",
    ),
    plot(
        "music",
        "child animal person robot",
        "music,{a instrument},a band",
        "made music",
        """
{intro} {He} played the {instrument}, but always alone.
{intro} {He} had {a instrument} and loved music.

{day}, {he} sat {at} and played {song}.
{day}, {he} took the {instrument} {to} and began to play.

{friend} heard it and came with a drum. Boom, boom!
Then {friend} came by and began to sing.

{soon} others came. One had a bell, and one had two spoons.
A little {fkind} came and tapped on a pot, and another one whistled.

At first it was only noise, and a bird flew away.
It sounded terrible, and everyone laughed.

"Listen to each other," said {name}. "One, two, three, four!"
"Let us try it slowly," said {name}, and {he} counted to four.

Then it was real music. Now they were a band!
And all at once it was music, the music of a real band.

They played until the stars came out.
Everyone danced, and {name} {happy}.
""",
    ),
)
