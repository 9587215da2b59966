"""Small contents, and a client that shares no code with the product: it logs in, plays, and keeps every byte."""

import asyncio
import base64
import hashlib
import re
import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.scenes import SceneOptions

FPS = 20
LOOP_S = 1.0
GOP_S = 0.5


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("content")


@pytest.fixture(scope="session")
def contents(cache: Path) -> dict[SourceCodec, Content]:
    """A loop of 20 numbered pictures of 320x180, IDR every 10."""
    scene = SceneOptions(width=320, height=180, fps=FPS, seconds=LOOP_S, counter=True)
    return {
        codec: from_scene(ContentOptions(scene=scene, codec=codec, gop_s=GOP_S, bitrate_kbps=600), cache)
        for codec in (*Codec, PictureCodec.JPEG, PictureCodec.MPEG4)
    }


@pytest.fixture
def ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if not found:
        pytest.skip("ffmpeg is not installed")
    return found


@dataclass
class Packet:
    """An RTP packet, read by hand (RFC 3550 section 5.1)."""

    channel: int
    first: int
    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    extension: bytes
    payload: bytes


def read_packet(channel: int, data: bytes) -> Packet:
    first, second, sequence_number, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
    assert first >> 6 == 2
    start = 12 + 4 * (first & 15)
    extension = b""
    if first & 0x10:
        words = struct.unpack("!H", data[start + 2 : start + 4])[0]
        extension = data[start : start + 4 + 4 * words]
        start += 4 + 4 * words
    return Packet(
        channel, first, second & 127, second >= 128, sequence_number, timestamp, ssrc, extension, data[start:]
    )


@dataclass
class Client:
    """Plays over one TCP connection and records what comes."""

    url: str
    recorded: bytearray = field(default_factory=bytearray)
    session: str = ""
    cseq: int = 0
    challenge: str = ""

    def __post_init__(self) -> None:
        match = re.fullmatch(r"rtsp://(?:([^:@/]*):([^@/]*)@)?([^:/]+):(\d+)(.*)", self.url)
        assert match
        self.user, self.password, self.host, port, self.path = match.groups()
        self.port = int(port)
        self.base = f"rtsp://{self.host}:{self.port}{self.path}"
        self.sdp = ""
        self.content_base = ""

    async def connect(self) -> "Client":
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        return self

    async def read(self, size: int) -> bytes:
        data = await self.reader.readexactly(size)
        self.recorded += data
        return data

    async def request(self, method: str, uri: str, **headers: str) -> tuple[int, str, bytes]:
        """Status, header text and body; interleaved frames before the answer are recorded."""
        self.cseq += 1
        fields = {"CSeq": str(self.cseq), **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.session:
            fields["Session"] = self.session
        if self.challenge:
            fields["Authorization"] = self.authorization(method, uri)
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.writer.write(f"{method} {uri} RTSP/1.0\r\n{lines}\r\n".encode())
        while (first := await self.read(1)) == b"$":
            _, size = struct.unpack("!BH", await self.read(3))
            await self.read(size)
        text = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
        self.recorded += text[1:].encode()
        length = re.search(r"Content-Length: (\d+)", text, re.IGNORECASE)
        body = await self.read(int(length.group(1))) if length else b""
        status = int(text.split()[1])
        challenge = re.search(r"WWW-Authenticate: (.*)", text)
        if status == 401 and challenge and self.password and not self.challenge:
            self.challenge = challenge.group(1).strip()
            return await self.request(method, uri, **headers)
        if session := re.search(r"Session: *([^;\r]*)", text):
            self.session = self.session or session.group(1).strip()
        return status, text, body

    def authorization(self, method: str, uri: str) -> str:
        if self.challenge.startswith("Basic"):
            return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        realm, nonce = (re.search(f'{name}="([^"]*)"', self.challenge).group(1) for name in ("realm", "nonce"))
        first, second = (
            hashlib.md5(text.encode()).hexdigest()  # noqa: S324  # RFC 2617
            for text in (f"{self.user}:{realm}:{self.password}", f"{method}:{uri}")
        )
        response = hashlib.md5(f"{first}:{nonce}:{second}".encode()).hexdigest()  # noqa: S324  # RFC 2617
        return f'Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}"'

    async def describe(self) -> str:
        status, text, body = await self.request("DESCRIBE", self.base)
        assert status == 200, text
        base = re.search(r"Content-Base: (.*?)\r", text)
        self.content_base = base.group(1) if base else self.base
        self.sdp = body.decode()
        return self.sdp

    def controls(self) -> list[str]:
        """Absolute control URLs of the media, as live555 and FFmpeg join them."""
        found = []
        for media in self.sdp.split("m=")[1:]:
            control = re.search(r"a=control:(.*?)\r", media).group(1)
            slash = "" if self.content_base.endswith("/") else "/"
            found.append(control if control.startswith("rtsp://") else f"{self.content_base}{slash}{control}")
        return found

    async def play(self, media: list[int] | None = None) -> list[str]:
        """Describe, set up media (all by default) on channels 0-1, 2-3 ..., play; header texts of SETUP and PLAY."""
        await self.request("OPTIONS", self.base)
        await self.describe()
        texts = []
        for number, url in enumerate(self.controls()):
            if media is None or number in media:
                transport = f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
                status, text, _ = await self.request("SETUP", url, Transport=transport)
                assert status == 200, text
                texts.append(text)
        status, text, _ = await self.request("PLAY", self.content_base, Range="npt=0.000-")
        assert status == 200, text
        return [*texts, text]

    async def packets(self, seconds: float) -> list[Packet]:
        """RTP packets (even channels) of the next seconds."""
        found = []
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            try:
                head = await asyncio.wait_for(self.reader.readexactly(4), left)
            except TimeoutError:
                break
            assert head[0] == 0x24
            channel, size = struct.unpack("!BH", head[1:])
            self.recorded += head
            data = await self.read(size)
            if channel % 2 == 0:
                found.append(read_packet(channel, data))
        return found

    def close(self) -> None:
        self.writer.close()


@pytest.fixture
def client_class() -> type[Client]:
    return Client
