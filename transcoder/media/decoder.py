"""Decoding: access units to pictures, errors counted and survived."""

from collections import Counter
from fractions import Fraction
from typing import Any

import av
import av.error
from av.video.frame import VideoFrame

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec, is_sane_size
from transcoder.errors import MediaError
from transcoder.ipc.messages import CONCEALED
from transcoder.media.geometry import sane_aspect

_NAMES: dict[SourceCodec, str] = {
    Codec.H264: "h264",
    Codec.H265: "hevc",
    PictureCodec.JPEG: "mjpeg",
    PictureCodec.MPEG4: "mpeg4",
}
_TIME_BASE = Fraction(1, VIDEO_CLOCK_RATE)

ERRORS_TO_RESET = 50
"""Access units refused in a row before the decoder is made anew: about two seconds of video."""


def padded_packet(data: bytes | memoryview) -> "av.Packet[Any]":
    """A packet in a buffer of FFmpeg's own.

    Decoders read up to 64 bytes behind a packet and want zeros there (AV_INPUT_BUFFER_PADDING_SIZE). A packet that PyAV
    makes of a bytes object has what lies behind that in memory: VOPs that end on a byte's last bit decoded wrong then.
    """
    packet = av.Packet(len(data))
    packet.update(bytes(data))
    return packet


class Decoder:
    """One decoder with one thread, so that a picture comes out of the access unit that went in.

    Attributes:
        errors: access units or pictures refused, by kind.
    """

    def __init__(self, codec: SourceCodec) -> None:
        self.codec = codec
        self.errors: Counter[str] = Counter()
        self._refused = 0
        self._context = self._open()

    def _open(self) -> av.VideoCodecContext:
        context = av.CodecContext.create(_NAMES[self.codec], "r")
        if not isinstance(context, av.VideoCodecContext):
            raise MediaError(f"FFmpeg has no {_NAMES[self.codec]} video decoder")
        context.thread_count = 1
        context.thread_type = "NONE"
        context.open()
        return context

    def decode(self, data: bytes | memoryview, pts: int) -> list[VideoFrame]:
        """Pictures that an access unit completes; none where it can't be decoded.

        Args:
            data: Annex B byte stream of one access unit.
            pts: 90 kHz ticks; comes back as frame.pts, in presentation order.
        """
        if not data:
            return []  # an empty packet would tell the decoder that the stream ended
        packet = padded_packet(data)
        packet.pts = pts
        packet.dts = pts
        packet.time_base = _TIME_BASE
        try:
            frames = self._context.decode(packet)
        except av.error.FFmpegError as error:
            self.errors[type(error).__name__] += 1
            self._refused += 1
            if self._refused >= ERRORS_TO_RESET:
                self.reset()
            return []
        self._refused = 0
        return [frame for frame in frames if self._is_sane(frame)]

    def _is_sane(self, frame: VideoFrame) -> bool:
        if not is_sane_size(frame.width, frame.height):
            self.errors["picture over the size limit"] += 1
            return False
        if frame.is_corrupt:
            self.errors[CONCEALED] += 1
        return True

    def reset(self) -> None:
        """Begin anew: what was decoded is forgotten."""
        self.errors["reset"] += 1
        self._refused = 0
        self._context = self._open()

    @property
    def sample_aspect_ratio(self) -> Fraction:
        """Width to height of a sample, 1 where the stream does not say or says something impossible."""
        return sane_aspect(self._context.sample_aspect_ratio)
