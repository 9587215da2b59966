"""Which numbers of streams are tried, with a machine that carries as many as a test says."""

from typing import Any, Self

import pytest

from transcoder.lab.bench import capacity
from transcoder.lab.bench.load import CameraOptions, Sample


class _Machine:
    """Carries so many streams; `hiccups` of its first measurements fail whatever they are of."""

    def __init__(self, most: int, hiccups: int = 0) -> None:
        self.most = most
        self.hiccups = hiccups
        self.tried: list[int] = []

    def load(self, _side: object, cameras: CameraOptions, streams: int) -> "_Load":
        self.tried.append(streams)
        carried = streams <= self.most and len(self.tried) > self.hiccups
        return _Load(streams, cameras.fps, carried)


class _Load:
    def __init__(self, streams: int, fps: int, carried: bool) -> None:
        self._sample = Sample(
            streams=streams,
            fps=fps,
            seconds=1.0,
            cores=streams * 0.1,
            expected=100.0,
            pictures=(100 if carried else 50,) * streams,
            kbps=1.0,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def measure(self, _seconds: float) -> Sample:
        return self._sample


async def _most(machine: _Machine, monkeypatch: pytest.MonkeyPatch, **options: Any) -> int:
    monkeypatch.setattr(capacity, "Load", machine.load)
    monkeypatch.setattr("transcoder.lab.bench.capacity.os.cpu_count", lambda: 2)
    steps = [step async for step in capacity.grow(lambda: None, CameraOptions(), seconds=1.0, **options)]  # type: ignore[arg-type,return-value]  # no side is started
    return max((step.sample.streams for step in steps if step.carried), default=0)


@pytest.mark.parametrize("most", [1, 2, 3, 9, 16, 20])
async def test_the_most_is_found(most: int, monkeypatch: pytest.MonkeyPatch):
    machine = _Machine(most)
    assert await _most(machine, monkeypatch) == most
    assert len(machine.tried) <= 12


async def test_one_hiccup_at_the_start_is_not_the_answer(monkeypatch: pytest.MonkeyPatch):
    machine = _Machine(5, hiccups=1)
    assert await _most(machine, monkeypatch) == 5
    assert machine.tried[:2] == [1, 1]


async def test_a_machine_that_carries_none_is_asked_twice(monkeypatch: pytest.MonkeyPatch):
    machine = _Machine(0)
    assert await _most(machine, monkeypatch) == 0
    assert machine.tried == [1, 1]


async def test_a_first_number_that_is_too_large(monkeypatch: pytest.MonkeyPatch):
    machine = _Machine(3)
    assert await _most(machine, monkeypatch, first=8) == 3
