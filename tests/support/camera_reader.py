"""This reader of cameras shares no RTSP or RTP code with the product: it logs in, plays, and keeps every byte."""

import asyncio
import re
from dataclasses import dataclass
from typing import Self

from typing_extensions import override

from transcoder.verify.client import Listener, RtspClient
from transcoder.verify.login import Login
from transcoder.verify.messages import Message
from transcoder.verify.rtp import read_rtp
from transcoder.verify.target import parse_target


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet (RFC 3550 section 5.1); its header extension includes the four bytes that begin the extension."""

    channel: int
    first: int
    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    extension: bytes
    payload: bytes


def parse_packet(channel: int, data: bytes) -> Packet:
    read = read_rtp(data)
    assert not isinstance(read, str), read
    extension = b""
    if read.extension is not None:
        profile, words = read.extension
        extension = profile.to_bytes(2) + (len(words) // 4).to_bytes(2) + words
    return Packet(
        channel, data[0], read.payload_type, read.marker, read.sequence_number, read.timestamp, read.ssrc, extension,
        read.payload + read.padding,
    )  # fmt: skip


class CameraReader(Listener):
    """Plays over one TCP connection and records all bytes that come.

    Attributes:
        recorded: every byte that came.
        played: how many bytes came before and with the answer to PLAY.
        sdp, content_base: the session description and the Content-Base of the answer to DESCRIBE.
    """

    def __init__(self, url: str) -> None:
        self._target = parse_target(url)
        self._packets: list[Packet] = []
        self._strays = 0
        self.client = RtspClient(self._target, self, agent="test")
        self.host, self.port, self.base = self._target.host, self._target.port, self._target.uri
        self._password: str | None = self._target.password or None
        self.recorded = bytearray()
        self.played = 0
        self.sdp = self.content_base = ""

    async def connect(self) -> Self:
        await self.client.connect()
        return self

    def close(self) -> None:
        self.client.close()

    # -- Listener ------------------------------------------------------------------------------------------------------

    @override
    def received(self, data: bytes) -> None:
        self.recorded += data

    @override
    def packet(self, channel: int, data: bytes, at: float) -> None:
        if channel % 2 == 0:
            self._packets.append(parse_packet(channel, data))

    @override
    def message(self, message: Message) -> None:
        if message.is_response:
            self._packets.clear()  # earlier packets are recorded, and belong to no test's next seconds

    @override
    def stray(self, data: bytes) -> None:
        self._strays += 1

    # -- requests ------------------------------------------------------------------------------------------------------

    @property
    def password(self) -> str | None:
        """Return the password; None: the reader does not log in."""
        return self._password

    @password.setter
    def password(self, value: str | None) -> None:
        self._password = value
        self.client.dialog.login = Login(self._target.username if value is not None else None, value or "")

    @property
    def challenge(self) -> str:
        """Return the scheme of the challenge that was answered, "" while no challenge was."""
        return self.client.dialog.login.scheme

    @property
    def session(self) -> str:
        return self.client.dialog.session

    def write(self, data: bytes) -> None:
        self.client.write(data)

    async def request(self, method: str, uri: str, **headers: str) -> tuple[int, str, bytes]:
        """Send a request; return the status, header text and body of the response."""
        answer = await self.client.request(method, uri, **headers)
        return answer.status, _head(answer), answer.body

    async def describe(self) -> str:
        answer = await self.client.request("DESCRIBE", self.base)
        assert answer.status == 200, answer
        self.content_base = answer.field("Content-Base") or self.base
        self.sdp = answer.body.decode()
        return self.sdp

    def controls(self) -> list[str]:
        """Return the absolute control URLs of the media, as live555 and FFmpeg join them."""
        found = []
        for media in self.sdp.split("m=")[1:]:
            match = re.search(r"a=control:(.*?)\r", media)
            assert match
            slash = "" if self.content_base.endswith("/") else "/"
            control = match.group(1)
            found.append(control if control.startswith("rtsp://") else f"{self.content_base}{slash}{control}")
        return found

    async def play(self, media: list[int] | None = None) -> list[str]:
        """Describe, set up media (all by default) on channels 0-1, 2-3 ..., play; return the heads of the responses."""
        await self.request("OPTIONS", self.base)
        await self.describe()
        texts = []
        for number, uri in enumerate(self.controls()):
            if media is None or number in media:
                answer = await self.client.set_up(uri, 2 * number)
                assert answer.status == 200, answer
                texts.append(_head(answer))
        answer = await self.client.request("PLAY", self.content_base, Range="npt=0.000-")
        assert answer.status == 200, answer
        self.played = self.recorded.rindex(answer.raw) + len(answer.raw)
        return [*texts, _head(answer)]

    async def packets(self, seconds: float) -> list[Packet]:
        """Return the RTP packets (even channels) of the next seconds, and those that were not returned before.

        Raises:
            ConnectionError: the camera closed.
        """
        try:
            async with asyncio.timeout(seconds):
                await self.client.closed.wait()
        except TimeoutError:
            assert not self._strays
            found, self._packets = self._packets, []
            return found
        raise ConnectionError("the camera closed the connection")


def _head(message: Message) -> str:
    return message.raw[: len(message.raw) - len(message.body)].decode()
