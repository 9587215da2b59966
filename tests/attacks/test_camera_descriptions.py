"""What a camera describes, where it says that its tracks are, and where it sends the gateway."""

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.attacks.test_documents_sources import Bait, pull
from tests.support.aftermath import nothing_is_left
from tests.support.session_transcript import VIDEO_SDP
from transcoder.errors import KeyNotTrusted, LimitExceeded, SdpSyntaxError
from transcoder.rtsp.urls import parse_url
from transcoder.sdp import parse, parse_sdp, select_video
from transcoder.service import host_gate
from transcoder.service.host_gate import HostGate, Turn
from transcoder.source.camera_keys import CameraKeys, TlsOptions
from transcoder.source.options import Timeouts

# -- descriptions ------------------------------------------------------------------------------------------------------

HEAD = "v=0\r\n"
EVERY_TYPE = " ".join(map(str, range(128)))
VIDEO = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
LARGE = {
    "ten thousand media": HEAD + VIDEO * 10_000,
    "a line of a megabyte": HEAD + VIDEO + "a=x:" + "x" * (1 << 20),
    "a megabyte of line ends": HEAD + VIDEO + "\r" * (1 << 20),
}
FULL = {
    "media": HEAD + VIDEO * 1_200,
    "payload types": HEAD + (f"m=video 0 RTP/AVP {EVERY_TYPE}\r\n" + "a=x\r\n" * 50) * 80,
    "maps": HEAD + f"m=video 0 RTP/AVP {EVERY_TYPE}\r\n" + "a=rtpmap:1 H264/90000\r\n" * 2_000,
    "parameters": HEAD + VIDEO + "a=fmtp:96 " + "a=b;" * 16_000,
    "parameter sets": HEAD + VIDEO + "a=fmtp:96 sprop-parameter-sets=" + "Z0LAHtkDxWg," * 5_000,
    "parameters of other media": HEAD + (f"m=video 0 RTP/AVP {EVERY_TYPE}\r\n" + "a=fmtp:1 a=b\r\n" * 20) * 60,
    "spaces": HEAD + VIDEO + ("a=rtpmap:96 x/" + " " * 30_000 + "\r\n") * 2,
    "joined lines": HEAD + "a=sendonlym=video 0 RTP/AVP 96\r\n" * 2_000,
    "addresses": HEAD + "c= \r\n" * 1_500 + VIDEO * 32,
}
WORK_S = 0.1
"""Seconds of the processor that the worst description may take: a tenth of what a camera has for its turn. The worst
of these took 0.014 s."""


@pytest.mark.parametrize("what", LARGE)
def test_a_description_that_is_too_large_is_not_looked_at(what: str) -> None:
    with pytest.raises(LimitExceeded):
        parse_sdp(LARGE[what].encode())


def test_without_the_limits_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "MAX_SDP_SIZE", 1 << 30)
    monkeypatch.setattr(parse, "MAX_MEDIA", 1 << 30)
    monkeypatch.setattr(parse, "MAX_LINES", 1 << 30)
    assert len(parse_sdp(LARGE["ten thousand media"].encode()).media) == 10_000


@pytest.mark.parametrize("what", FULL)
def test_the_largest_description_costs_little(what: str) -> None:
    body = FULL[what].encode()[: parse.MAX_SDP_SIZE]
    assert len(body) > 7_000
    started = time.thread_time()
    with contextlib.suppress(SdpSyntaxError):
        select_video(parse_sdp(body))
    assert time.thread_time() - started < WORK_S


# -- tracks and redirects ----------------------------------------------------------------------------------------------


