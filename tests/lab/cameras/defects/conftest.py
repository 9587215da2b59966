"""A camera's packets with the time handed in, read by hand."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from transcoder.codecs.picture_codec import SourceCodec
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.camera import Camera
from transcoder.lab.cameras.families import FAMILIES


@dataclass(frozen=True)
class Sent:
    """An RTP packet and when it left, seconds since the camera's start."""

    at: float
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    payload_type: int


@dataclass(frozen=True)
class Report:
    """A sender report: SSRC and RTP timestamp (RFC 3550 section 6.4.1)."""

    at: float
    ssrc: int
    timestamp: int


class Recorder:
    """Runs a camera for a while and keeps what it sends of its video."""

    def __init__(
        self, contents: dict[SourceCodec, Content], family: str, settings: tuple[str, ...], other=None
    ) -> None:
        behaviour = override(FAMILIES[family].behaviour, settings)
        self.camera = Camera(behaviour, contents[behaviour.codec], "1", other)
        self.packets: list[Sent] = []
        self.reports: list[Report] = []

    def run(self, seconds: float, step_s: float = 0.01) -> "Recorder":
        self.camera.start(100.0)
        for tick in range(round(seconds / step_s) + 1):
            now = 100.0 + tick * step_s
            for burst in self.camera.advance(now, 1e9 + now, [0]):
                for offset, size in burst.packets:
                    data = bytes(burst.data[offset + 4 : offset + 4 + size])
                    if burst.rtcp:
                        _, ssrc, _, timestamp = struct.unpack("!IIQI", data[:20])
                        self.reports.append(Report(now - 100.0, ssrc, timestamp))
                        continue
                    first, second, number, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
                    assert first == 0x80
                    kind, marker = second & 127, second >= 128
                    self.packets.append(Sent(now - 100.0, marker, number, timestamp, ssrc, data[12:], kind))
        return self

    @property
    def pictures(self) -> list[list[Sent]]:
        """Packets of each picture: those that left together."""
        by_time: dict[float, list[Sent]] = {}
        for packet in self.packets:
            by_time.setdefault(packet.at, []).append(packet)
        return list(by_time.values())


@pytest.fixture
def record(contents) -> Callable[..., Recorder]:
    """`record("flir", "fu_empty=true", seconds=1.0)`: a camera of 20 pictures a second, IDR every 10."""

    def recorded(family: str, *settings: str, seconds: float = 1.0, other=None, content=None) -> Recorder:
        chosen = contents if content is None else {content.codec: content}
        return Recorder(chosen, family, settings, other).run(seconds)

    return recorded
