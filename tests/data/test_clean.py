"""Cleaning and cutting: artefacts go, text stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.data.classics import clean_speech, parts_of_play
from nanochat.data.clean import cut, digest, tidy, without_frame

PARAGRAPHS = st.lists(st.text("ab .\n", min_size=0, max_size=60), max_size=30).map("\n\n".join)


def letters(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(PARAGRAPHS, st.integers(1, 80))
def test_cutting_loses_nothing_but_space(text, piece):
    pieces = cut(text, piece)
    assert letters("".join(pieces)) == letters(text)
    assert all(one == one.strip() and one for one in pieces)


@given(PARAGRAPHS, st.integers(10, 80))
def test_no_piece_is_much_longer_than_asked(text, piece):
    assert all(len(one) <= 2 * piece + 1 for one in cut(text, piece))


def test_cuts_fall_between_paragraphs_where_there_are_any():
    paragraphs = [f"Paragraph {number}. " + "word " * 30 for number in range(40)]
    text = "\n\n".join(one.strip() for one in paragraphs)
    for piece in cut(text, 1000):
        assert piece.startswith("Paragraph")
        assert piece.endswith("word")


@given(st.text())
def test_tidy_twice_is_tidy_once(text):
    assert tidy(tidy(text)) == tidy(text)


def test_tidy_leaves_verse_and_spelling():
    verse = "  Thou art thy mother's glass--and she in thee\n\tCalls back the “lovely” April;"
    assert tidy(verse) == verse.strip()


def test_a_book_of_project_gutenberg():
    book = (
        "The Project Gutenberg EBook of Tales\n\nLicence above.\n\n"
        "*** START OF THIS PROJECT GUTENBERG EBOOK TALES ***\n\n"
        "Call me Ishmael.\n\n[Page 7]\n\nSome years ago.\n\n"
        "*** END OF THIS PROJECT GUTENBERG EBOOK TALES ***\nLicence below."
    )
    assert tidy(without_frame(book)) == "Call me Ishmael.\n\nSome years ago."
    plain = "No frame. Page 7 of the book says: *** start ***"
    assert without_frame(plain) == plain


def test_digest_sees_through_case_and_punctuation_only():
    assert digest("“Call me—Ishmael”") == digest("call ME\n\nishmael!")
    assert digest("Call me Ishmael") != digest("Call me Ishmaela")
    assert digest("\ud800") == digest("\ud800")


@pytest.mark.parametrize(
    ("spoken", "clean"),
    [
        ("Thank you. [Applause] Sit down. [laughter]", "Thank you. Sit down."),
        ("as I said [see APP Note] before", "as I said before"),
        ("a total of $ 12 ...... ...... 7", "a total of $ 12 ... 7"),
        ("Totals\n 1,234 $ 5.6\nare high", "Totals\nare high"),
        ("He [the envoy] came", "He [the envoy] came"),
    ],
)
def test_notes_of_those_who_wrote_a_speech_down(spoken, clean):
    assert clean_speech(spoken) == clean


def test_a_play_without_its_persons_in_scenes():
    long = "Long speech. " * 30
    play = (
        "KING JOHN\n\nby William Shakespeare\n\n\nPERSONS REPRESENTED\n\nKING JOHN.\n\nSCENE.--England.\n\n"
        f"ACT I.\n\nSCENE I. A room.\n\nJOHN.\n{long}\n\n"
        f"Scene 2. The same.\n\nJOHN.\n{long}\n\nEPILOGUE\n\n{long}"
    )
    parts = parts_of_play(play)
    assert [part[:20].replace("\n", " ") for part in parts] == [
        "ACT I.  SCENE I. A r",
        "Scene 2. The same.  ",
        "EPILOGUE  Long speec",
    ]
    assert "PERSONS" not in "".join(parts)
