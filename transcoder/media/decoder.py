"""The decoder turns access units into pictures, counts errors and goes on after them."""

import time
from collections import Counter, deque
from dataclasses import dataclass
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
from transcoder.media.decoded_picture import UNSPECIFIED_MATRIX, DecodedPicture
from transcoder.media.geometry import SQUARE, sane_aspect
from transcoder.media.picture import planes_u8, planes_u16

NAMES: dict[SourceCodec, str] = {
    Codec.H264: "h264",
    Codec.H265: "hevc",
    PictureCodec.JPEG: "mjpeg",
    PictureCodec.MPEG4: "mpeg4",
}
"""FFmpeg's names of the decoders, by the codec of each payload format (transcoder.formats)."""
_TIME_BASE = Fraction(1, VIDEO_CLOCK_RATE)

FULL_RANGE = 2
"""The color_range of full range: AVCOL_RANGE_JPEG."""
_MATRICES = frozenset({1, 5, 6})
"""The values of matrix_coefficients for BT.709 and the two for BT.601; all other values count as unspecified."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Says how a pixel format stores its planes; the attributes are those of DecodedPicture."""

    bits: int
    chroma: str
    full_range: bool = False


_LAYOUTS = {
    "yuv420p": _Layout(8, "420"), "yuvj420p": _Layout(8, "420", full_range=True),
    "yuv422p": _Layout(8, "422"), "yuvj422p": _Layout(8, "422", full_range=True),
    "yuv444p": _Layout(8, "444"), "yuvj444p": _Layout(8, "444", full_range=True),
    "gray": _Layout(8, ""), "gray10le": _Layout(10, ""), "gray12le": _Layout(12, ""),
    "yuv420p10le": _Layout(10, "420"), "yuv422p10le": _Layout(10, "422"), "yuv444p10le": _Layout(10, "444"),
    "yuv420p12le": _Layout(12, "420"), "yuv422p12le": _Layout(12, "422"), "yuv444p12le": _Layout(12, "444"),
}  # fmt: skip
_ANY_OTHER = "yuv420p"
"""The pixel format that pictures of all other pixel formats are converted to."""

MAX_AWAITED = 16
"""Random access points whose pictures are awaited: as many as pictures that a decoder may hold back to reorder them."""
ERRORS_TO_RESET = 50
"""The number of access units refused in a row before the decoder is made anew: about two seconds of video."""


def padded_packet(data: bytes | memoryview) -> "av.Packet[Any]":
    """Copy data into a packet with a buffer of FFmpeg's own.

    Decoders read up to 64 bytes behind a packet and want zeros there (AV_INPUT_BUFFER_PADDING_SIZE). A packet that PyAV
    makes of a bytes object is followed by whatever lies behind the object in memory: VOPs that end on a byte's last bit
    decoded wrong then.
    """
    packet = av.Packet(len(data))
    packet.update(bytes(data))
    return packet


