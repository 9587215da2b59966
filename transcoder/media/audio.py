"""The audio transcoder decodes the audio of any camera and encodes it anew to AAC-LC or G.711 with one channel.

All code of this module runs in the sandboxed worker; an error is counted and costs audio only.
"""

import io
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.errors import MediaError
from transcoder.media.decoder import padded_packet
from transcoder.worker_options import AudioFormat

BIT_RATE = 48_000
"""Bits a second of AAC: speech is transparent well below."""
MAX_SKEW_S = 0.04
"""Seconds by which the output's sample count may differ from the input's times; beyond, the count is set right."""
_GLOBAL_HEADER = 1 << 22
"""AV_CODEC_FLAG_GLOBAL_HEADER: the encoder writes AAC without ADTS."""
_FULL_SCALE = 32_767
_ADTS_SYNC = 0xFFF
_G722_RATE = 16_000
_DECODERS = {"PCMU": "pcm_mulaw", "PCMA": "pcm_alaw", "L16": "pcm_s16be", "G722": "g722", "OPUS": "opus"}
"""FFmpeg's decoders by the encoding name, those aside that need more than a rate and channels."""
_ENCODERS = {AudioCodec.AAC: "aac", AudioCodec.PCMA: "pcm_alaw", AudioCodec.PCMU: "pcm_mulaw"}
"""FFmpeg's encoders."""


class _Resampler:
    """Brings frames of one form to one channel, in pieces of what an encoder takes at once.

    PyAV's own resampler leaves its filter graph as many threads as there are processors, which the sandbox does not
    allow.

    Args:
        rate: samples a second of the output.
        samples: the samples of a piece.
    """

    def __init__(self, rate: int, samples: int) -> None:
        self._rate = rate
        self._samples = samples
        self._graph: Any = None

    def resample(self, frame: Any) -> Iterator[Any]:
        """Return the pieces that a frame completes; its form and time base have to be those of the frame before."""
        if self._graph is None:
            self._graph = self._new_graph(frame)
        self._graph.push(frame)
        while True:
            try:
                yield self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    def _new_graph(self, frame: Any) -> Any:
        graph: Any = Graph()
        graph.threads = 1
        source = graph.add(
            "abuffer",
            sample_rate=str(frame.sample_rate),
            sample_fmt=frame.format.name,
            channel_layout=frame.layout.name,
            time_base=str(frame.time_base),
        )
        form = graph.add("aformat", sample_rates=str(self._rate), sample_fmts="fltp", channel_layouts="mono")
        sink = graph.add("abuffersink")
        source.link_to(form)
        form.link_to(sink)
        graph.configure()
        graph.set_audio_frame_size(self._samples)
        return graph


