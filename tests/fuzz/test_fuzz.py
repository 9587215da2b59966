"""Every target: its seeds, what was found before, and some hundred mutations, always the same."""

import random
from pathlib import Path

import pytest

from tests.fuzz.mutation import MAX_SIZE, Mutator
from tests.fuzz.seeds import FOUND, found
from tests.fuzz.targets import TARGETS

EXECUTIONS = 400


@pytest.mark.parametrize("name", TARGETS)
def test_only_documented_errors_escape(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    assert seeds
    for data in [*seeds, *found(name)]:
        target.run(data)
    mutator = Mutator(seeds, target.words, random.Random(name))
    for _ in range(EXECUTIONS):
        target.run(mutator.next_input())


def test_mutations_are_bounded_and_repeatable() -> None:
    def inputs() -> list[bytes]:
        mutator = Mutator([b"a=1\r\n", b"$\0\0\x01x"], [b"word"], random.Random(7))
        return [mutator.next_input() for _ in range(2000)]

    made = inputs()
    assert made == inputs()
    assert len(set(made)) > 1500
    assert max(map(len, made)) <= MAX_SIZE


def test_every_kept_input_belongs_to_a_target() -> None:
    assert {path.name for path in FOUND.iterdir() if path.is_dir()} <= set(TARGETS)


def test_a_fault_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz import __main__ as program
    from tests.fuzz.targets import Target

    def breaks(data: bytes) -> None:
        if b"\xff" in data:
            raise IndexError

    monkeypatch.setitem(TARGETS, "broken", Target(breaks, lambda: [b"abc"]))
    assert program.fuzz("broken", 500, 1, tmp_path) == 1
    (kept,) = (tmp_path / "broken").iterdir()
    assert b"\xff" in kept.read_bytes()