class Decoder:
    """Decodes in one thread, so that a picture comes out at once when its access unit goes in.

    Attributes:
        codec: the camera's codec.
        errors: the numbers of refused access units and pictures, by kind.
        pixel_format: FFmpeg's name for the pixel format of the latest picture, as the camera sent the picture.
        decode_s: the processor time that the latest access unit took, seconds.
    """

    def __init__(self, codec: SourceCodec) -> None:
        self.codec = codec
        self.errors: Counter[str] = Counter()
        self.pixel_format = ""
        self.decode_s = 0.0
        self._refused = 0
        self._random_access: deque[int] = deque(maxlen=MAX_AWAITED)
        self._size = (0, 0)
        self._aspect = SQUARE
        self._context = self._open()

    def _open(self) -> av.VideoCodecContext:
        context = av.CodecContext.create(NAMES[self.codec], "r")
        if not isinstance(context, av.VideoCodecContext):
            raise MediaError(f"FFmpeg has no {NAMES[self.codec]} video decoder")
        context.thread_count = 1
        context.thread_type = "NONE"
        context.open()
        return context

    def decode(
        self,
        data: bytes | memoryview,
        pts: int,
        arrival: float = 0.0,
        *,
        random_access: bool = False,
        preroll: bool = False,
    ) -> list[DecodedPicture]:
        """Return the pictures that an access unit completes; none where the access unit can't be decoded.

        Args:
            data: the Annex B byte stream of one access unit.
            pts: presentation time, 90 kHz ticks; comes back in the pictures, in presentation order.
            arrival: monotonic seconds at which the access unit's last packet arrived.
            random_access: whether decoding may start at the access unit; comes back in its own picture.
            preroll: whether the access unit is decoded only for what follows it.
        """
        if random_access:
            self._random_access.append(pts)
        started = time.thread_time()
        frames = self._frames(data, pts)
        spent = self.decode_s = time.thread_time() - started
        if random_access or isinstance(self.codec, PictureCodec):  # no other picture may have a new sequence's aspect
            self._note_aspect(self._size)
        pictures = []
        for frame in frames:
            if not self._is_sane(frame):
                continue
            try:
                pictures.append(self._picture(frame, pts, arrival, spent, preroll=preroll))
            except (av.error.FFmpegError, ValueError):
                self.errors["picture that can't be read"] += 1
            spent = 0.0
        return pictures

    def _frames(self, data: bytes | memoryview, pts: int) -> list[VideoFrame]:
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
        return frames

    def _picture(
        self, frame: VideoFrame, pts: int, arrival: float, decode_s: float, *, preroll: bool
    ) -> DecodedPicture:
        self.pixel_format = frame.format.name
        layout = _LAYOUTS.get(self.pixel_format)
        own_pts, concealed = frame.pts, frame.is_corrupt
        interlaced, matrix = bool(frame.interlaced_frame), int(frame.colorspace)
        if layout is None:
            frame = frame.reformat(format=_ANY_OTHER, threads=1)
            layout = _LAYOUTS[_ANY_OTHER]
        if (frame.width, frame.height) != self._size:
            self._note_aspect((frame.width, frame.height))
        read = planes_u8 if layout.bits == 8 else planes_u16
        return DecodedPicture(
            planes=read(frame, 3 if layout.chroma else 1),
            width=frame.width,
            height=frame.height,
            bits=layout.bits,
            chroma=layout.chroma,
            full_range=layout.full_range or frame.color_range == FULL_RANGE,
            interlaced=interlaced,
            matrix=matrix if matrix in _MATRICES else UNSPECIFIED_MATRIX,
            aspect=self._aspect,
            pts=own_pts if own_pts is not None else pts,
            random_access=self._is_random_access(own_pts if own_pts is not None else pts),
            arrival=arrival,
            decode_s=decode_s,
            preroll=preroll,
            concealed=concealed,
        )

    def _is_random_access(self, pts: int) -> bool:
        """Return whether the picture of this time is that of a random access point; forget that point and earlier ones.

        The decoder has dropped the pictures of earlier ones that did not come.
        """
        if pts not in self._random_access:
            return False
        while self._random_access.popleft() != pts:
            pass
        return True

    def _is_sane(self, frame: VideoFrame) -> bool:
        if not is_sane_size(frame.width, frame.height):
            self.errors["picture over the size limit"] += 1
            return False
        if frame.is_corrupt:
            self.errors[CONCEALED] += 1
        return True

    def reset(self) -> None:
        """Begin anew and forget all decoded pictures."""
        self.errors["reset"] += 1
        self._refused = 0
        self._random_access.clear()
        self._context = self._open()

    def _note_aspect(self, size: tuple[int, int]) -> None:
        """Note the ratio of a sample's width to its height, SQUARE where the stream gives none or an impossible one."""
        self._size = size
        self._aspect = sane_aspect(self._context.sample_aspect_ratio)
