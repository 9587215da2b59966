"""Mutated streams of all four codecs, through real workers in their sandboxes: nothing but their own worker notices."""

from pathlib import Path

import pytest

from tests.fuzz.streams import SOURCE_CODECS, run


@pytest.mark.parametrize("split", [False, True], ids=["one process", "two processes"])
@pytest.mark.parametrize(
    "count",
    [
        pytest.param(40, marks=pytest.mark.process),
        pytest.param(2500, marks=[pytest.mark.process, pytest.mark.long, pytest.mark.timeout(1800)]),
    ],
)
async def test_mutated_streams_cost_their_own_worker_at_most(tmp_path: Path, count: int, split: bool) -> None:
    """The control is in it: a worker that died had a stream that did harm, and the clean pictures come after it."""
    results, neighbour = await run(count, seed=count, folder=tmp_path, split=split)
    assert {name: counts.streams for name, counts in results.items()} == {codec.value: count for codec in SOURCE_CODECS}
    assert {name: counts.stuck for name, counts in results.items() if counts.stuck} == {}
    assert neighbour.deaths == []
    assert neighbour.fed > 0
    assert neighbour.lost == 0 or neighbour.left_out
