"""Names become ids; an id is never given twice."""

import re

import pytest

from transcoder.assets.importing.names import free_id, id_of
from transcoder.config.patterns import STREAM_ID_PATTERN


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Ingang Noord-Zijde (2)", "ingang-noord-zijde-2"),
        ("Café Zürich / Straße", "cafe-zurich-strasse"),
        ("Søndre Færge Å", "sondre-faerge-a"),
        ("Łódź", "lodz"),
        ("Площадь Ёлки", "ploshchad-elki"),
        ("ΑΘΗΝΑ", "athina"),
        ("摄像机", "camera"),
        ("  __  ", "camera"),
        ("cam_1", "cam_1"),
    ],
)
def test_a_name_becomes_an_id(name, wanted):
    assert id_of(name) == wanted


@pytest.mark.parametrize("name", ["x" * 200, "a-" * 100, "ß" * 40, "ŉ", "½ m", "İstanbul"])
def test_every_id_is_valid(name):
    assert re.fullmatch(STREAM_ID_PATTERN, id_of(name))
    assert re.fullmatch(STREAM_ID_PATTERN, free_id(id_of(name), {id_of(name)}))


def test_an_id_that_is_taken_gets_a_number():
    assert free_id("a", {"a", "a-2"}) == "a-3"
    assert free_id("a", set()) == "a"
    assert free_id("a", {"a", *(f"a-{number}" for number in range(2, 8))}) == "a-8"
    gaps = {"a", "a-2", "a-4", "a-5", "a-9"}
    assert free_id("a", gaps) not in gaps


def test_ten_thousand_of_one_name_are_told_apart_without_counting_for_each():
    class Counted(set[str]):
        asked = 0

        def __contains__(self, each: object) -> bool:
            self.asked += 1
            return super().__contains__(each)

    taken = Counted({"a", *(f"a-{number}" for number in range(2, 10_000))})
    assert free_id("a", taken) == "a-10000"
    assert taken.asked < 40


def test_an_id_with_a_number_is_no_longer_than_an_id_may_be():
    assert len(free_id("x" * 63, {"x" * 63})) == 63