class AudioDecoder:
    """Decodes and resamples one stream's audio.

    Args:
        source: the format of the audio, as the camera described it.

    Attributes:
        rate: the samples a second of the output.
        errors: the numbers of errors, by kind.
    """

    def __init__(self, source: AudioFormat) -> None:
        self._source = source
        self.rate = source.rate
        self.errors: Counter[str] = Counter()
        self._decoder: Any = None
        self._is_aac = False
        self._next: Fraction | None = None
        """The number of input samples so far, at the output's rate: the place of the next sample. It is exact, because
        what a frame is rounded by would add up to a skew within seconds."""
        self._resampler = self._new_resampler()
        self._resampled: tuple[str, str, int] | None = None
        """The sample format, layout and rate that the resampler has been given so far; it takes no others."""

    def _new_resampler(self) -> _Resampler:
        return _Resampler(self.rate, self._source.served.frame_samples)

    def pieces(self, data: bytes, pts: int) -> Iterator[Any]:
        """Return the pieces that an audio unit completes, as FFmpeg's frames, each of the samples of a frame of ours.

        Args:
            data: the bytes of one packet or AAC frame; an ADTS header before them is taken off (Dahua puts AAC into its
                G.711).
            pts: presentation time of the unit's first sample, 90 kHz ticks.
        """
        try:
            yield from self._pieces(data, pts)
        except (av.error.FFmpegError, MediaError, ValueError) as error:
            self.errors[type(error).__name__] += 1

    def samples(self, data: bytes, pts: int) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Return the pieces as presentation time, 90 kHz ticks, and samples of 16 bits."""
        for piece in self.pieces(data, pts):
            yield round(piece.pts * VIDEO_CLOCK_RATE / self.rate), _to_16_bits(piece)

    def _pieces(self, data: bytes, pts: int) -> Iterator[Any]:
        aac, payload, config = _take_off_adts(data)
        if not payload:  # a decoder takes nothing for the end, and decodes no more after it
            return
        if aac is not None or self._source.encoding == "MPEG4-GENERIC":
            self._open_aac(config or self._source.config)
        elif self._decoder is None or self._is_aac:
            self._open_samples()
        for frame in self._decoder.decode(padded_packet(payload)):
            if not frame.samples or not frame.sample_rate:
                continue
            due = Fraction(pts * self.rate, VIDEO_CLOCK_RATE)
            if self._next is None or abs(due - self._next) > MAX_SKEW_S * self.rate:
                if self._next is not None:
                    self.errors["skew"] += 1
                    self._resampler = self._new_resampler()
                self._next = due
            form = (frame.format.name, frame.layout.name, frame.sample_rate)
            if form != self._resampled:  # AAC after G.711, or the double rate once SBR was seen
                self._resampler = self._new_resampler()
                self._resampled = form
            frame.pts = round(self._next * frame.sample_rate / self.rate)
            frame.time_base = Fraction(1, frame.sample_rate)
            self._next += Fraction(frame.samples * self.rate, frame.sample_rate)
            yield from self._resampler.resample(frame)

    def _open_aac(self, config: bytes) -> None:
        if self._decoder is not None and self._is_aac:
            return
        decoder: Any = av.CodecContext.create("aac", "r")
        if config:
            decoder.extradata = config
        else:
            decoder.sample_rate = self._source.clock_rate
            decoder.layout = "stereo" if self._source.channels == 2 else "mono"
        decoder.open()
        self._decoder = decoder
        self._is_aac = True

    def _open_samples(self) -> None:
        encoding = self._source.encoding
        if "G726" in encoding:
            # no context can be set up for G.726; a demuxer on a few bytes of it makes one
            name = "g726" if encoding.startswith("AAL2") else "g726le"
            size = str(int(encoding.rpartition("-")[2]) // 8)
            options = {"code_size": size, "sample_rate": str(self._source.clock_rate)}
            self._container = av.open(io.BytesIO(bytes(64)), format=name, options=options)
            self._decoder = self._container.streams.audio[0].codec_context
        else:
            decoder: Any = av.CodecContext.create(_DECODERS.get(encoding, "pcm_alaw"), "r")
            # the clock of G.722 has 8000 ticks a second for 16,000 samples (RFC 3551 section 4.5.2)
            decoder.sample_rate = _G722_RATE if encoding == "G722" else self._source.clock_rate
            decoder.layout = "stereo" if self._source.channels == 2 else "mono"
            decoder.open()
            self._decoder = decoder
        self._is_aac = False


def _to_16_bits(piece: Any) -> NDArray[np.int16]:
    level = np.clip(np.nan_to_num(piece.to_ndarray()[0]), -1.0, 1.0)
    samples: NDArray[np.int16] = np.rint(level * _FULL_SCALE).astype("<i2")
    return samples


class AudioEncoder:
    """Encodes one channel of audio.

    Args:
        rate: samples a second.
        codec: the codec of the output.

    Attributes:
        config: the AudioSpecificConfig of AAC, else empty.
        rate: samples a second.
        errors: the numbers of errors, by kind.

    Raises:
        MediaError: FFmpeg can't encode this.
    """

    def __init__(self, rate: int, codec: AudioCodec = AudioCodec.AAC) -> None:
        self.rate = rate
        self.errors: Counter[str] = Counter()
        self._next: int | None = None
        self._is_aac = codec is AudioCodec.AAC
        encoder = av.CodecContext.create(_ENCODERS[codec], "w")
        if not isinstance(encoder, av.AudioCodecContext):
            raise MediaError("FFmpeg has no encoder of this sound")
        encoder.sample_rate = rate
        encoder.layout = "mono"
        encoder.format = "fltp" if self._is_aac else "s16"
        if self._is_aac:
            encoder.bit_rate = BIT_RATE
        encoder.time_base = Fraction(1, rate)
        encoder.thread_count = 1
        encoder.flags |= _GLOBAL_HEADER
        try:
            encoder.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"the encoder of sound refuses its settings: {error}") from None
        self._encoder = encoder
        self.config = bytes(encoder.extradata or b"") if self._is_aac else b""

    def encode(self, piece: Any) -> Iterator[tuple[int, bytes]]:
        """Return the frames that a piece of floating samples completes, with their presentation times.

        Raises:
            FFmpegError, ValueError: FFmpeg failed.
        """
        return self._encode(piece if self._is_aac else self._piece(_to_16_bits(piece), piece.pts))

    def _piece(self, samples: NDArray[np.int16], pts: int) -> Any:
        """Return samples as a frame of FFmpeg that the encoder takes."""
        if self._is_aac:
            level = samples.astype(np.float32) / np.float32(_FULL_SCALE)
            piece: Any = av.AudioFrame.from_ndarray(level[None, :], format="fltp", layout="mono")
        else:
            piece = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        piece.sample_rate = self.rate
        piece.pts = pts
        piece.time_base = Fraction(1, self.rate)
        return piece

    def _encode(self, piece: Any) -> Iterator[tuple[int, bytes]]:
        for packet in self._encoder.encode(piece):
            if packet.pts is not None:
                yield round(packet.pts * VIDEO_CLOCK_RATE / self.rate), bytes(packet)

    def encode_samples(self, pts: int, samples: NDArray[np.int16]) -> Iterator[tuple[int, bytes]]:
        """Encode samples of another process.

        Args:
            pts: presentation time of the first sample, 90 kHz ticks; it counts where it is away from the number of
                samples so far by more than MAX_SKEW_S.
            samples: the samples of a frame, of 16 bits; they are copied.
        """
        due = round(pts * self.rate / VIDEO_CLOCK_RATE)
        if self._next is None or abs(due - self._next) > MAX_SKEW_S * self.rate:
            self._next = due
        try:
            piece = self._piece(samples, self._next)
            self._next += len(samples)
            yield from self._encode(piece)
        except (av.error.FFmpegError, ValueError) as error:
            self.errors[type(error).__name__] += 1


class AudioTranscoder:
    """Decodes, resamples and encodes one stream's audio.

    Args:
        source: the format of the audio, as the camera described it.

    Attributes:
        config: the AudioSpecificConfig of AAC, else empty.
        rate: the samples a second of the output.
        errors: the numbers of errors, by kind.

    Raises:
        MediaError: FFmpeg can't convert this audio to the output's format.
    """

    def __init__(self, source: AudioFormat) -> None:
        self._decoder = AudioDecoder(source)
        self._encoder = AudioEncoder(self._decoder.rate, source.served)
        self.rate, self.config = self._encoder.rate, self._encoder.config
        self.errors = self._decoder.errors

    def process(self, data: bytes, pts: int) -> Iterator[tuple[int, bytes]]:
        """Return the frames that an audio unit completes, with their presentation times.

        Args:
            data: the bytes of one packet or AAC frame.
            pts: presentation time of the unit's first sample, 90 kHz ticks.
        """
        try:
            for piece in self._decoder.pieces(data, pts):
                yield from self._encoder.encode(piece)
        except (av.error.FFmpegError, ValueError) as error:
            self.errors[type(error).__name__] += 1


def _take_off_adts(data: bytes) -> tuple[bool | None, bytes, bytes]:
    """Return (True, payload, AudioSpecificConfig) of an ADTS frame, or (None, data, b"") where data is no ADTS frame.

    Source: ISO/IEC 13818-7 section 6.2.
    """
    if len(data) < 9 or (data[0] << 4 | data[1] >> 4) != _ADTS_SYNC or data[1] & 0x06:
        return None, data, b""
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    profile, rate = data[2] >> 6, data[2] >> 2 & 15
    channels = (data[2] & 1) << 2 | data[3] >> 6
    if length != len(data) or rate > 12:
        return None, data, b""
    header = 7 if data[1] & 1 else 9
    config = ((profile + 1) << 11 | rate << 7 | channels << 3).to_bytes(2)
    return True, data[header:], config
