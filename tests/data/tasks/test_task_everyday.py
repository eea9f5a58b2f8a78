"""What everybody knows, and small talk: facts are right, and nothing is claimed that a program has not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.data.tasks.catalogue import open_task
from nanochat.data.tasks.everyday import HELLO, THANKS, key_of, topics
from nanochat.data.tasks.everyday_facts import all_facts
from nanochat.data.tasks.everyday_fun import FEELINGS, JOKES, KNOWLEDGE, POEMS, RIDDLES
from nanochat.data.tasks.everyday_tables import (
    BABIES,
    COUNTS,
    DAYS,
    HOMES,
    KINDS,
    MONTHS,
    MORE,
    OPPOSITES,
    PASTS,
    PLURALS,
    SOUNDS,
    USES,
    WORDS,
    pairs_of,
)  # fmt: skip
from nanochat.data.tasks.everyday_talk import TALK, all_talk
from nanochat.data.tasks.identity import ANSWERS
from nanochat.data.tasks.numbered import is_test
from nanochat.tokenizer.chat import check_conversation, render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer

FACTS = dict(all_facts())
# What a program has not: none of these may be said in the first person.
LIFE = re.compile(
    r"\bI (?:eat|ate|sleep|slept|love|hate|feel|see|hear|was born|went|walk|smell|taste|dream)\b"
    r"|\bmy (?:favou?rite|mother|father|friend|body|eyes|house|brother|sister)\b",
    re.I,
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the opposite of hot?", "The opposite of hot is cold."),
        ("What is the opposite of short?", "The opposite of short is long."),
        ("What is the plural of mouse?", "The plural of mouse is mice."),
        ("What is the past tense of go?", "The past tense of go is went."),
        ("What colour is the sky?", "The sky is blue."),
        ("What does a cow say?", "A cow says moo."),
        ("Where does a bee live?", "A bee lives in a hive."),
        ("What is a baby dog called?", "A baby dog is called a puppy."),
        ("What comes after Tuesday?", "Wednesday comes after Tuesday."),
        ("What comes after Sunday?", "Monday comes after Sunday."),
        ("What comes before January?", "December comes before January."),
        ("What comes after seven?", "Eight comes after seven."),
        ("Count to five.", "One, two, three, four, five."),
        ("Is a rose a flower?", "Yes, a rose is a flower."),
        ("Which is bigger, a mouse or a horse?", "A horse is bigger than a mouse."),
        ("Is a mouse bigger than a horse?", "No, a horse is bigger."),
        ("What is a spoon for?", "A spoon is for eating soup."),
        ("How many wheels does a car have?", "A car has four wheels."),
        ("Where do people buy bread?", "People buy bread at a bakery."),
        ("What is the capital of France?", "The capital of France is Paris."),
        ("When does it snow?", "In winter."),
    ],
)
def test_some_facts(question, answer):
    assert FACTS[question] == answer


def test_tables_name_each_thing_once():
    for table in (OPPOSITES, PLURALS, PASTS, SOUNDS, HOMES, BABIES, USES, COUNTS):
        names = [first for first, _ in table]
        assert len(set(names)) == len(names)
        assert len(names) > 20
    members = [member for words in KINDS.values() for member in words.split()]
    assert len(set(members)) == len(members)  # else `Is an orange a colour?` would be denied
    assert len(DAYS) == 7
    assert len(MONTHS) == len(set(MONTHS)) == 12
    assert WORDS[20] == "twenty"
    for _, things in MORE:
        assert len(set(things)) == len(things)


def test_a_pair_of_opposites_is_not_denied_elsewhere():
    for first, second in OPPOSITES:
        assert first != second
        assert FACTS[f"What is the opposite of {first}?"] == f"The opposite of {first} is {second}."


def test_numbers_are_compared_rightly():
    found = 0
    for question, answer in FACTS.items():
        numbers = [int(one) for one in re.findall(r"\d+", question)]
        if re.match(r"Which (?:number )?is (?:bigger|smaller), \d", question):
            right = max(numbers) if "bigger" in question else min(numbers)
            assert answer.startswith(f"{right} is ")
            found += 1
    assert found > 200


def test_facts_that_compare_things_agree_with_each_other():
    for question, answer in FACTS.items():
        if asked := re.fullmatch(r"Is (.+) (bigger|faster|heavier|taller) than (.+)\?", question):
            first, word, second = asked.groups()
            turned = FACTS[f"Is {second} {word} than {first}?"]
            assert answer.split()[0] != turned.split()[0]
            assert answer.split(maxsplit=1)[1] == turned.split(maxsplit=1)[1]


def test_texts_are_plain():
    texts = [*FACTS, *FACTS.values(), *JOKES, *RIDDLES, *KNOWLEDGE, *POEMS.values()]
    texts += [text for answers, questions in TALK for text in (*answers, *questions.split("|"))]
    texts += [text for answers in FEELINGS.values() for text in answers]
    for text in texts:
        assert text.isascii()
        assert not re.search(r"[{}_]|  ", text), text
        assert not re.search(r"\b[Aa] (?!uni|use)[aeio]", text), text
        assert text.strip() == text != ""
    for answer in (*FACTS.values(), *JOKES, *RIDDLES, *KNOWLEDGE, *POEMS.values()):
        assert re.search(r"[.!?]$", answer), answer


def test_there_is_enough_to_laugh_about():
    assert len(set(JOKES)) == len(JOKES) >= 30
    assert all(joke.count("?") == 1 for joke in JOKES)
    assert len(set(RIDDLES)) == len(RIDDLES) >= 10


def test_nothing_is_claimed_that_a_program_has_not():
    said = [answer for answers, _ in TALK for answer in answers]
    said += [answer for answers in FEELINGS.values() for answer in answers]
    assert not [answer for answer in said if LIFE.search(answer)]


def test_what_the_model_says_of_itself_is_left_to_the_task_identity():
    own = {key_of(question) for questions in ANSWERS.values() for question in questions}
    assert not own & set(topics())


def test_no_question_is_on_both_sides():
    asked = []
    for split in ("train", "test"):
        task = open_task("everyday", split)
        asked.append(
            {
                key_of(message["content"])
                for number in range(len(task))
                for message in task[number].conversation["messages"][::2]
            }
        )
    assert not asked[0] & asked[1]
    assert asked[0] | asked[1] == set(topics())
    assert 0.07 < len(asked[1]) / len(topics()) < 0.13


def test_most_facts_of_the_test_are_known_from_training():
    """The answer to a question of the test is also the answer to one of training."""
    known = {answer for question, answer in FACTS.items() if not is_test(key_of(question))}
    asked = [answer for question, answer in FACTS.items() if is_test(key_of(question))]
    assert sum(answer in known for answer in asked) > 0.6 * len(asked)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=200)
def test_conversations_answer_each_question_rightly(number: int):
    task = open_task("everyday")
    messages = check_conversation(task[number].conversation)
    assert len(messages) in (2, 4, 6)
    for question, answer in zip(messages[::2], messages[1::2], strict=True):
        assert answer["content"] in topics()[key_of(question["content"])].answers
    ids, mask = render_conversation(FastTokenizer.of(sample_tokenizer()), {"messages": messages})
    assert len(ids) < 512
    assert sum(mask) >= 2


def test_some_talks_are_longer_and_begin_or_end_as_talks_do():
    task = open_task("everyday")
    talks = [task[number].conversation["messages"] for number in range(2_000)]
    longer = [talk for talk in talks if len(talk) > 2]
    assert 0.2 < len(longer) / len(talks) < 0.4
    assert any(key_of(talk[0]["content"]) in HELLO for talk in longer)
    assert any(key_of(talk[-2]["content"]) in THANKS for talk in longer)
    assert {*HELLO, *THANKS} <= set(topics())


def test_an_example_does_not_depend_on_what_was_asked_before():
    one, other = open_task("everyday"), open_task("everyday")
    forward = [one[number] for number in range(30)]
    assert [other[number] for number in reversed(range(30))] == forward[::-1]


def test_pairs_of_a_table():
    assert pairs_of("a: b, c d: e f,\ng: h") == [("a", "b"), ("c d", "e f"), ("g", "h")]
    assert len(dict(all_talk())) > 400
