"""This reader keeps its access units and decodes them afterwards: decoding costs nothing while times are taken."""

import asyncio
import time

import av
import numpy as np
from typing_extensions import override

from transcoder.errors import TransportError
from transcoder.lab.cameras.counter import read_counter
from transcoder.lab.reader.access_units import AccessUnit, AccessUnits
from transcoder.lab.reader.video import play_video
from transcoder.verify.client import Listener, RtspClient
from transcoder.verify.codec import Codec
from transcoder.verify.rtp import read_rtp
from transcoder.verify.target import parse_target

FOREVER_S = 1e9


class TimedReader(Listener):
    """Reads a stream over TCP.

    Args:
        url: the URL of the stream.

    Attributes:
        started: monotonic seconds at which the reader connected.
        kept: the access units, each with the time of its last packet.
        has_picture: whether an IDR came.
        ended: an event that is set with the first IDR, or when no IDR can come any more.
        problem: the reason why the reader can't read, "" while it can.
    """

    def __init__(self, url: str) -> None:
        self.started = time.monotonic()
        self.kept: list[AccessUnit] = []
        self.ended = asyncio.Event()
        self.has_picture = False
        self.problem = ""
        self._client = RtspClient(parse_target(url), self, agent="bench")
        self._codec: Codec | None = None
        self._access_units: AccessUnits | None = None
        self._early: list[tuple[bytes, float]] = []
        self._reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect and begin to read."""
        self._reading = asyncio.get_running_loop().create_task(self._read())

    def close(self) -> None:
        """Close the connection without TEARDOWN."""
        if self._reading is not None:
            self._reading.cancel()
        self._client.close()

    async def _read(self) -> None:
        try:
            await self._client.connect()
            video = await play_video(self._client)
            self._codec = video.codec or Codec.H264
            self._access_units = AccessUnits(self._codec)
            for data, at in self._early:  # these packets came with the answer to PLAY
                self.packet(0, data, at)
            await self._client.stay(FOREVER_S)
            self.problem = "closed"
        except TransportError as error:
            self.problem = str(error)
        self.ended.set()

    @override
    def packet(self, channel: int, data: bytes, at: float) -> None:
        if channel != 0:
            return
        if self._access_units is None:
            self._early.append((data, at))
            return
        packet = read_rtp(data)
        if isinstance(packet, str):
            self.problem = packet
            return
        unit = self._access_units.receive(packet, at)
        if unit is not None:
            self.kept.append(unit)
            if not self.has_picture and unit.is_random_access(self._access_units.codec):
                self.has_picture = True
                self.ended.set()

    def from_random_access(self) -> list[AccessUnit]:
        """Return the kept access units, from the first one on at which decoding can start."""
        codec = self._codec or Codec.H264
        first = next((index for index, unit in enumerate(self.kept) if unit.is_random_access(codec)), len(self.kept))
        return self.kept[first:]

    def counters(self, size: tuple[int, int]) -> list[tuple[float, int]]:
        """Decode all pictures, and return when each numbered picture came: (monotonic seconds, number).

        Args:
            size: (height, width) of the camera's picture.
        """
        codec = self._codec or Codec.H264
        decoder = av.CodecContext.create("h264" if codec is Codec.H264 else "hevc", "r")
        assert isinstance(decoder, av.VideoCodecContext)
        decoder.thread_count = 1
        times: dict[int, float] = {}
        found = []
        for index, unit in enumerate(self.from_random_access()):
            if not unit.nal_units:  # they are lost, and an empty packet would tell the decoder that no more come
                continue
            packet = av.Packet(b"".join(b"\0\0\0\1" + item for item in unit.nal_units))
            packet.pts = index
            times[index] = unit.at
            for frame in decoder.decode(packet):
                luma = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
                number = read_counter(luma, size)
                if number is not None and frame.pts is not None:
                    found.append((times[frame.pts], number))
        return found
