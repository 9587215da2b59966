"""Mappings over each other."""

import pytest

from transcoder.config import changes, merge, without


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),
        ({"a": 5}, {"a": {"x": 1}}, {"a": {"x": 1}}),
    ],
)
def test_merge(below, above, expected) -> None:
    assert merge(below, above) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {}, {"a": None}),
        ({}, {"a": None}, {"a": None}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, {"a": {"y": 3}}),
        ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),
    ],
)
def test_changes(old, new, expected) -> None:
    assert changes(old, new) == expected


@pytest.mark.parametrize(
    ("keys", "changed", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 9}, {"b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 9}}, {"a": {"y": 2}}),
        ({"a": {"x": 1}}, {"a": {"x": 9}}, {}),
        ({"a": {"x": 1}}, {"a": None}, {}),
        ({"a": 1}, {"b": 1}, {"a": 1}),
    ],
)
def test_without(keys, changed, expected) -> None:
    assert without(keys, changed) == expected
