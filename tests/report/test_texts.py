"""Every language says the same, and no text promises what a gateway can't."""

import re
import string

import pytest

from transcoder.report.listing import listing
from transcoder.report.texts import LANGUAGES, Texts, catalogue


def flat(words, prefix=""):
    for key, value in words.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_the_same_values_in_its_texts(language):
    english, other = dict(flat(catalogue("en"))), dict(flat(catalogue(language)))
    assert english.keys() == other.keys()
    for key, text in english.items():
        if isinstance(text, list):
            assert len(text) == len(other[key]), key
        else:
            assert fields(text) == fields(other[key]), key


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_says_that_anything_complies(language):
    for key, text in flat(catalogue(language)):
        assert not re.search(r"(?i)complian|conform|voldoe", str(text)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_of_the_list_has_a_word(language):
    titles = Texts(language).group("column")
    assert [column for column in listing((), {}).figures[0].columns if column not in titles] == []


@pytest.mark.parametrize(
    ("language", "planned", "wanted"),
    [
        ("en", "2027-Q2", "in the second quarter of 2027"),
        ("en", "2027-06-01", "on 1 June 2027"),
        ("nl", "2027-Q4", "in het vierde kwartaal van 2027"),
        ("nl", "2027-03-31", "op 31 maart 2027"),
    ],
)
def test_a_plan_is_told_in_words(language, planned, wanted):
    assert Texts(language).plan(planned) == wanted


def test_numbers_are_written_as_the_language_writes_them():
    assert (Texts("en").number(1300), Texts("nl").number(1300)) == ("1,300", "1.300")
    assert Texts("nl").counted("sentence.behind", 1) == "staat er 1 achter de gateway"
    with pytest.raises(KeyError):
        Texts("en")("months")
