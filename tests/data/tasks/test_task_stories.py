"""The made-up stories: told in good order, about what was asked for, with pronouns that fit."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.data.tasks.catalogue import open_task
from nanochat.data.tasks.stories import ABOUT, ANY, MOST_WORDS, Story, content, introduced, tell, wish_for
from nanochat.data.tasks.story_plot import Plot
from nanochat.data.tasks.story_plots import all_plots
from nanochat.data.tasks.story_world import BOYS, GIRLS, GROUPS, HE_ANIMALS, SHE_ANIMALS, THINGS
from nanochat.tokenizer.chat import check_conversation, render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer

PLOTS = all_plots()
EACH = 40  # tellings of each plot that are looked at
CONTEXT = 512
# Behind speech, a small letter goes on: "Yes," she said. "No!" said Tom.
AFTER_SPEECH = re.compile(
    r'[?!]" (?:he|she|it|they|said|asked|called|shouted|whispered|thought|cried|somebody|meant|everybody)\b'
)
SHE, HE = re.compile(r"\b(?:she|her|herself)\b", re.I), re.compile(r"\b(?:he|him|his|himself)\b", re.I)


@pytest.fixture(scope="module")
def told() -> list[Story]:
    return [tell(random.Random(f"{plot.name}/{number}"), (plot,)) for plot in PLOTS for number in range(EACH)]


def test_there_are_many_plots_and_each_has_a_name_of_its_own():
    assert len(PLOTS) >= 60
    assert len({plot.name for plot in PLOTS}) == len(PLOTS)
    for plot in PLOTS:
        assert 4 <= len(plot.steps) <= 10
        assert plot.topics
        assert sum(len(step) > 1 for step in plot.steps) >= 3, plot.name


def test_every_plot_is_told_sometime():
    met = Counter(tell(random.Random(number)).plot.name for number in range(3_000))
    assert set(met) == {plot.name for plot in PLOTS}


def test_stories_hardly_ever_come_twice():
    texts = {tell(random.Random(number)).text for number in range(5_000)}
    assert len(texts) > 0.99 * 5_000


def test_the_same_chance_tells_the_same_story():
    assert tell(random.Random("a")) == tell(random.Random("a"))
    assert tell(random.Random("a")).text != tell(random.Random("b")).text


def test_a_story_is_good_english_on_its_face(told):
    for story in told:
        text = story.text
        assert text.isascii()
        assert not re.search(r"[{}|_]|  |\s[.,!?]", text), text
        assert text[0].isupper()
        assert re.search(r'[.!?]"?$', text), text
        assert text.count('"') % 2 == 0, text
        assert not re.search(r"\ba [aeio]", text), text
        assert not re.search(r"\ban (?!hour)[^aeiou]", text), text
        assert not re.search(r"\b(\w+) \1\b", text), text
        begun = AFTER_SPEECH.sub("", text)
        assert not re.search(r'[.!?]"? [a-z]', begun), text


def test_a_story_is_short(told):
    lengths = [len(story.text.split()) for story in told]
    assert min(lengths) > 35
    assert max(lengths) <= MOST_WORDS
    assert all(4 <= len(re.findall(r'[.!?]"?(?: |$)', story.text)) <= 18 for story in told)


def test_the_hero_is_named_and_is_what_was_said(told):
    for story in told:
        assert re.search(rf"\b{story.words['name']}\b", story.text)
        assert re.search(rf"\b{story.words['kind']}\b", story.text), story.text


def test_pronouns_fit_those_who_are_there(told):
    """`she` needs a girl, `he` a boy: the hero, or the friend where there is one."""
    for story in told:
        hero = story.words["he"]
        there = {hero}
        if story.words["friend"] in story.text:
            there.add("he" if hero == "she" else "she")
        text = re.sub(r'"[^"]*"', "", story.text)  # in speech, someone else may be spoken of
        for pronoun, pattern in (("she", SHE), ("he", HE)):
            assert not pattern.search(text) or pronoun in there, (story.plot.name, text)


def test_names_have_one_gender():
    assert not {*GIRLS, *SHE_ANIMALS} & {*BOYS, *HE_ANIMALS}
    for names in (GIRLS, BOYS, SHE_ANIMALS, HE_ANIMALS):
        assert len(set(names)) == len(names)
    for word in (name for names in (GIRLS, BOYS, SHE_ANIMALS, HE_ANIMALS) for name in names):
        assert re.fullmatch("[A-Z][a-z]+", word)


def test_the_friend_is_another_than_the_hero(told):
    for story in told:
        assert story.words["friend"] != story.words["name"]
        assert story.words["fkind"] != story.words["kind"]


def test_a_friend_is_introduced():
    assert introduced("{intro} {friend} sang.") == "{intro} {A_friend} sang."
    assert introduced('"Yes," said {friend}. {friend} sang.') == '"Yes," said {a_friend}. {friend} sang.'
    assert introduced('"Hello, {friend}," said {name}.') == '"Hello, {friend}," said {name}.'
    for words in (
        "{He} met {a_friend}. {friend} sang.",
        "{His} friend {friend} sang. {friend} sat.",
        "{name} sat.",
    ):
        assert introduced(words) == words


def test_every_kind_of_hero_can_be_met():
    groups = {one for plot in PLOTS for one in plot.heroes}
    assert set(GROUPS) <= groups
    for plot in PLOTS:
        for one in plot.heroes:
            assert one in GROUPS or one.isalpha()


@given(st.integers(), st.sampled_from(PLOTS))
@settings(deadline=None, max_examples=300)
def test_what_was_asked_for_occurs(seed: int, plot: Plot):
    chance = random.Random(f"wish/{seed}")
    story = tell(chance, (plot,))
    wish = wish_for(chance, story)
    assert content(wish.partition(" who ")[0]) <= content(story.text)
    assert not re.search(r"[{}]|\ba [aeio]", wish)


def test_every_topic_is_asked_for_sometime():
    """A topic that the story need not tell of would never be asked for."""
    for plot in PLOTS:
        wishes = set()
        for number in range(150):
            chance = random.Random(f"topic/{plot.name}/{number}")
            wishes.add(wish_for(chance, tell(chance, (plot,))))
        assert any(" and " in wish for wish in wishes), plot.name
        for topic in plot.topics:
            pattern = re.sub(r"\\\{[^}]*\\\}", ".+", re.escape(topic))
            assert any(re.search(pattern, wish) for wish in wishes), (plot.name, topic)


@given(st.integers())
@settings(deadline=None, max_examples=100)
def test_any_seed_tells_a_story(seed: int):
    story = tell(random.Random(str(seed)))
    assert 30 < len(story.text.split()) <= MOST_WORDS


def test_words_for_things_are_plain():
    for key, words in THINGS.items():
        assert len(set(words)) == len(words) or key == "parent"
        assert all(re.fullmatch("[A-Za-z ]+", word) for word in words), key


# ---- the task ----


def test_the_conversations():
    tokenizer = FastTokenizer.of(sample_tokenizer())
    task = open_task("stories")
    turns = Counter()
    for number in range(400):
        messages = check_conversation(task[number].conversation)
        turns[len(messages)] += 1
        assert messages[-1]["role"] == "assistant"
        ids, _ = render_conversation(tokenizer, task[number].conversation)
        if len(messages) == 2:
            assert len(ids) < CONTEXT
    assert set(turns) == {2, 4}
    assert 20 < turns[4] < 120


def test_there_are_many_ways_to_ask_and_no_wish_on_both_sides():
    assert len({*ABOUT, *ANY}) > 40
    asked = [
        {task[number].question["messages"][0]["content"].lower() for number in range(700)}
        for task in (open_task("stories", "train"), open_task("stories", "test"))
    ]
    assert not asked[0] & asked[1]
    assert "tell me a story." in asked[0]
    assert len(asked[0]) > 500


def test_an_example_does_not_depend_on_what_was_asked_before():
    one, other = open_task("stories"), open_task("stories")
    forward = [one[number] for number in range(20)]
    assert [other[number] for number in reversed(range(20))] == forward[::-1]
