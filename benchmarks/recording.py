"""A reader that keeps what it gets and decodes it afterwards, so that decoding costs nothing while times are taken."""

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.errors import TranscoderError
from transcoder.lab.cameras.counter import read_counter
from transcoder.ledger import Ledger
from transcoder.rtp.video import VideoReceiver
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.client_events import Described, SetUp
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import InterleavedFrames
from transcoder.rtsp.urls import parse_url
from transcoder.sdp import parse_sdp, select_video

if TYPE_CHECKING:
    from transcoder.codecs.access_unit import AccessUnit


class RecordingReader(asyncio.Protocol):
    """One reader over TCP.

    Args:
        url: of the stream.

    Attributes:
        started: monotonic seconds of its connection.
        recorded: access units with the time of their last packet.
        has_picture: whether an IDR came.
        ended: set with the first IDR, or when none can come any more.
    """

    def __init__(self, url: str) -> None:
        self.started = time.monotonic()
        self.recorded: list[tuple[float, AccessUnit]] = []
        self.ended = asyncio.Event()
        self.has_picture = False
        self.problem = ""
        self._url = parse_url(url)
        self._core = ClientProtocol(self._url, None, cnonce=secrets.token_hex(8), now=self.started)
        self._video: VideoReceiver | None = None
        self._codec = Codec.H264
        self._transport: Any = None
        self._channel = 0

    async def connect(self) -> None:
        """Begin to read."""
        await asyncio.get_running_loop().create_connection(lambda: self, self._url.host, self._url.port)

    def close(self) -> None:
        """Leave without saying so."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes, and nobody waits for it."""
        self.problem = self.problem or str(exc or "closed")
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        """Keep access units."""
        now = time.monotonic()
        core = self._core
        try:
            core.receive_data(data, now)
            while (event := core.next_event()) is not None:
                if type(event) is InterleavedFrames:
                    if self._video is not None and event.channel == self._channel:
                        for packet in event:
                            self._video.receive_rtp(packet, now)
                elif isinstance(event, Described):
                    self._described(event.body, now)
                elif isinstance(event, SetUp) and event.transport is not None:
                    self._channel = (event.transport.interleaved or (0, 1))[0]
        except TranscoderError as error:
            self.problem = str(error)
            self.close()
            return
        while self._video is not None and (unit := self._video.next_access_unit()) is not None:
            self.recorded.append((now, unit))
            if unit.random_access:
                self.has_picture = True
                self.ended.set()
        self._flush()

    def _described(self, body: bytes, now: float) -> None:
        selection = select_video(parse_sdp(body))
        assert isinstance(selection.codec, Codec)
        self._codec = selection.codec
        self._video = VideoReceiver(
            codec=selection.codec,
            payload_types=selection.payload_types,
            clock_rate=selection.clock_rate,
            ledger=Ledger(),
            reorder=False,
            ssrc=1,
            cname="bench",
        )
        self._core.setup(selection.media.control, Transport(lower="TCP", interleaved=(0, 1)), now)

    def _flush(self) -> None:
        out = self._core.data_to_send()
        if out:
            self._transport.write(b"".join(out))

    def counters(self, size: tuple[int, int]) -> list[tuple[float, int]]:
        """When each numbered picture came: (monotonic seconds, number). Decodes everything.

        Args:
            size: (height, width) of the camera's picture.
        """
        decoder = av.CodecContext.create("h264" if self._codec is Codec.H264 else "hevc", "r")
        assert isinstance(decoder, av.VideoCodecContext)
        decoder.thread_count = 1
        times: dict[int, float] = {}
        found = []
        for index, (at, unit) in enumerate(self.recorded):
            if index == 0 and not unit.random_access:
                continue
            packet = av.Packet(join_byte_stream(unit.nal_units))
            packet.pts = index
            times[index] = at
            for frame in decoder.decode(packet):
                luma = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
                number = read_counter(luma, size)
                if number is not None and frame.pts is not None:
                    found.append((times[frame.pts], number))
        return found
