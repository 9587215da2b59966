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
    assert len(free_id("x" * 63, {"x" * 63})) == 63
