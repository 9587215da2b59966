"""A viewer over HTTP: pictures of the camera, as a file and as messages, an end by an operator and by another size."""

import asyncio
import io
import itertools
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import av
import pytest
from websockets.asyncio.client import connect

from tests.e2e.test_supervision import camera, content
from tests.support.gateway_process import GatewayProcess
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.counter import read_counter

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("supervision")]

__all__ = ["content"]
SIZE = (180, 320)


def counters(data: bytes) -> list[int | None]:
    with av.open(io.BytesIO(data), "r") as container:
        frames: list[Any] = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return [read_counter(frame, SIZE) for frame in frames]


def read_answer(url: str, is_enough: Callable[[bytes], bool]) -> bytes:
    data = b""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  # of our own gateway
        while not is_enough(data) and (part := answer.read1(1 << 16)):
            data += part
    return data[: data.rindex(b"moof") - 4]


async def test_a_stream_is_seen_live(content: Content, standing_gateway: GatewayProcess) -> None:
    gateway = standing_gateway
    async with camera(content) as source:
        keys = {"source": source.url, "renditions": {"sub": {"size": "160x90", "on_demand": True}}}
        with gateway.serving("front", keys):
            await asyncio.to_thread(gateway.wait_for_worker, "front", 30.0)
            base = f"{gateway._api}/api/v1"

            def ask(path: str, method: str = "GET") -> Any:
                request = urllib.request.Request(f"{base}/{path}", method=method)  # noqa: S310  # of our own gateway
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # of our own gateway
                    return json.loads(answer.read() or b"null")

            async def shown(socket: Any, count: int) -> bytes:
                data = b""
                while count:
                    message = await asyncio.wait_for(socket.recv(), 30)
                    if isinstance(message, bytes):
                        data += message
                        count -= message[4:8] == b"moof"
                return data

            # pictures of the camera, one after the other
            live = f"{base}/streams/front/live.mp4"
            data = await asyncio.to_thread(read_answer, live, lambda data: data.count(b"moof") > 30)
            seen = [number for number in counters(data) if number is not None]
            assert len(seen) > 5, "the camera is shown, not a slate"
            assert all(later != earlier for earlier, later in itertools.pairwise(seen))

            # a rendition that sleeps is woken, and the session is a reader's until an operator ends it
            url = base.replace("http", "ws", 1) + "/streams/front/renditions/sub/live"
            async with connect(url, max_size=None) as socket:
                data = await shown(socket, 10)
                with av.open(io.BytesIO(data), "r") as container:
                    assert container.streams.video[0].width == 160
                [session] = (await asyncio.to_thread(ask, "sessions?stream=front"))["sessions"]
                assert (session["path"], session["transport"], session["playing"]) == ("front/sub", "web", True)
                assert session["bytes"] > 0
                await asyncio.to_thread(ask, f"sessions/{session['id']}", "DELETE")
                await asyncio.wait_for(socket.wait_closed(), 10)
                assert socket.close_code == 4410
            assert (await asyncio.to_thread(ask, "sessions?stream=front"))["ended"][0]["reason"] == "operator"

            # another size ends it with the word to connect again, and then it has that size
            async with connect(f"{base.replace('http', 'ws', 1)}/streams/front/live", max_size=None) as socket:
                await shown(socket, 2)
                await asyncio.to_thread(gateway.change, "front", {"video": {"size": "160x90"}})
                await asyncio.wait_for(socket.wait_closed(), 20)
                assert socket.close_code == 4409
            data = await asyncio.to_thread(read_answer, live, lambda data: data.count(b"moof") > 3)
            with av.open(io.BytesIO(data), "r") as container:
                assert container.streams.video[0].width == 160
