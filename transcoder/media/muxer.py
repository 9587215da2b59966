"""The muxer writes coded pictures and AAC frames of our encoders as FLV over RTMP, or as an MPEG transport stream."""

import io
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final, Protocol

import av
from av.packet import Packet

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError

TICKS: Final = Fraction(1, 90_000)
DATAGRAM: Final = 1316
"""Bytes of a datagram: seven packets of a transport stream, the most that an Ethernet frame holds."""
_RATES: Final = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
"""The sampling frequencies by their index (ISO/IEC 14496-3 table 1.18)."""
_OPTIONS: Final = {"max_interleave_delta": "200000"}
"""Microseconds for which FFmpeg waits for the other track; its ten seconds would hold the picture back."""
_DEMUXERS: Final = {Codec.H264: "h264", Codec.H265: "hevc"}
_SLICES: Final = {Codec.H264: b"\x65\x88\x84", Codec.H265: b"\x26\x01\xaf\x1d\x80"}
"""The first bytes of an IDR slice: FFmpeg takes the parameters of a stream only from sets that a slice refers to."""
START_CODE: Final = b"\0\0\0\1"


class Writer(Protocol):
    """Takes what is muxed, at most DATAGRAM bytes at once."""

    def write(self, data: bytes) -> int:
        """Take bytes; return how many."""


class Muxer:
    """Muxes one output.

    Args:
        target: the URL, or what takes the bytes.
        container: "flv" or "mpegts".
        codec: the codec of the video.
        parameter_sets: those of the pictures that will come.
        audio_rate: samples a second of AAC-LC, one channel; 0: there is no audio.

    Raises:
        MediaError: FFmpeg does not know the parameters, or can't connect to the target.
    """

    def __init__(
        self, target: str | Writer, container: str, codec: Codec, parameter_sets: Iterable[bytes], audio_rate: int
    ) -> None:
        # the short start code: FFmpeg takes the first zero of a long one for the end of a parameter set
        begin = b"".join(b"\0\0\1" + unit for unit in (*parameter_sets, _SLICES[codec]))
        options: dict[str, Any] = {} if isinstance(target, str) else {"buffer_size": DATAGRAM}
        self._audio_rate = audio_rate
        try:
            self._container = av.open(target, "w", format=container, container_options=dict(_OPTIONS), **options)
            self._video = self._add(begin, _DEMUXERS[codec])
            silent = AudioCodec.AAC.silent_frame
            self._audio = self._add(adts(len(silent), audio_rate) + silent, "aac") if audio_rate else None
            self._container.start_encoding()
        except (av.FFmpegError, OSError, IndexError) as error:
            raise MediaError(_words(error)) from None

    def _add(self, begin: bytes, demuxer: str) -> Any:
        """Add a stream like the one that these bytes begin: PyAV has no other way to a stream's parameters."""
        with av.open(io.BytesIO(begin), "r", format=demuxer) as sample:
            return self._container.add_stream_from_template(sample.streams[0], opaque=True)

    def video(self, data: bytes, pts: int, *, random_access: bool) -> None:
        """Write an access unit.

        Args:
            data: the access unit, Annex B.
            pts: 90 kHz ticks.
            random_access: whether it is an IDR with its parameter sets.

        Raises:
            MediaError: the target is gone, or takes nothing.
        """
        self._write(self._video, data, pts, is_key=random_access)

    def audio(self, frame: bytes, pts: int) -> None:
        """Write an AAC frame.

        Raises:
            MediaError: the target is gone, or takes nothing.
        """
        if self._audio is not None:
            self._write(self._audio, adts(len(frame), self._audio_rate) + frame, pts, is_key=True)

    def _write(self, stream: Any, data: bytes, pts: int, *, is_key: bool) -> None:
        packet = Packet(data)
        packet.stream, packet.time_base = stream, TICKS
        packet.pts = packet.dts = pts  # our encoders reorder nothing
        packet.is_keyframe = is_key
        try:
            self._container.mux_one(packet)
        except (av.FFmpegError, OSError) as error:
            raise MediaError(_words(error)) from None

    def close(self) -> None:
        """Say goodbye to the target.

        Raises:
            MediaError: the target is gone.
        """
        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise MediaError(_words(error)) from None


def adts(size: int, rate: int) -> bytes:
    """Return the ADTS header of an AAC-LC frame of one channel: containers take the parameters of it.

    Args:
        size: the bytes of the frame.
        rate: samples a second.

    Source: ISO/IEC 14496-3 section 1.A.2.2.
    """
    length, index = size + 7, _RATES.index(rate)
    return bytes((
        0xFF, 0xF1, 0x40 | index << 2, 0x40 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC,
    ))  # fmt: skip


def _words(error: Exception) -> str:
    """Return the reason of a failure; FFmpeg's own text repeats the URL, in which there is a secret."""
    return str(getattr(error, "strerror", None) or type(error).__name__)
