"""Which streams a neighbour table tells of."""

import asyncio

import pytest

import transcoder.service.neighbourhood as module
from transcoder.service.neighbourhood import Neighbourhood

TABLE = {
    "192.168.10.21": "44:19:b6:3f:5e:51",
    "192.168.10.22": "02:00:00:00:00:01",
    "192.168.10.23": "02:00:00:00:00:01",
    "fe80::2a": "c4:79:05:00:00:01",
}
ADDRESSES = {
    "front": "192.168.10.21",
    "front-sub": "192.168.10.21",
    "far": "192.168.10.22",  # a router answers for it: its MAC address stands for two
    "gone": "",
    "elsewhere": "10.0.0.7",
    "six": "fe80::2a",
}


def test_cameras_that_are_neighbours() -> None:
    found: list[tuple[str, str]] = []
    Neighbourhood(lambda: ADDRESSES, lambda *each: found.append(each)).take(TABLE)
    assert found == [
        ("front", "44:19:b6:3f:5e:51"),
        ("front-sub", "44:19:b6:3f:5e:51"),
        ("six", "c4:79:05:00:00:01"),
    ]


async def test_it_looks_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_S", 0.001)
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    monkeypatch.setattr(module, "neighbours", lambda: TABLE)
    found: list[str] = []
    task = asyncio.get_running_loop().create_task(
        Neighbourhood(lambda: {"front": "192.168.10.21"}, lambda stream, _: found.append(stream)).run()
    )
    async with asyncio.timeout(10):
        while len(found) < 3:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
