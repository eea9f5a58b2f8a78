"""Plots of the made-up stories that happen outside: rain and snow, a kite, a boat, a seed, the way home."""

from __future__ import annotations

from nanochat.data.tasks.story_plot import plot

OUTSIDE_PLOTS = (
    plot(
        "rain",
        "child animal person",
        "the rain,a {shelter}",
        "hid from the rain",
        """
{intro} {day}, {he} went {to} with {a_friend}.
{day}, {a little} {kind} named {name} went for a walk with {a_friend}.

{suddenly} the sky turned grey, and big drops began to fall.
{suddenly} there was thunder, and it began to pour.

"We will get wet in the rain!" said {friend}.
"Run!" said {name}, and they ran through the rain.

They saw an old {shelter} and ran inside.
Behind a bush, they found a {shelter} that they had never seen before.

It was dry and quiet in there, and they listened to the drops.
Inside it was warm, and they told each other stories.
They sat close together and shared some {food}.

When the rain was over, the sun came out.
After an hour, the rain stopped, and a bird began to sing.

"Look!" said {name}. There was a rainbow over the {place}.
And over the trees stood a bright rainbow.

From that day on, the {shelter} was their secret place.
"Let us come back when it rains again," said {friend}, and they went home.
""",
    ),
    plot(
        "kite",
        "child animal person",
        "a kite,{a colour} kite,the wind",
        "flew a kite",
        """
{intro} {He} made {a colour} kite out of paper and string.
{intro} {day}, {his} {parent} gave {him} {a colour} kite.

{day}, the wind was strong, so {he} took the kite to the top of a hill.
On a day with a lot of wind, {he} ran out into the field with the kite.

The kite went up and up, and {name} laughed.
Up it flew, higher than the trees.

{suddenly} the string broke, and the kite flew away.
{suddenly} the wind tore the string away.

{name} ran after it as fast as {he} could.
"Come back!" shouted {name}, but the kite did not listen.

It came down in a tall tree, and {he} could not reach it.
It landed on the roof of a barn, much too high for {him}.

{friend}, who was good at climbing, went up and brought it down.
Then {friend} came with a ladder and got it down.

? "Thank you, {friend}," said {name}. "Do you want to fly it too?"
? "You can have the first turn now," said {name}.

After that, they flew the kite together until the sun went down.
This time they held the string together, and the kite stayed with them.
""",
    ),
    plot(
        "seed",
        "child animal person",
        "a seed,{a flower},a garden",
        "planted a seed",
        """
{intro} {day}, {he} found a small seed and planted it in {his} garden.
{intro} {day}, {friend} gave {him} a seed, and {he} planted it in the garden.

Every day {he} gave it water.
{He} watered it every morning and looked at the ground.

But nothing happened. "Why does it not grow?" asked {name}.
One day went by, then two, then three, but there was nothing to see.

"Be patient," said {friend}. "Good things take time."
"It is asleep," said {friend}. "Give it a little more time."

{name} waited. {He} sang to the seed, and {he} kept the birds away.
So {name} waited through the rain and through the sun.

Then, one morning, there was a tiny green leaf.
At last a little green tip came out of the earth.

It grew and grew, and in summer it was a beautiful {flower}.
Week after week it grew, until it was a tall {flower}.

{name} {proud}. "It was worth the wait," {he} said.
{name} {happy} and gave {friend} a new seed from it.
""",
    ),
    plot(
        "snow",
        "child animal",
        "snow,a snowman",
        "built a snowman",
        """
{intro} One winter morning, {he} looked out of the window. Everything was white.
{intro} {He} woke up one morning, and there was snow everywhere.

"Snow!" shouted {name}, and {he} put on {his} {clothing} and ran out.
{name} put on {his} {colour} {clothing} and ran out into the snow.

{friend} was there already, and they began to build a snowman.
With {friend}, {he} rolled a big ball of snow, then a smaller one. It was a snowman!

They gave the snowman a carrot for a nose and two stones for eyes.
It got a carrot for a nose and a smile made of {fruit}.

"He looks cold," said {name}, and gave him {his} {clothing}.
"Something is missing," said {friend}, and {fhe} put an old hat on its head.

They played in the snow until their noses were red.
They laughed and threw snow into the air until it was dark.

Then they went inside and drank hot chocolate.
In the evening, they sat by the fire and drank hot milk.

? Through the window, they could see the snowman, and it seemed to smile.
? "Good night, snowman," said {name}.
? In spring, the snowman was gone, but they did not forget it.
""",
    ),
    plot(
        "boat",
        "child animal person",
        "a boat,{a colour} boat,the river",
        "sailed in a little boat",
        """
{intro} {He} had {a colour} boat made of wood.
{intro} {name} and {a_friend} built {a colour} boat out of old wood.

{sunny}, {he} and {friend} sailed it down the river.
{sunny}, {name} and {friend} put the boat on the river and climbed in.

The water was calm, and they saw ducks and little fish.
They looked at the fish in the water and sang {song}.

{suddenly} the boat hit a stone, and water came in.
But then the river became fast, and the boat began to spin.

"We are going to sink!" said {friend}, and {fhe} held on tight.
"Help!" said {friend}. "What can we do?"

{name} stayed calm. {He} took {his} hat and threw the water out.
"Hold on," said {name}. {He} took a long stick and pushed the boat to the side.

{soon} they were safe on dry land.
At last they came to the bank and climbed out.

"That was close," said {friend}, and they both laughed.
They were wet and tired, but they had a good story to tell.
"Next time, we will stay near the bank," said {name}.
""",
    ),
    plot(
        "long walk home",
        "child animal person robot",
        "the way home,a hill",
        "could not find the way home",
        """
{intro} {day}, {he} walked too far and lost {his} way.
{day}, {a little} {kind} named {name} went to look for {fruit} and forgot the time.

When {he} looked around, every path looked the same.
The sun went down, and {he} did not know the way home.

{name} {scared}, but {he} did not sit down and cry.
"Which is the way home?" {he} said to {himself}.

First {he} went left, but there was only a wide river.
{He} followed a small path, but it ended at a wall.

Then {he} climbed a hill and looked all around.
"From the top of that hill, I can see more," {he} thought, and up {he} went.

Far away, there was a small light.
Down there, between the trees, {he} saw a yellow light.

{He} walked through the grass, over a bridge and past the old mill.
Step by step, {he} walked down the hill, and the light grew bigger.

It was the lamp in {his} own window. {name} was home at last.
It was {his} own house, and the door was open. {name} had found the way home.

? {He} had warm soup and went to bed, tired and happy.
? "Next time, I will look where I go," {he} said.
""",
    ),
    plot(
        "garden thief",
        "child person",
        "a hungry rabbit,{crop},a garden",
        "had a thief in the garden",
        """
{intro} {He} grew {crop} in {his} garden.
{intro} {name} had a garden, and in it grew the best {crop}.

{day}, some of the {crop} were gone. The next day, there were even fewer.
Every morning, some of the {crop} were missing.

"There is a thief in my garden!" said {name}.
"Who takes my {crop}?" said {name}.

That night, {he} hid {bush} and waited.
In the evening, {he} sat down {bush} with a lamp.

When the moon was up, something moved. It was a thin little rabbit.
{soon} there were two long ears. The thief was a rabbit!

"Please do not be angry," the hungry rabbit seemed to say.
The hungry rabbit looked at {name} with big eyes and did not run away.

{name} thought for a moment. "You are only hungry," {he} said.
{name} could not be angry. "You poor thing," {he} said.

From then on, {he} put some {crop} by the gate every evening.
So {he} planted one more row of {crop}, just for the rabbit.

? And the rabbit never took the others again.
? So {name} lost a thief and found a friend.
""",
    ),
    plot(
        "beach treasure",
        "child animal person",
        "the sea,{a colour} {treasure},a shell",
        "went to the sea",
        """
{intro} {sunny}, {he} went to the sea with {a_friend}.
{sunny}, {a little} {kind} named {name} and {a_friend} went to the sea.

They built a castle of sand with {number} towers.
They ran into the waves and out again.

{suddenly} {name} saw something in the sand. It was {a colour} {treasure} next to a shell.
Then {name} dug a hole and found {a colour} {treasure}, a shell and a piece of old rope.

"I saw it first!" said {friend}. "No, I did!" said {name}.
Both of them wanted the {treasure}, and they began to shout.

While they were shouting, a big wave came and knocked the castle down.
They pulled this way and that way and did not see the wave. It took the castle away.

They looked at each other, wet from head to foot, and began to laugh.
"Look at us," said {friend}, and they both had to laugh.

"You can have the {treasure}," said {name}. "And you can have the shell," said {friend}.
"Let us keep it together," said {name}. "One week you, one week me."

Then they built a new castle, bigger than the first.
And the new castle they built had a {treasure} on top.
""",
    ),
    plot(
        "hidden key",
        "child person animal robot",
        "a key,an old door,{a colour} door",
        "found a key",
        """
{intro} {day}, {he} found a small key {bush}.
{day}, {a little} {kind} named {name} found an old key {bush}.

"What does it open?" {he} asked.
{He} wondered what it was for.

It did not fit the gate, and it did not fit the big box.
{He} tried it at the barn and at the gate, but it was too small.

Then {he} found an old door behind the leaves. It was {a colour} door.
{friend} knew an old door in the wall. It was {a colour} door with a tiny lock.

The key turned, and the door opened slowly.
Click! The key fitted, and the door swung open.

Behind it was a garden full of flowers that nobody had seen for years.
Behind the door was a small room full of old books.

{name} {happy}. {He} ran to tell {friend}.
"How beautiful!" said {name}.

They went there every day, and they kept the key in a safe place.
From that day on, {name} and {friend} met there to read and play.
""",
    ),
    plot(
        "tall tree",
        "child",
        "a tall tree,{fruit}",
        "climbed too high",
        """
{intro} There was a tall tree with {fruit} {at}.
{intro} {He} loved to climb. {At} stood a tall tree full of {fruit}.

{day}, {he} wanted to get the {fruit} from the very top.
{day}, {he} climbed up and up, past the birds, to the {fruit} at the top.

But when {he} looked down, the ground was far away.
From up there, the houses looked like toys.

{name} {scared} and could not move.
{name} held on to a branch and did not dare to move.

"I cannot get down!" {he} called.
"Help!" {he} called. "I am stuck!"

{friend} stood below. "Do not look down," {fhe} said. "Left foot first. Good. Now the right foot."
{friend} heard {him} and said, "I can see your feet. I will tell you where to step."

Step by step, {name} came down, until {he} felt the grass under {his} feet.
Slowly, branch by branch, {name} climbed down.

{He} gave {friend} half of the {fruit}.
"Thank you," said {name}. "Next time, I will stay on the lower branches."
Then they sat under the tree and ate {fruit}.
""",
    ),
    plot(
        "star wish",
        "child animal robot",
        "a star,a wish",
        "made a wish",
        """
{intro} One clear night, {he} saw a star fall from the sky.
{intro} One night, {he} sat outside and looked at the stars. One star fell down in a long bright line.

"Make a wish," said {his} friend {friend}.
{friend}, who sat next to {him}, said, "Now you can make a wish!"

{name} thought hard. {He} could wish for gold, or for a big castle.
{name} thought of many things: a pony, a boat, a crown.

{He} looked at {friend}, who was cold and sat close to {him}.
Then {he} saw that {friend} was smiling at {him}.

"I know my wish," said {name}. "I want us to be friends for ever."
"My wish is that we sit here again next year," {he} said.

"That is a good wish," said {friend}.
{friend} smiled and said nothing for a while.

And they sat under the sky until they were sleepy.
The star was gone, but the wish came true.
A year later, they sat in the same place and looked up.
""",
    ),
)
