"""What everybody knows, as tables: opposites, plurals, colours, sounds and homes of animals, uses of things.

They become questions with their answers in nanochat.data.tasks.everyday_facts. Standard library only.
"""

from __future__ import annotations

from nanochat.data.tasks.story_world import listed

Pair = tuple[str, str]  # a question and its answer


def pairs_of(table: str) -> list[Pair]:
    """The pairs of a table: parted by commas, the two of a pair by a colon.

    >>> pairs_of("hot: cold, big: small")
    [('hot', 'cold'), ('big', 'small')]
    """
    rows = (row.partition(":") for row in table.replace("\n", " ").split(","))
    return [(first.strip(), second.strip()) for first, _, second in rows if second.strip()]


OPPOSITES = pairs_of("""
hot: cold, big: small, up: down, in: out, day: night, black: white, good: bad, happy: sad, fast: slow,
old: young, tall: short, full: empty, open: closed, wet: dry, light: dark, hard: soft, early: late,
left: right, rich: poor, high: low, loud: quiet, clean: dirty, strong: weak, near: far, first: last,
thick: thin, wide: narrow, yes: no, true: false, long: short, short: long, lose: win, begin: end,
start: stop, give: take, buy: sell, push: pull, love: hate, win: lose, come: go, laugh: cry, find: lose,
remember: forget, ask: answer, always: never, everybody: nobody, inside: outside, above: below,
before: after, more: less, many: few, easy: difficult, sweet: sour, brave: afraid, sick: healthy,
heavy: light, cheap: expensive, deep: shallow, north: south, east: west, summer: winter, friend: enemy,
asleep: awake, alive: dead, sharp: blunt, smooth: rough, polite: rude, kind: cruel, warm: cool,
question: answer, top: bottom, front: back, morning: evening, sit: stand, arrive: leave, same: different,
safe: dangerous
""")
# What an opposite is of, where the other way round is another word.
ONE_WAY = {"short", "light", "answer", "lose"}
PLURALS = pairs_of("""
mouse: mice, child: children, foot: feet, tooth: teeth, man: men, woman: women, goose: geese, leaf: leaves,
wolf: wolves, knife: knives, sheep: sheep, fish: fish, deer: deer, person: people, baby: babies,
city: cities, box: boxes, bus: buses, dish: dishes, watch: watches, fox: foxes, potato: potatoes,
tomato: tomatoes, dog: dogs, cat: cats, book: books, tree: trees, house: houses, car: cars, apple: apples,
day: days, boy: boys, girl: girls, lady: ladies, story: stories, country: countries, family: families,
party: parties, berry: berries, cherry: cherries, shelf: shelves, loaf: loaves, half: halves, life: lives,
wife: wives, thief: thieves, ox: oxen, brush: brushes, glass: glasses, peach: peaches, key: keys, toy: toys,
friend: friends, hand: hands, eye: eyes, bird: birds, horse: horses, cow: cows, pig: pigs, egg: eggs,
cup: cups, star: stars, flower: flowers, butterfly: butterflies
""")
PASTS = pairs_of("""
go: went, see: saw, eat: ate, run: ran, come: came, take: took, give: gave, make: made, say: said,
sing: sang, swim: swam, drink: drank, write: wrote, read: read, speak: spoke, sleep: slept, fly: flew,
fall: fell, find: found, buy: bought, bring: brought, think: thought, catch: caught, teach: taught,
build: built, sit: sat, stand: stood, know: knew, grow: grew, throw: threw, begin: began, break: broke,
drive: drove, ride: rode, feel: felt, keep: kept, leave: left, lose: lost, meet: met, pay: paid, sell: sold,
tell: told, hear: heard, hide: hid, hold: held, win: won, wake: woke, wear: wore, choose: chose, draw: drew,
forget: forgot, get: got, have: had, do: did, be: was, cut: cut, put: put, hit: hit, walk: walked,
play: played, help: helped, look: looked, laugh: laughed, cry: cried, open: opened, jump: jumped,
dance: danced, cook: cooked, work: worked, call: called, ask: asked, love: loved, try: tried,
carry: carried, stop: stopped, want: wanted, live: lived, smile: smiled, listen: listened, shine: shone
""")
COLOURS = pairs_of("""
the sky: blue, grass: green, snow: white, the sun: yellow, milk: white, coal: black, a lemon: yellow,
a strawberry: red, a carrot: orange, a tomato: red, a frog: green, an elephant: grey, chocolate: brown,
a polar bear: white, a crow: black, a flamingo: pink, a cucumber: green, a fire engine: red, blood: red,
the sea: blue, a banana: yellow, a ripe cherry: red, a sunflower: yellow, ash: grey, a pumpkin: orange,
salt: white, a mouse: grey, a pea: green, a raven: black, the night sky: black, a blueberry: blue,
a leaf in summer: green, a daffodil: yellow, sugar: white, a swan: white, lettuce: green, a dolphin: grey,
spinach: green
""")
SOUNDS = pairs_of("""
dog: woof, cat: meow, cow: moo, sheep: baa, duck: quack, pig: oink, frog: croak, owl: hoo, mouse: squeak,
bee: buzz, lion: roar, snake: hiss, horse: neigh, rooster: cock-a-doodle-doo, hen: cluck, donkey: hee-haw,
bird: tweet, crow: caw, wolf: howl, goose: honk, chick: cheep, turkey: gobble, pigeon: coo, kitten: meow,
lamb: baa
""")
HOMES = pairs_of("""
bird: in a nest, bee: in a hive, fox: in a den, rabbit: in a burrow, horse: in a stable, cow: in a barn,
fish: in the water, spider: in a web, ant: in an anthill, mole: under the ground, squirrel: in a tree,
whale: in the sea, shark: in the sea, crab: by the sea, camel: in the desert, polar bear: in the cold north,
penguin: in the cold south, frog: near a pond, pig: in a sty, monkey: in the jungle, lion: on the grassland,
owl: in a hollow tree, bear: in the forest, hen: in a henhouse, snail: in its shell, kangaroo: in Australia,
giraffe: in Africa, beaver: in a lodge by the river, deer: in the forest, starfish: in the sea,
bat: in a cave, tiger: in the jungle, hedgehog: under bushes and leaves, duck: near the water,
octopus: in the sea
""")
BABIES = pairs_of("""
dog: puppy, cat: kitten, cow: calf, horse: foal, sheep: lamb, pig: piglet, goat: kid, hen: chick,
duck: duckling, bear: cub, lion: cub, fox: cub, deer: fawn, frog: tadpole, kangaroo: joey, goose: gosling,
swan: cygnet, owl: owlet, elephant: calf, whale: calf, wolf: pup, seal: pup, butterfly: caterpillar,
eagle: eaglet, tiger: cub
""")
RHYMES = (
    "cat hat bat rat mat,dog frog log fog,house mouse,tree bee sea knee,moon spoon,night light kite,"
    "bear chair pear,"
    "star car jar,fish dish wish,snow toe,cake snake lake,ball wall,bed red,day play hay,rain train,"
    "king ring wing,"
    "boat goat coat,book cook,nose rose,sun bun run,fun sun,pig wig,ten pen hen,sky pie,box fox,"
    "clock sock rock,"
    "bell shell,door floor,hand sand,feet street,tail snail,four door,nine line,cow now,bread head,gold cold"
)
USES = pairs_of("""
spoon: eating soup, fork: picking up food, knife: cutting, pen: writing, pencil: drawing and writing,
brush: painting, broom: sweeping the floor, key: opening a lock, lamp: giving light,
umbrella: keeping dry in the rain, bed: sleeping, chair: sitting, clock: telling the time, cup: drinking,
hammer: hitting nails, saw: cutting wood, needle: sewing, towel: drying things,
comb: tidying hair, toothbrush: cleaning teeth, mirror: seeing yourself, bag: carrying things,
basket: carrying things, book: reading, bicycle: riding, boat: crossing water, car: driving, plane: flying,
bell: making a sound, blanket: keeping warm, coat: keeping warm, hat: covering the head,
glove: keeping a hand warm, shoe: protecting a foot, oven: baking, fridge: keeping food cold,
kettle: boiling water, pot: cooking, bowl: holding food, bottle: holding a drink, ladder: climbing up,
rope: tying things, map: finding the way, compass: finding north, telescope: looking at the stars,
phone: talking to people far away, camera: taking pictures, ruler: measuring, calculator: working out sums,
drum: making music, ball: playing, kite: flying in the wind, candle: giving light, match: lighting a fire,
bridge: crossing a river, fence: keeping animals in, net: catching fish, bucket: carrying water,
shovel: digging, stamp: sending a letter, ticket: getting on a train, pillow: resting the head,
sponge: wiping things clean, window: letting in light, thermometer: measuring how warm it is
""")
PLACES = pairs_of("""
buy bread: at a bakery, borrow books: at a library, see animals: at a zoo, swim: in a pool,
learn to read: at school, watch a film: at a cinema, catch a train: at a station,
catch a plane: at an airport, see a doctor: at a hospital, post a letter: at a post office,
buy vegetables: at a market, buy medicine: at a pharmacy, cook: in the kitchen, sleep: in the bedroom,
wash: in the bathroom, grow flowers: in a garden, build castles of sand: on the beach,
see old paintings: at a museum, eat out: at a restaurant, ride on a swing: at a playground,
get a haircut: at a hairdresser, see a play: at a theatre, keep a car: in a garage, keep money: in a bank,
camp: in a tent, ski: in the mountains
""")
JOBS = pairs_of("""
bakes bread: baker, teaches children: teacher, grows food: farmer, puts out fires: firefighter,
flies a plane: pilot, drives a bus: bus driver, mends shoes: shoemaker, makes clothes: tailor,
catches fish: fisherman, builds houses: builder, helps sick people: doctor, helps sick animals: vet,
cleans teeth: dentist, writes books: writer, paints pictures: painter, cuts hair: hairdresser,
brings letters: postman, takes care of books: librarian, cooks in a restaurant: cook, mends pipes: plumber,
sings songs: singer, plants flowers: gardener, sails a ship: sailor, sells meat: butcher
""")
COUNTS = pairs_of("""
legs/a dog: four legs, legs/a cat: four legs, legs/a spider: eight legs, legs/a bird: two legs,
legs/an insect: six legs, legs/an ant: six legs, legs/a horse: four legs, legs/a snake: no legs,
legs/a chair: four legs, wheels/a car: four wheels, wheels/a bicycle: two wheels,
wheels/a tricycle: three wheels, wings/a bird: two wings, fingers/a hand: five fingers,
toes/a foot: five toes, sides/a triangle: three sides, sides/a square: four sides,
arms/an octopus: eight arms, days/a week: seven days, months/a year: twelve months, hours/a day: 24 hours,
minutes/an hour: 60 minutes, seconds/a minute: 60 seconds, days/a year: 365 days,
seasons/a year: four seasons, letters/the alphabet: 26 letters, eyes/a cat: two eyes,
ears/a rabbit: two ears, legs/a bee: six legs, legs/a cow: four legs, corners/a square: four corners,
weeks/a year: 52 weeks, horns/a unicorn: one horn, legs/a hen: two legs, days/April: 30 days,
days/January: 31 days
""")
ORIGINS = pairs_of("""
milk: cows, honey: bees, eggs: hens, wool: sheep, apples: apple trees, wood: trees, feathers: birds,
rain: clouds, light by day: the sun, silk: silkworms, acorns: oak trees, grapes: vines,
chocolate: cocoa beans, flour: grain
""")
MATERIALS = pairs_of("""
bread: flour and water, a window: glass, a table: wood, a snowman: snow, paper: wood, cheese: milk,
butter: milk, ice: frozen water, a sweater: wool, a coin: metal, a nest: twigs and grass, a book: paper,
an omelette: eggs, a candle: wax, a tyre: rubber, a brick: clay, jam: fruit and sugar, a sandcastle: sand,
fog: tiny drops of water
""")
SEASONS_OF = pairs_of("""
do leaves fall: in autumn, does it snow: in winter, do flowers begin to bloom: in spring,
are the days long: in summer, is it hottest: in summer, do birds build nests: in spring,
do people make snowmen: in winter, can you see the stars: at night, does the sun rise: in the morning,
does the sun go down: in the evening, do people eat breakfast: in the morning, do owls hunt: at night,
are apples ripe: in autumn, do people sleep: at night, do people eat lunch: at noon
""")
CAPITALS = pairs_of("""
France: Paris, Italy: Rome, Spain: Madrid, Germany: Berlin, England: London, Japan: Tokyo, China: Beijing,
Russia: Moscow, Egypt: Cairo, Greece: Athens, Portugal: Lisbon, Austria: Vienna, Poland: Warsaw,
Norway: Oslo, Sweden: Stockholm, Ireland: Dublin, Canada: Ottawa, Mexico: Mexico City, India: New Delhi,
Kenya: Nairobi, Peru: Lima, Cuba: Havana, Finland: Helsinki, Denmark: Copenhagen, Hungary: Budapest,
Belgium: Brussels, Scotland: Edinburgh, Thailand: Bangkok
""")
# Each is of one kind only of those named here, so that a wrong kind can be denied.
KINDS = {
    "flower": "rose tulip daisy sunflower poppy lily daffodil",
    "fruit": "apple pear plum cherry banana strawberry peach lemon grape melon",
    "vegetable": "carrot potato onion cabbage cucumber pea bean",
    "bird": "sparrow robin owl eagle swan duck penguin crow parrot",
    "insect": "bee ant fly beetle butterfly wasp grasshopper",
    "tree": "oak birch willow pine maple",
    "tool": "hammer saw drill spade rake screwdriver",
    "musical instrument": "piano guitar flute violin drum trumpet harp",
    "vehicle": "car bus train lorry van tram",
    "piece of furniture": "table chair bed sofa desk cupboard shelf",
    "piece of clothing": "shirt coat hat sock dress jacket scarf",
    "drink": "lemonade coffee tea milk water juice",
    "colour": "red blue green yellow white black purple",
    "mammal": "dog cat horse cow whale elephant mouse bear lion",
    "fish": "shark trout salmon herring",
    "reptile": "snake lizard turtle crocodile",
}
NO_ARTICLE = {*KINDS["drink"].split(), *KINDS["colour"].split()}
SIZES = listed("ant bee mouse rabbit fox sheep horse elephant whale")
SPEEDS = listed("snail turtle hen dog horse cheetah")
MORE = (  # things by how much they have of something, and the word for it
    ("bigger", SIZES),
    ("faster", SPEEDS),
    ("heavier", listed("feather apple book chair piano lorry")),
    ("taller", listed("flower bush house tower mountain")),
)
DAYS = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = listed("January February March April May June July August September October November December")
SEASONS = listed("spring summer autumn winter")
WORDS = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
