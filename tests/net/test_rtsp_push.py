"""The shell of a push over RTSP, with servers that record on this machine."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.net.test_rtsp_source import until
from tests.support.rtsp_recorder import Recorder
from tests.support.served import Stream
from transcoder.errors import (
    ConnectionRefused,
    KeyNotTrusted,
    NotConnected,
    RemoteProtocolError,
    ResponseError,
    TransportError,
)
from transcoder.lab.cameras.certificate import Certificate
from transcoder.net import rtsp_push
from transcoder.net.push_options import PushOptions
from transcoder.net.rtsp_push import RtspPush
from transcoder.rtsp.urls import parse_url
from transcoder.source.camera_keys import CameraKeys, TlsOptions
from transcoder.url import split_url

PORTS = {"rtsp": 554, "rtsps": 322}


def push_options(url: str, **changes: Any) -> PushOptions:
    options = {"rendition": "main", "allowed": lambda _: True, "is_own": lambda *_: False, **changes}
    return PushOptions(url=split_url(url, PORTS), **options)


class Sent:
    """A push that runs, and the stream that it sends."""

    def __init__(self, url: str, **changes: Any) -> None:
        self.stream = Stream()
        self.played = 0
        self.push = RtspPush(push_options(url, **changes), self.stream, self._play)
        self.task = asyncio.ensure_future(self.push.run())

    def _play(self) -> None:
        self.played += 1

    async def until_added(self) -> None:
        await self.until(lambda: self.stream.fanout.readers == 1)

    async def until(self, condition: Callable[[], bool]) -> None:
        waiting = asyncio.ensure_future(until(condition))
        await asyncio.wait({self.task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            await self.task
        await waiting

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_stream_is_announced_and_sent() -> None:
    async with Recorder() as recorder:
        sent = Sent(recorder.url())
        await sent.until_added()
        assert recorder.methods == ["OPTIONS", "ANNOUNCE", "SETUP", "RECORD"]
        assert [uri for _, uri in recorder.requests] == [
            recorder.url(), recorder.url(), recorder.url("/in/front/trackID=0"), recorder.url(),
        ]  # fmt: skip
        assert b"a=sendonly" not in recorder.bodies[0]  # of this description, which says nothing of a direction
        assert b"a=rtpmap:96 H264/90000" in recorder.bodies[0]
        assert (sent.stream.idr_requests, sent.played) == (1, 0)
        sent.stream.send(idr=True)
        sent.stream.send(idr=False)
        await sent.until(lambda: len([channel for channel, _ in recorder.frames if channel == 0]) >= 6)
        assert sent.played == 1
        assert recorder.frames[0][0] == 1  # a sender report comes before the first packet
        assert recorder.frames[0][1][1] == 200
        assert sent.push.sent_bytes == sum(len(data) for channel, data in recorder.frames if channel == 0)
        await sent.stop()
        await until(lambda: recorder.methods[-1] == "TEARDOWN")
        assert recorder.frames[-1][0] == 1  # BYE, before TEARDOWN
        assert recorder.frames[-1][1][-7] == 203
    assert sent.stream.fanout.readers == 0


async def test_nothing_is_asked_of_the_stream_where_nobody_answers() -> None:
    async with Recorder() as recorder:
        port = recorder.port
    sent = Sent(f"rtsp://127.0.0.1:{port}/in")
    sent.stream.problem = "the stream was asked for a description"
    with pytest.raises(ConnectionRefused):
        await sent.task


async def test_a_fault_while_it_is_described_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: bytes) -> None:
        raise ValueError("a description of another kind")

    monkeypatch.setattr(rtsp_push, "announced", fail)
    async with Recorder() as recorder:
        with pytest.raises(ValueError, match="of another kind"):
            async with asyncio.timeout(5):
                await Sent(recorder.url()).task


async def test_a_refusal_ends_it() -> None:
    async with Recorder() as recorder:
        recorder.answers["ANNOUNCE"] = "403 Forbidden"
        with pytest.raises(ResponseError, match="ANNOUNCE was answered 403"):
            await Sent(recorder.url()).task


async def test_a_target_that_goes_away_is_noticed() -> None:
    async with Recorder() as recorder:
        sent = Sent(recorder.url())
        await sent.until_added()
        recorder.drop()
        with pytest.raises(TransportError, match="connection"):
            await sent.task
    assert sent.stream.fanout.readers == 0


async def test_another_description_ends_it_without_an_error() -> None:
    async with Recorder() as recorder:
        sent = Sent(recorder.url())
        await sent.until_added()
        sent.push.end()
        await sent.task
        assert recorder.methods[-1] == "TEARDOWN"


async def test_a_target_that_takes_nothing_loses_pictures_and_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtsp_push, "STUCK_S", 0.3)
    monkeypatch.setattr(rtsp_push, "LOOK_S", 0.05)
    async with Recorder() as recorder:
        recorder.reads = False
        sent = Sent(recorder.url())
        await sent.until_added()
        sent.stream.fanout.limit = 1 << 20
        sent.stream.send(idr=True)

        async def send() -> None:
            while not sent.task.done():
                sent.stream.send(200_000)
                await asyncio.sleep(0.005)

        with pytest.raises(TransportError, match="took nothing"):
            await asyncio.gather(send(), sent.task)
        assert sent.push.dropped > 0


async def test_a_redirect_on_the_host_is_followed_and_not_for_ever() -> None:
    async with Recorder() as first, Recorder() as second:
        first.answers["ANNOUNCE"] = f"302 Found\r\nLocation: {second.url('/other')}"
        sent = Sent(first.url(), redirect_ports=(second.port,))
        await sent.until_added()
        assert second.requests[1] == ("ANNOUNCE", second.url("/other"))
        await sent.stop()

        class Endless(dict[str, str]):
            def pop(self, key: str, *default: Any) -> str:
                return f"302 Found\r\nLocation: {first.url()}" if key == "OPTIONS" else str(default[0])

        first.answers = Endless()
        with pytest.raises(RemoteProtocolError, match="redirects more than"):
            await Sent(first.url()).task


@pytest.mark.parametrize("is_named", [False, True])
async def test_a_redirect_to_a_port_that_nobody_named_is_refused(is_named: bool) -> None:
    async with Recorder() as first, Recorder() as between, Recorder() as other:
        first.answers["OPTIONS"] = f"302 Found\r\nLocation: {(between if is_named else other).url()}"
        between.answers["OPTIONS"] = f"302 Found\r\nLocation: {other.url()}"
        with pytest.raises(RemoteProtocolError, match=f"redirects to port {other.port}, which is neither its own"):
            await Sent(first.url(), redirect_ports=(between.port,)).task
        assert other.requests == []


@pytest.mark.parametrize(
    ("configured", "location", "is_followed"),
    [
        ("rtsp://192.0.2.9:8554/in", "rtsp://192.0.2.9:8554/other", True),
        ("rtsp://192.0.2.9:8554/in", "rtsp://192.0.2.9/other", True),
        ("rtsp://192.0.2.9:8554/in", "rtsps://192.0.2.9/other", True),
        ("rtsp://192.0.2.9:8554/in", "rtsps://192.0.2.9:8555/other", True),
        ("rtsp://192.0.2.9:8554/in", "rtsp://192.0.2.9:322/other", False),
        ("rtsps://192.0.2.9/in", "rtsps://192.0.2.9:554/other", False),
        ("rtsp://192.0.2.9/in", "rtsp://192.0.2.9:6379/other", False),
    ],
)
def test_a_redirect_leads_to_ports_that_were_named(configured: str, location: str, is_followed: bool) -> None:
    # 554 and 322 are the ports of the schemes (RFC 2326 section 3.2, RFC 7826 section 19.2)
    options = push_options(configured, redirect_ports=(8555,))
    if is_followed:
        assert options.redirected(parse_url(location)) == parse_url(location)
    else:
        with pytest.raises(RemoteProtocolError, match=r"push\.redirect_ports"):
            options.redirected(parse_url(location))


async def test_an_address_that_is_not_allowed_is_not_connected_to() -> None:
    async with Recorder() as recorder:
        with pytest.raises(NotConnected, match=r"none of the networks of push\.allow"):
            await Sent(recorder.url(), allowed=lambda _: False).task
        with pytest.raises(NotConnected, match="listener of this gateway"):
            await Sent(recorder.url(), is_own=lambda _, port: port == recorder.port).task
        assert recorder.requests == []


# -- TLS ---------------------------------------------------------------------------------------------------------------


async def test_over_tls_the_targets_key_is_learned_and_kept() -> None:
    keys = CameraKeys()
    async with Recorder(Certificate("127.0.0.1").context("1.3")) as recorder:
        sent = Sent(recorder.url(), keys=keys)
        await sent.until_added()
        await sent.stop()
        port = recorder.port
    other = Recorder(Certificate("127.0.0.1").context("1.3"))
    other.port = port
    async with other:
        with pytest.raises(KeyNotTrusted, match="another TLS key"):
            await Sent(other.url(), keys=keys).task
        assert other.requests == []
        with pytest.raises(KeyNotTrusted, match="not that of"):
            await Sent(other.url(), tls=TlsOptions(fingerprint="0" * 64)).task


async def test_a_redirect_out_of_tls_is_refused() -> None:
    async with Recorder(Certificate("127.0.0.1").context("1.3")) as secured, Recorder() as plain:
        secured.answers["OPTIONS"] = f"302 Found\r\nLocation: {plain.url()}"
        with pytest.raises(RemoteProtocolError, match="from TLS"):
            await Sent(secured.url()).task
        assert plain.requests == []
