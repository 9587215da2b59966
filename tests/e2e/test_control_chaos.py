"""Many streams are added, changed and restarted while broker and service are killed; what was acknowledged holds."""

import asyncio
import itertools
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from tests.support.control_world import (
    BASE,
    FPS,
    KILL,
    PLAYING,
    Broker,
    Cameras,
    Client,
    Gateway,
    Listener,
    running,
    was_overloaded,
)
from tests.support.described_messages import assert_described

if TYPE_CHECKING:
    from tests.support.picture_readers import FfmpegReader

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SETTLE_S = 90.0
LOOP = 40 * FPS
"""Pictures of the cameras' footage, after which their numbers begin again."""


class Operator:
    """Sends commands until they are acknowledged, and remembers what was."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.acknowledged: dict[str, dict[str, Any]] = {}

    async def until_acknowledged(self, topic: str, payload: dict[str, Any]) -> dict[str, Any]:
        """An answer, however often it takes; a command whose answer was lost is simply given again."""
        for _ in range(100):
            try:
                async with Client(self._port) as client:
                    return await client.request(topic, payload, timeout_s=4)
            except (aiomqtt.MqttError, OSError, TimeoutError):
                await asyncio.sleep(0.2)
        raise AssertionError(f"{topic}: no answer")

    async def add(self, stream: str, url: str) -> None:
        answer = await self.until_acknowledged("cmd/add", {"id": stream, "source": url})
        assert answer["ok"] or answer["error"]["code"] == "exists", answer
        self.acknowledged[stream] = {"url": url}

    async def change(self, stream: str, **properties: Any) -> None:
        answer = await self.until_acknowledged(f"stream/{stream}/set", properties)
        assert answer["ok"], answer
        self.acknowledged[stream] |= properties

    async def restart(self, stream: str) -> None:
        answer = await self.until_acknowledged("cmd/restart", {"id": stream})
        assert answer["ok"], answer


class Reader:
    """Reads the stream that nobody touches, again after each end of the service."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self._gateway = gateway
        self._folder = folder
        self._reader: FfmpegReader | None = None
        self.runs: list[list[int]] = []

    def start(self) -> None:
        self._reader = self._gateway.picture_reader("untouched", self._folder).__enter__()
        self._reader.wait_for_pictures(1, 60)

    def stop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.__exit__(None, None, None)
            self.runs.append([picture.counter for picture in reader.pictures if picture.counter is not None])


def gaps(counters: list[int]) -> list[tuple[int, int]]:
    return [(earlier, later) for earlier, later in itertools.pairwise(counters) if later - earlier not in {1, 1 - LOOP}]


@pytest.mark.parametrize(
    ("count", "kills"),
    [
        pytest.param(3, ["broker", "service"], id="few"),
        pytest.param(20, ["service", "broker", "service", "broker", "service"], id="many", marks=pytest.mark.long),
    ],
)
async def test_what_was_acknowledged_holds(tmp_path: Path, state_dir: Path, count: int, kills: list[str]) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    broker, cameras = Broker(tmp_path), Cameras(tmp_path, count + 1)
    with running(broker, cameras):
        untouched = {"source": cameras.urls[0]}
        gateway = Gateway(tmp_path, state_dir / "numba", broker, {"untouched": untouched})
        with running(gateway):
            async with Listener(broker.port) as listener:
                await listener.wait_for(f"{BASE}/status", b"online")
                reader = Reader(gateway, tmp_path)
                await asyncio.to_thread(reader.start)
                operator = Operator(broker.port)
                work = asyncio.create_task(steer(operator, cameras.urls[1:], rng))
                for kill in kills:
                    await asyncio.sleep(rng.uniform(0.5, 3.0) * (1 if count < 10 else 3))
                    if kill == "broker":
                        await asyncio.to_thread(broker.end, KILL)
                        await asyncio.to_thread(broker.start)
                    else:
                        await asyncio.to_thread(reader.stop)
                        await asyncio.to_thread(gateway.end, KILL)
                        await asyncio.to_thread(gateway.start)
                        await asyncio.to_thread(reader.start)
                await work
                # the last reader sees changes that no kill disturbs
                for stream in list(operator.acknowledged):
                    await operator.change(stream, fps=rng.choice([2, 3, 4]), bitrate_kbps=rng.randrange(100, 900))
                await asyncio.sleep(3)
                await asyncio.to_thread(reader.stop)

                assert len(operator.acknowledged) == count
                found = await asyncio.to_thread(gateway.streams)
                assert set(found) == {"untouched", *operator.acknowledged}
                for stream, wanted in operator.acknowledged.items():
                    config = found[stream]["config"]
                    assert config["source"]["url"] == wanted["url"]
                    assert {key: config["video"][key] for key in wanted if key != "url"} == {
                        key: value for key, value in wanted.items() if key != "url"
                    }
                    for key in ("fps", "bitrate_kbps"):
                        await listener.wait_for(f"{BASE}/stream/{stream}/{key}/state", str(wanted[key]).encode())
                for stream in found:
                    await listener.wait_for(f"{BASE}/stream/{stream}/status", *PLAYING, timeout_s=SETTLE_S)
                print([len(run) for run in reader.runs])
                assert len(reader.runs) == kills.count("service") + 1
                for run in reader.runs:
                    assert gaps(run) == [] or was_overloaded(gateway)
                assert len(reader.runs[-1]) > FPS
                assert_described(listener)
    assert gateway.run("audit", "verify").returncode == 0


async def steer(operator: Operator, urls: list[str], rng: random.Random) -> None:
    for index, url in enumerate(urls):
        await operator.add(f"cam{index}", url)
    streams = list(operator.acknowledged)
    for stream in streams:
        await operator.change(stream, bitrate_kbps=rng.randrange(100, 900))
        await operator.change(stream, fps=rng.choice([1, 2, 3, 4, 5]))
    for stream in streams[::2]:
        await operator.restart(stream)
