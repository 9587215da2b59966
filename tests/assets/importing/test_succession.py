"""Rows are refused whose successors nobody is, or that lead back to themselves, and those that name such rows."""

from typing import Any

from transcoder.assets.importing.succession import refused_successors


def refusals(known: dict[str, dict[str, Any]], **successors: str) -> dict[int, str]:
    """Return the reasons by line; the rows stand in lines 2, 3 and so on."""
    planned = {name: (line, {"successor": heir}) for line, (name, heir) in enumerate(successors.items(), 2)}
    return {each.line: each.reason for each in refused_successors(planned, known)}


def test_a_row_that_names_a_refused_row_is_refused_in_its_turn() -> None:
    assert refusals({}, older="old", old="nobody", other="") == {
        2: "successor: there is no asset 'old'",
        3: "successor: there is no asset 'nobody'",
    }


def test_a_circle_that_a_list_closes_is_refused_and_a_successor_that_stays_is_not() -> None:
    known = {"a": {"successor": "b"}, "b": {}, "lost": {"successor": "nobody"}}
    found = refusals(known, a="b", b="a", lost="nobody")
    assert found == {3: "successor: the asset would follow upon itself: b -> a -> b"}


def test_a_row_that_leads_into_a_circle_of_others_is_not_part_of_it() -> None:
    known = {"a": {"successor": "b"}, "b": {"successor": "a"}}
    assert refusals(known, c="a") == {}


def test_a_succession_has_an_end() -> None:
    long = {f"a{number}": f"a{number + 1}" for number in range(33)}
    assert "more than 32 assets" in refusals({"a33": {}}, **long)[2]
    assert refusals({"a33": {}}, **dict(list(long.items())[2:])) == {}
