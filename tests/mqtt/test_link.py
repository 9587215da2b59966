"""The connection to brokers that are no good."""

import asyncio
import itertools
from collections.abc import Callable

from transcoder.config import MqttConfig
from transcoder.control import InfoDocument, StatsDocument
from transcoder.control.events import Events
from transcoder.mqtt import link
from transcoder.mqtt.link import MqttLink


class Empty:
    """A gateway without streams."""

    def __init__(self) -> None:
        self.source = Events()

    def events(self, after=None):
        return self.source.listen(after)

    def ids(self):
        return []

    def info(self):
        return InfoDocument(version="1", node="n", rtsp_port=1, started="")

    def stats(self):
        return StatsDocument(
            uptime_s=0, streams=0, online=0, readers=0, fps_in=0, fps_out=0, kbps_in=0, kbps_out=0, cpu=0, sanitized=0
        )


async def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_broker_that_speaks_3_1_1_only() -> None:
    versions: list[int] = []
    published: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (first := await reader.read(1)) != b"":
            length, shift = 0, 0
            while True:  # MQTT 3.1.1, 2.2.3
                byte = (await reader.readexactly(1))[0]
                length |= (byte & 127) << shift
                shift += 7
                if not byte & 128:
                    break
            body = await reader.readexactly(length)
            kind = first[0] >> 4
            if kind == 1:
                versions.append(body[6])
                writer.write(b"\x20\x02\x00" + (b"\x00" if body[6] == 4 else b"\x01"))
                if body[6] != 4:
                    break
            elif kind == 8:
                writer.write(b"\x90\x03" + body[:2] + b"\x01")
            elif kind == 3:
                size = int.from_bytes(body[:2], "big")
                published.append(body[2 : 2 + size])
                if first[0] & 6:
                    writer.write(b"\x40\x02" + body[2 + size : 4 + size])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = MqttLink(Empty(), MqttConfig(url=f"mqtt://127.0.0.1:{port}"), "n")  # type: ignore[arg-type]
    made.start()
    try:
        await until(lambda: b"transcoder/n/status" in published)
        assert versions == [5, 4]
        assert published.index(b"transcoder/n/info") < published.index(b"transcoder/n/status")
    finally:
        await made.stop()
        server.close()
    assert published[-1] == b"transcoder/n/status"


async def test_tries_are_spread_and_become_seldom(monkeypatch) -> None:
    tries: list[float] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(link, "FIRST_DELAY_S", 0.1)
    monkeypatch.setattr(link, "MAX_DELAY_S", 0.4)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tries.append(loop.time())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = MqttLink(Empty(), MqttConfig(url=f"mqtt://127.0.0.1:{port}"), "n")  # type: ignore[arg-type]
    monkeypatch.setattr(link, "TIMEOUT_S", 0.05)
    made.start()
    try:
        await until(lambda: len(tries) >= 5)
    finally:
        await made.stop()
        server.close()
    steps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert steps[0] >= 0.05
    assert max(steps[2:]) >= 0.2


async def test_events_wait_for_a_broker_bounded_and_nobody_waits_for_it() -> None:
    control = Empty()
    made = MqttLink(control, MqttConfig(url="mqtt://127.0.0.1:1"), "n")  # type: ignore[arg-type]
    made.start()
    for number in range(2000):
        control.source.publish("config_reloaded")
        if number % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert 0 < len(made._outbox) <= 512
    assert not made.connected
    await asyncio.wait_for(made.stop(), 5)
