"""Plots of the made-up stories for animals, and for children with one: a ball, a nest, a kitten, a fish."""

from __future__ import annotations

from nanochat.data.tasks.story_plot import plot

ANIMAL_PLOTS = (
    plot(
        "dog and ball",
        "dog",
        "{a colour} ball,a ball,the {place}",
        "lost a ball",
        """
{intro} {He} and {a child} often played with {a colour} ball {at}.
{name} was {a little} dog with {a colour} ball. Every day {a child} played with {him} {at}.
Once there was a dog named {name}. {He} loved to go {to} with {a child} and {his} {colour} ball.

{day}, the {child} threw the ball too far.
{day}, the ball rolled down a hill, faster and faster.

Splash! It fell into the water.
It rolled into a hole, and {name} could not reach it.

{name} barked and ran round and round.
{name} barked three times and looked at the {child}.

The {child} took a long stick, but the stick was too short.
"Wait," said the {child}. "I will find a stick." But the stick broke.

Then {name} had an idea. {He} jumped!
So {name} did it alone. {He} put {his} head down and pushed with all {his} strength.

A moment later, {he} came back with the {colour} ball in {his} mouth.
{He} got it with {his} teeth and held it tight.

"Good dog!" said the {child}, and {name} wagged {his} tail.
{name} put the ball at the feet of the {child} and barked. "Again!" it meant.
{name} shook the water from {his} ears, and the {child} laughed.
""",
    ),
    plot(
        "stray kitten",
        "child person",
        "a kitten,a little cat",
        "found a kitten",
        """
{intro} On a cold evening, {he} heard a soft "Meow" at the door.
{intro} {day}, {he} heard a soft "Meow" {bush}.

There sat a kitten, a little cat with {colour_fur} fur. It was all alone.
It was a little cat, a thin {colour_fur} kitten with wet fur.

"You poor thing," said {name}. "Are you hungry?"
"Where is your mother?" asked {name}, but the kitten only looked at {him}.

{He} gave it some warm milk and an old blanket.
{He} dried it with a towel and gave it some fish.

? The kitten ate it all and fell asleep on {his} feet.
? The kitten drank and drank until its belly was round.

The next day, {he} asked everyone in the street, but nobody missed a kitten.
{name} asked all the neighbours. "It is not ours," they said.

"May I keep it?" {he} asked, and {his} {parent} said yes.
"Then you will stay with me," said {name}.

{He} called it {pet_name}, and it followed {him} everywhere.
{He} gave it the name {pet_name}, and every night it slept at the end of {his} bed.
""",
    ),
    plot(
        "cat in a tree",
        "cat",
        "a tree,a butterfly,a bird",
        "sat in a tree",
        """
{intro} {day}, {he} saw a butterfly and a bird and ran after them.
{day}, a cat named {name} wanted to catch a butterfly, but a bird flew in front of {him}.

Up the tree {he} went, from branch to branch.
{He} climbed the tree, higher and higher.

But the way down was much harder than the way up.
Then {he} looked down, and {he} did not know how to get back.

"Meow!" cried {name}. "Meow!"
{name} held on with all {his} claws and meowed.

{A child} heard {him} and came with a ladder, but the ladder was too short.
{A child} stood under the tree and called, "Jump!" But {name} did not dare.

Then the {child} held out a big blanket. "Now jump!" said the {child}.
So the {child} put a basket on a rope and pulled it up to {him}.

{name} closed {his} eyes. A moment later, {he} was safe.
{soon} {he} was down again, with grass under {his} feet.

From then on, {he} only looked at butterflies from the window.
That evening, {name} lay by the fire and purred.
""",
    ),
    plot(
        "learning to fly",
        "bird owl",
        "the wind,a nest",
        "learned to fly",
        """
{intro} {His} brothers could fly, but {he} was afraid to leave the nest.
{intro} {He} was the smallest in the nest, and {he} could not fly yet.

"Spread your wings," said {his} mother. "The wind will hold you."
Every day {his} mother said, "Try it! The wind is your friend."

"What if I fall?" asked {name}.
But the ground was so far away, and {name} shook {his} head.

{day}, {he} saw a big juicy berry on another tree.
{day}, {his} mother sat on the next branch with something good to eat.

{name} was very hungry. {He} went to the edge and looked down.
{name} stood at the edge and counted. "One, two, three!"

{He} jumped, and for a moment {he} fell like a stone.
Then {he} let go, and down {he} went!

But then {he} moved {his} wings, and the wind carried {him} up.
{name} opened {his} wings, and all at once {he} was flying.

"I can fly!" called {name}, and {he} flew round the tree {number} times.
The world was big and green below, and {name} {proud}.
""",
    ),
    plot(
        "curious fish",
        "fish",
        "a boat,the moon,the water",
        "was curious",
        """
{intro} {He} always wanted to know what was above the water.
{intro} "What is up there?" {he} often asked, and looked up through the water.

"Stay down here," said the old turtle. "It is safe here."
"Up there is nothing for us," said {his} friend {friend}.

But one night, {name} swam up, higher and higher.
But {name} was curious, and one night {he} swam all the way up.

{He} saw a boat that rocked on the waves, and above it the round white moon.
There was a boat, and behind it the moon stood in the sky.

? {name} had never seen anything so beautiful.
? "It looks like a big pearl," {he} thought.

{suddenly} a net fell into the water, right next to {him}.
Then a bird came down and tried to catch {him}.

{name} turned round and swam away as fast as {he} could.
With one quick turn, {name} was gone, down into the dark.

At home, {he} told the others what {he} had seen, and they listened all night.
"Where have you been?" asked {friend}. "I have seen the moon," said {name}.
""",
    ),
    plot(
        "slow snail",
        "snail turtle",
        "{fruit},a friend",
        "was slow",
        """
{intro} {He} was very slow, and the others laughed at {him}.
{intro} Nobody in the garden was as slow as {name}.

{day}, they all wanted to go to the big tree with the {fruit}.
{day}, somebody called, "There are ripe {fruit} on the other side of the garden!"

"You will never get there," said the grasshopper, and it jumped away.
The others ran ahead, and soon {name} was alone.

{name} went on, a little step and then another little step.
{name} did not hurry. {He} looked at the flowers, the dew and the clouds.

On the way, {he} saw an ant that had fallen into a hole, and {he} helped it out.
Under a leaf, {he} found an ant with a hurt foot, and {he} took it along.

"Thank you," said the ant. "The others ran past and did not see me."
"You are a friend," said the ant. "You are the only one who saw me."

When they came to the tree, the sun was going down. There were still plenty of {fruit}.
At last they were there, and the sweetest of the {fruit} had just fallen down.

They ate together, and {name} {happy}.
Those who go slowly see more.
""",
    ),
    plot(
        "bee and flower",
        "bee butterfly",
        "{a flower},a flower",
        "looked for a flower",
        """
{intro} {day}, {he} flew out to look for the most beautiful flower.
{intro} {He} loved every flower, and every flower loved {him}.

{He} flew over the fence and over the field.
{day}, {he} flew farther than ever before.

In the middle of an empty yard stood a small, sad {flower}.
Behind a wall, {he} found {a flower} that let its head hang.

"Nobody comes to visit me here," said the {flower}.
"Why are you so sad?" asked {name}. "I am all alone," said the {flower}.

"Then I will come every day," said {name}.
"You are not alone now," said {name}, and sat down on a leaf.

{name} told it about the world, and the {flower} listened.
Each morning {he} brought some news and some golden dust.

The next spring, there was not one {flower} in the yard, but {number}.
A year later, the whole yard was full of flowers.

And {name} had to visit them all.
"Look what you have done!" said the {flower}, and {name} {happy}.
""",
    ),
    plot(
        "dog in the fog",
        "child",
        "{his} dog,a dog,the fog",
        "got lost in the fog",
        """
{intro} {day}, {he} went for a walk with {his} dog {pet_name}.
{intro} {He} had a dog called {pet_name}. {day}, they went for a walk.

Then the fog came, and everything was white.
They were far from home when the fog came down.

{name} could not see the road. "Where are we?" {he} asked.
{name} could not even see {his} own feet.

{He} {scared} and called, but nobody answered.
"Hello?" called {name}. There was no answer, only the fog.

But {pet_name} was not afraid. The dog put its nose to the ground.
{pet_name} barked and pulled at the rope.

{name} followed the dog through the wet grass, step by step.
"Do you know the way?" asked {name}, and {he} let the dog go ahead.

{soon} there was a light, and then there was the gate.
After a long time, {he} heard the voice of {his} {parent}. They were home.

{name} hugged {pet_name}. "You are the best dog in the world," {he} said.
That night, {pet_name} got the biggest bone of all.
""",
    ),
    plot(
        "baby bird",
        "child farmer gardener",
        "a baby bird,a nest",
        "found a baby bird",
        """
{intro} {day}, {he} found a baby bird in the grass.
{day}, {a little} {kind} named {name} found a baby bird under a tree.

It had fallen out of its nest and could not fly.
It was very small, and its nest was high up in the tree.

"Do not be afraid," said {name}. "I will help you."
The baby bird opened its beak and called. "You are calling your mother," said {name}.

A cat sat on the wall and looked at it with hungry eyes.
Not far away, a fox was walking through the field.

{name} knew that {he} had to be quick.
"Go away!" called {name}, and it ran off.

{He} got a ladder, and with the little one in {his} hat, {he} climbed up.
{He} put the little one into {his} pocket, very gently, and climbed the tree.

There were two more in the nest, and they all began to sing.
Softly, {he} put it back into the nest, next to its brothers.

{soon} the mother came back with a worm.
In summer, {number} birds flew over the garden, and {name} waved to them.
""",
    ),
)
