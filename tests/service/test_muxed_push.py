"""A push by a process of its own: what the process gets, and what is told of it."""

import asyncio
import os
import re
import signal
import socket
from typing import Any

import pytest

from tests.net.test_rtsp_push import push_options
from tests.support.outputs import IDR_SLICE, OTHER_SLICE, PPS, SPS
from tests.support.served import Stream
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.errors import ConnectionRefused, TransportError
from transcoder.ipc.push_messages import PushKind, PushParser, PushUnit
from transcoder.net.push_options import PushOptions
from transcoder.net.rtsp_push import RtspPush
from transcoder.output.fanout import Fanout
from transcoder.rtp.sender import prepare
from transcoder.service import muxed_push
from transcoder.service.muxed_push import MuxedPush, UnitOutlet, UnitTrack, knock
from transcoder.service.push_ways import make_way
from transcoder.url import split_url

PORTS = {"rtmp": 1935, "udp": 0}
SPROP = "Z01ADOygsN0IAAADAAgAAAMA8HihTLA=,aOvjyyA="
SDP = (
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    f"a=fmtp:96 packetization-mode=1;profile-level-id=4D400C;sprop-parameter-sets={SPROP}\r\na=control:trackID=0\r\n"
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=control:trackID=1\r\n"
).encode()


class Described(Stream):
    async def describe(self, address: str, *, audio: bool = True) -> bytes:
        return SDP


class Pipe:
    """The socket to a process."""

    def __init__(self) -> None:
        self.parser = PushParser()

    def write(self, data: bytes) -> None:
        self.parser.receive_data(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def units(self) -> list[PushUnit]:
        found = []
        while (unit := self.parser.next_unit()) is not None:
            found.append(unit)
        return found


def options(url: str, **changes: Any) -> PushOptions:
    made = push_options("rtsp://x/", **changes)
    return PushOptions(
        url=split_url(url, PORTS), rendition="main", allowed=made.allowed, is_own=made.is_own,
        stream_key=made.stream_key,
    )  # fmt: skip


def test_the_scheme_decides_the_way() -> None:
    async def made(url: str) -> object:
        return make_way(options(url) if url.startswith(("rtmp", "udp")) else push_options(url), Stream(), lambda: None)

    kinds = [type(asyncio.run(made(url))) for url in ("rtsp://a/", "rtsps://a/", "rtmp://a/b/c", "udp://a:5")]
    assert kinds == [RtspPush, RtspPush, MuxedPush, MuxedPush]


async def test_the_head_has_the_parameter_sets_and_no_name_that_could_change() -> None:
    push = MuxedPush(options("rtmp://tube.example/live", stream_key="k3y"), Described(), lambda: None)
    head = await push._head("flv", push._rtmp_url("2001:db8::7"))
    assert head.url == "rtmp://[2001:db8::7]:1935/live/k3y"
    assert (head.codec, head.parameter_sets, head.audio_rate, head.port) == (Codec.H264, (SPS, PPS), 16000, 1935)
    in_path = MuxedPush(options("rtmp://tube.example:1936/live/k3y?a=b"), Described(), lambda: None)
    assert in_path._rtmp_url("192.0.2.9") == "rtmp://192.0.2.9:1936/live/k3y?a=b"


def test_times_count_from_the_begin_and_go_on_where_stamps_start_anew() -> None:
    pipe = Pipe()
    fanout = Fanout("host", lambda: None)
    track = UnitTrack(
        outlet=UnitOutlet(pipe),  # type: ignore[arg-type]
        sender=fanout.new_sender(5.0), kind=PushKind.VIDEO, rate=VIDEO_CLOCK_RATE, last=0xFFFF_FF00,
    )  # fmt: skip
    first = prepare(Codec.H264, [SPS, PPS, IDR_SLICE], 0xFFFF_FF00, random_access=True)
    second = prepare(Codec.H264, [OTHER_SLICE], 0xFFFF_FF00 + 9000, random_access=False)
    assert track.send(first) == sum(4 + len(unit) for unit in (SPS, PPS, IDR_SLICE))
    track.send(second)
    start = b"\0\0\0\1"
    assert pipe.units() == [
        PushUnit(kind=PushKind.VIDEO, body=start + SPS + start + PPS + start + IDR_SLICE, random_access=True),
        PushUnit(kind=PushKind.VIDEO, body=start + OTHER_SLICE, pts=9000),
    ]


# -- UDP ---------------------------------------------------------------------------------------------------------------


async def test_a_port_at_which_nobody_listens_costs_no_process() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    push = MuxedPush(options(f"udp://127.0.0.1:{port}"), Described(), lambda: None)
    with pytest.raises(ConnectionRefused, match=f"nobody listens at UDP port {port}"):
        await push.run()


async def test_a_listener_is_sent_a_packet_that_it_passes_over() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with await knock(*sock.getsockname()):
            packet = sock.recv(2000)
    assert (len(packet), packet[:4]) == (188, b"\x47\x1f\xff\x10")  # PID 0x1FFF (ISO/IEC 13818-1 table 2-3)


# -- with the process --------------------------------------------------------------------------------------------------


class Sent:
    """A push to a UDP port of this test."""

    def __init__(self) -> None:
        self.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target.bind(("127.0.0.1", 0))
        self.target.setblocking(False)
        self.stream = Described()
        self.played = asyncio.Event()
        url = f"udp://127.0.0.1:{self.target.getsockname()[1]}"
        self.push = MuxedPush(options(url), self.stream, self.played.set)
        self.task = asyncio.ensure_future(self.push.run())

    async def until_it_plays(self) -> None:
        async with asyncio.timeout(20):
            while not self.played.is_set():
                assert not self.task.done(), self.task.exception()
                self.stream.send(idr=True)
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.target.close()


@pytest.mark.process
async def test_a_stream_is_sent_and_its_process_ends_with_it() -> None:
    sent = Sent()
    assert sent.stream.fanout.readers == 0  # nothing is asked of the stream before the process is there
    await sent.until_it_plays()
    await sent.stream.send_for(0.5)
    assert sent.push.sent_bytes > 3000
    data = b""
    while not re.search(b"\x65....\xaa{50}", data, re.DOTALL):
        data += await asyncio.get_running_loop().sock_recv(sent.target, 2000)
    await sent.stop()
    assert sent.stream.fanout.readers == 0


@pytest.mark.process
async def test_a_process_that_stands_still_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muxed_push, "LOOK_S", 0.1)
    stopped: list[int] = []
    make = asyncio.create_subprocess_exec

    async def noted(*arguments: Any, **keywords: Any) -> asyncio.subprocess.Process:
        process = await make(*arguments, **keywords)
        stopped.append(process.pid)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    sent = Sent()
    await sent.until_it_plays()
    os.kill(stopped[0], signal.SIGSTOP)
    monkeypatch.setattr(muxed_push, "STUCK_S", 0.5)  # from now on: a busy machine stands as still as this
    with pytest.raises(TransportError, match="took nothing"):
        await asyncio.gather(sent.stream.send_for(5), sent.task)
    with pytest.raises(ProcessLookupError):
        os.kill(stopped[0], 0)
    sent.target.close()
