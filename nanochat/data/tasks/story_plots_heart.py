"""Plots of the made-up stories about courage and honesty: a race, pride, a lie, a promise, something new."""

from __future__ import annotations

from nanochat.data.tasks.story_plot import plot

HEART_PLOTS = (
    plot(
        "learning to swim",
        "child",
        "a lake,the water",
        "learned to swim",
        """
{intro} {He} wanted to learn to swim, but {he} was afraid of the water.
{intro} All {his} friends could swim in the lake, but {he} was afraid of the water.

{sunny}, {name} went to the lake with {his} {parent}.
{sunny}, {he} stood by the lake with {his} {parent}.

First {he} put one foot in. It was cold!
"It is too deep," said {name}. "And it is cold."

"I will hold you," said {his} {parent}. "Kick with your legs."
{His} {parent} took {his} hand. "Slowly," said {his} {parent}. "I am here."

{name} kicked and splashed and got water in {his} nose.
{name} tried, and {he} went under and came up again.

? "Again!" {he} said.
? {He} rested for a moment in the sun.

Every day {he} went back to the lake and tried again.
{He} tried again the next day, and the day after that.

Then, one day, nobody held {him}, and {he} was swimming!
And on the last day of summer, {he} swam all alone through the water.

"Look at me!" called {name}, and {he} {proud}.
{name} {proud}. The lake was not so big any more.
""",
    ),
    plot(
        "race",
        "child animal",
        "a race",
        "ran in a race",
        """
{intro} {He} was the slowest of all {his} friends.
{intro} {day}, there was a big race, and everybody wanted to win.

{day}, {he} ran in a race against {friend}.
{name} wanted to run in the race, but {friend} laughed. "You are too slow," {fhe} said.

"One, two, three, go!" {friend} was soon far ahead.
"Go!" somebody called, and {friend} ran off like the wind.

{name} did not look at the others. {He} put one foot in front of the other.
{name} ran as well as {he} could, step by step.

{friend} was so far ahead that {fhe} sat down to rest.
But {friend} looked back at the others, fell over a stone and hurt {fhis} foot.

{name} could win now! But {he} stopped and said, "Are you all right?"
When {name} came to {friend}, {he} stopped. "Let us finish it together," {he} said.

{friend} stood up, and they came to the end of the race side by side.
They went over the line at the same time.

Everyone cheered, and both of them got a prize.
"You are not slow," said {friend}. "You are a good friend."
? To be kind is better than to be first.
""",
    ),
    plot(
        "too proud",
        "child animal person",
        "a big {flower}",
        "was too proud",
        """
{intro} {He} grew a big {flower}, and {he} was very proud of it.
{intro} In {his} garden stood a big {flower}. It was the biggest {flower} of all.

"Nobody has {a flower} like mine," {he} said to everyone.
All day long, {he} talked about it. "Mine is the best," {he} said.

{friend} said, "May I smell it?" But {name} said, "No, it is mine."
When {friend} wanted to look at it, {name} closed the gate.

{soon} nobody came to visit {him} any more.
After a while, {friend} and the others stayed away.

Then a storm came, and the wind shook the {flower}.
One night there was a storm, and the {flower} bent down to the ground.

{name} could not hold it alone. "Help!" {he} called.
"I need help!" called {name} into the rain.

{friend} came at once and brought a stick and some string.
{friend} heard {him} and came running with a long stick.

They tied it up together, and the {flower} was saved.
Together they saved the {flower}.

"I was too proud," said {name}. "Please come and smell it whenever you like."
From then on, the gate was always open.
""",
    ),
    plot(
        "promise kept",
        "child animal person robot",
        "a promise",
        "kept a promise",
        """
{intro} "Tomorrow I will help you to paint the fence," {he} said to {friend}. It was a promise.
{intro} {He} made a promise to {friend}. "Tomorrow I will help you in your garden," {he} said.

The next day, the sun was shining, and the others went to the lake.
But the next morning, somebody called, "Come with us to the fair!"

"Come with us!" they called. "It will be fun!"
{name} wanted to go with them very much.

{name} looked at the blue sky. Then {he} thought of {friend}.
Then {he} remembered {his} promise, and {he} sighed.

"I cannot come," {he} said. "I made a promise."
"Not today," said {name}. "{friend} is waiting for me."

{He} worked with {friend} all morning, and it was hard.
So {he} went to {friend}, and they worked until noon.

"You came!" said {friend}. "I was afraid that you would forget."
{friend} said, "I knew that you would come."

In the afternoon, they were done, and they went to the others together.
When they were done, they sat in the shade and laughed about their dirty feet.

A promise is a promise.
{name} was tired, but {he} {proud}.
""",
    ),
    plot(
        "a lie",
        "child animal",
        "a lie,a broken cup,a broken vase",
        "told a lie",
        """
{intro} {day}, {he} was running through the house, and {he} knocked down a cup and a vase.
{intro} {day}, {he} played in the kitchen and broke a cup and a vase.

"Who did this?" asked {his} {parent}.
{His} {parent} saw the broken vase and the broken cup. "What happened?"

"It was the wind," said {name}. It was a lie.
"I do not know," said {name}, but that was a lie.

{His} {parent} said nothing and picked up the broken cup and the broken vase.
{His} {parent} looked at the broken vase, the broken cup and the closed window, and said nothing.

All day long, {name} felt bad. {He} could not eat, and {he} could not play.
The lie was like a stone in {his} belly.

In the evening, {he} said, "It was not the wind. It was me. I am sorry."
Before {he} went to bed, {he} told the truth. "I broke them. I am sorry."

"Thank you for telling me," said {his} {parent}. "A cup is only a cup."
{His} {parent} hugged {him}. "I am glad that you told me the truth."

Then {name} felt light again.
That night, {name} slept well.
""",
    ),
    plot(
        "first day of school",
        "child animal",
        "school,a teacher",
        "went to school for the first time",
        """
{intro} Tomorrow was {his} first day of school.
{intro} It was the first day of school.

{name} did not want to go. "I do not know anybody there," {he} said.
"What if the teacher is not nice?" {he} asked.

"Everyone is new today," said {his} {parent}.
{His} {parent} put an apple into {his} bag and said, "It will be fine."

At school, {name} sat down at the back and {scared}.
In the room there were many others, and {name} did not say a word.

The teacher smiled. "Who can draw a cat?" asked the teacher.
Then the teacher asked, "Who knows a song?"

{name} could do that! Slowly, {he} stood up.
{name} knew how to do that, and {he} stood up.

Everyone clapped, and a classmate called {friend} said, "Can you show me how you do that?"
"That was good," whispered a classmate called {friend}, who sat next to {him}.

When school was over, {name} had a new friend.
"How was school?" asked {his} {parent}. "Too short!" said {name}.
""",
    ),
    plot(
        "bicycle",
        "child",
        "a bicycle,{a colour} bicycle",
        "learned to ride a bicycle",
        """
{intro} For {his} birthday, {he} got {a colour} bicycle.
{intro} {He} had {a colour} bicycle, but {he} could not ride it yet.

{day}, {he} took the bicycle to the park with {his} {parent}.
{sunny}, {he} sat on the bicycle, and {his} {parent} held it.

{He} fell to the left. Then {he} fell to the right.
After three steps, {he} fell into the grass.

"I will never learn it," said {name}.
{name} {sad}. {His} knee hurt.

"I fell many times too," said {his} {parent}. "Look ahead, not at your feet."
"Everybody falls at first," said {his} {parent}. "Try once more."

So {name} got up and tried again.
{name} wiped {his} face and sat on the bicycle again.

{He} looked ahead and went faster and faster.
This time {he} looked at a tree far away. The wheels went round and round.

"Do not let go!" {he} called. But {his} {parent} had let go long ago.
{suddenly} {he} saw that nobody was holding {him}. {He} was riding!

{name} rode all around the park and {proud}.
"I can do it!" shouted {name}.
""",
    ),
    plot(
        "on a stage",
        "child animal",
        "{song},a stage",
        "sang on a stage",
        """
{intro} {He} loved to sing, but only when {he} was alone.
{intro} {He} had a beautiful voice, but nobody knew it.

{day}, {friend} heard {him} sing {song}.
{day}, {he} sang {song} in the garden, and {friend} heard it.

"You must sing at the party!" said {friend}.
"Everyone should hear this," said {friend}. "Sing it on Sunday!"

On the day of the party, {name} stood on the stage, and {his} knees shook.
Then the day came. {name} looked at all the people from the stage and {scared}.

{He} opened {his} mouth, but no sound came out.
{He} had forgotten the first word.

{friend} stood up and began to sing very softly.
Then {friend} smiled at {him} and sang the first word.

{name} took a deep breath and sang too, first softly, then louder.
And {name} began, and with every line it was easier.

When {song} was over, everybody clapped and clapped.
It was quiet for a moment. Then everybody clapped for {him}.

{name} {proud}.
"Again! Again!" they called, and {name} {happy}.
""",
    ),
    plot(
        "finding money",
        "child animal person",
        "a gold coin,a purse",
        "found a purse",
        """
{intro} {day}, {he} found a purse on the road, and in it was a gold coin.
{day}, {a little} {kind} named {name} saw a purse in the grass. There was a gold coin in it.

"I could buy so many things," thought {name}.
{name} thought of all the things that {he} could buy.

But then {he} thought, "Somebody is looking for it."
But the purse belonged to somebody, and somebody was sad now.

{He} asked the baker, and {he} asked the farmer, but it was not theirs.
{He} went from house to house and asked everyone.

At last {he} met {friend}, who looked at the ground and cried.
By the well sat {friend}. "I have lost my purse," {fhe} said.

"Is this yours?" asked {name}.
"Then this must be yours," said {name}.

{friend} was so happy that {fhe} danced. "It was all that I had!" {fhe} said.
"My purse!" said {friend}. "How can I thank you?"

{friend} bought a big loaf of bread, and they ate it together.
"You do not need to thank me," said {name}, and {he} went home with a light heart.
""",
    ),
    plot(
        "bored",
        "child animal",
        "a big box,a ship",
        "was bored",
        """
{intro} {day}, it would not stop raining, and {he} was bored.
{intro} It was a grey day, and {he} did not know what to do.

"I am bored," said {name}. "There is nothing to play with."
{name} looked out of the window and sighed. "I am so bored."

In the hall stood a big box. It was empty.
"I have only this big box," said {his} {parent}, and put it on the floor.

{name} looked at it. Then {he} climbed in. It was a ship!
"That is not a box," said {friend}. "That is a ship!" And {fhe} climbed in with {name}.

{He} sailed over the wide sea, past islands and whales.
The carpet was the sea, and the chairs were islands.

Then the box was a train, and then it was a castle.
A storm came, and a blanket became the sail.

When {his} {parent} called for dinner, {name} did not want to come.
{suddenly} it was evening. "Is it so late already?" said {name}.

"Can it rain tomorrow too?" {he} asked.
"This was the best day of the week," {he} said.
""",
    ),
    plot(
        "robot heart",
        "robot",
        "a broken clock,a town",
        "wanted to be useful",
        """
{intro} {He} was old, and nobody needed {him} any more.
{intro} {His} arms were stiff, and {he} made a loud noise with every step.

The others in the town were new and fast. "What am I good for?" said {name}.
"I am too slow for this town," said {name}.

{day}, the big clock of the town stopped. It was a broken clock now.
{day}, the people had a problem. On the tower was a broken clock.

Nobody knew what time it was, and everyone came too late.
The baker slept too long, and there was no bread.

"I know how clocks work," said {name}, "because I was built in the same year."
{name} went up the tower, step by step. {He} had seen such wheels before.

{He} worked all night with a drop of oil and a lot of patience.
{He} cleaned every little wheel and put it back.

In the morning, the clock said, "Ding, dong!"
When the sun came up, the clock went tick, tock, tick, tock.

The people cheered, and {name} had a new job. {He} took care of the clock.
"Thank you, {name}!" called the people. From then on, they often came to visit {him}.
""",
    ),
)