class Camera:
    """Answers every request, and keeps the URLs that it was asked for.

    Attributes:
        location: where it sends everybody, or "".
        control: the control attribute of its only track.
        visits: connections.
    """

    def __init__(self) -> None:
        self.location = ""
        self.control = "track"
        self.visits = 0
        self.port = 0
        self.asked: list[tuple[str, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, url, _ = text.split("\r\n")[0].split()
                number = next(line for line in text.split("\r\n") if line.lower().startswith("cseq"))
                self.asked.append((method, url))
                writer.write(self._answer(method, number).encode())
        writer.close()

    def _answer(self, method: str, number: str) -> str:
        if self.location:
            return f"RTSP/1.0 302 Moved\r\n{number}\r\nLocation: {self.location.format(port=self.port)}\r\n\r\n"
        if method == "DESCRIBE":
            body = VIDEO_SDP.replace("trackID=1", self.control.format(port=self.port))
            return f"RTSP/1.0 200 OK\r\n{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        return f"RTSP/1.0 454 Session Not Found\r\n{number}\r\n\r\n"


@pytest.fixture
async def camera() -> AsyncIterator[Camera]:
    made = Camera()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
async def elsewhere(camera: Camera) -> AsyncIterator[Bait]:
    """Another host, at the camera's port: only its name can tell it from the camera."""
    made = Bait()
    server = await asyncio.start_server(made.visit, "127.0.0.2", camera.port)
    yield made
    server.close()
    await server.wait_closed()


ELSEWHERE = [
    "rtsp://127.0.0.2:{port}/x",
    "rtsp://127.0.0.1@127.0.0.2:{port}/x",
    "rtsp://127.0.0.1:{port}@127.0.0.2:{port}/x",
    "rtsp://2130706434:{port}/x",
    "rtsp://0x7f000002:{port}/x",
    "rtsp://0177.0.0.2:{port}/x",
    "rtsp://[::ffff:127.0.0.2]:{port}/x",
    "rtsp://[::ffff:7f00:2]:{port}/x",
    "rtsp://[::1]:{port}/x",
    "rtsp://169.254.169.254:{port}/latest/meta-data",
    "rtsp://[fe80::1%25lo]:{port}/x",
    "rtsps://127.0.0.2:{port}/x",
    "http://127.0.0.2:{port}/x",
    "//127.0.0.2:{port}/x",
    "\\\\127.0.0.2:{port}\\x",
    "rtsp://127.0.0.2:{port}",
    "rtsp:///x",
    "x" * 5_000,
]


@pytest.mark.parametrize("location", ELSEWHERE)
async def test_a_redirect_leads_to_no_other_host(camera: Camera, elsewhere: Bait, location: str) -> None:
    camera.location = location
    async with nothing_is_left():
        assert await pull(f"rtsp://127.0.0.1:{camera.port}/live")
    assert (camera.visits >= 1, elsewhere.visits) == (True, 0)


async def test_redirects_in_a_ring_come_to_an_end(camera: Camera, elsewhere: Bait) -> None:
    camera.location = "rtsp://127.0.0.1:{port}/again"
    assert "redirects more than" in await pull(f"rtsp://127.0.0.1:{camera.port}/live")
    assert camera.visits == 4


@pytest.mark.parametrize("control", ELSEWHERE[::4])
async def test_a_track_is_asked_for_on_the_cameras_connection(camera: Camera, elsewhere: Bait, control: str) -> None:
    camera.control = control
    async with nothing_is_left():
        assert await pull(f"rtsp://127.0.0.1:{camera.port}/live")
    assert camera.visits >= 1
    assert elsewhere.visits == 0


async def test_who_is_configured_there_is_connected_to(camera: Camera, elsewhere: Bait) -> None:
    """The control: the other host can be reached, and a camera that names only its own track is asked for it."""
    await pull(f"rtsp://127.0.0.2:{camera.port}/x")
    assert elsewhere.visits >= 1
    await pull(f"rtsp://127.0.0.1:{camera.port}/live")
    assert ("SETUP", f"rtsp://127.0.0.1:{camera.port}/live/track") in camera.asked


# -- TLS ---------------------------------------------------------------------------------------------------------------


async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    writer.close()


@pytest.mark.parametrize(("connect_s", "is_left"), [(0.3, True), (60.0, False)], ids=["limit", "control"])
async def test_a_camera_that_does_not_finish_its_handshake_is_left(connect_s: float, *, is_left: bool) -> None:
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"rtsps://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"
    task: Any = asyncio.create_task(pull(url, timeouts=Timeouts(connect_s=connect_s)))
    done, _ = await asyncio.wait({task}, timeout=2.0)
    assert bool(done) is is_left
    task.cancel()
    server.close()


@pytest.mark.parametrize("measure", [True, False], ids=["measure", "control"])
async def test_cameras_that_answer_nothing_hold_no_turns(*, measure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand cameras in their handshakes: each has a turn for a while, and another camera comes to its own."""
    monkeypatch.setattr(host_gate, "TURN_S", 0.01 if measure else 60.0)
    gate = HostGate()

    async def half_open(number: int) -> None:
        async with gate.attempt(f"10.0.{number >> 8}.{number & 255}"):
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(half_open(number)) for number in range(1_000)]
    await asyncio.sleep(0)
    came = False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5 if measure else 0.5), gate.attempt("192.0.2.7", Turn(is_first=True)):
            came = True
    assert came is measure
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_a_certificate_stuffed_with_the_cameras_key_is_not_the_cameras() -> None:
    pinned, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    keys, url = CameraKeys(), parse_url("rtsps://192.0.2.7/live")
    keys.check(TlsOptions(), url, _certificate(pinned))
    learned = keys.latest
    info = pinned.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyNotTrusted):
        keys.check(TlsOptions(), url, _certificate(other, info))
    assert keys.latest != learned
    keys.check(TlsOptions(), url, _certificate(pinned))  # the control: another certificate of the same key is taken


def _certificate(key: ec.EllipticCurvePrivateKey, extension: bytes = b"") -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    more = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), extension)
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now)
    signed = builder.add_extension(more, critical=False).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)
