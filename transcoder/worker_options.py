"""The worker options tell a worker about its stream."""

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec

MAIN: Final = "main"
"""The name of the output that is served under the stream's own name."""
MAX_OUTPUTS: Final = 8
"""The largest number of outputs of one stream. Each output costs an encoder, so this is more than a machine that has
other streams could carry."""
MAX_DIVISOR: Final = 16
"""The largest divisor of a picture rate: a worker without time for more encodes one picture in this many, and reports
no more."""


def served_path(stream: str, output: str) -> str:
    """Return the path under which an output of a stream is served."""
    return stream if output == MAIN else f"{stream}/{output}"


class Role(Enum):
    """Names the part of a stream's work that one process does."""

    WHOLE = "whole"
    """Everything: the stream has one process."""
    DECODING = "decoding"
    """Everything that reads the camera's bytes: it yields pictures and sound samples."""
    ENCODING = "encoding"
    """Everything that readers get: it never sees a byte of the camera."""

    __hash__ = object.__hash__  # Enum's own is a function in Python, and each message is counted by its sender


class Fallback(Enum):
    """Names why x264 is called over FFmpeg's interface instead of its own, or encodes instead of our own engine."""

    NOT_FOUND = "not_found"
    """PyAV has loaded no libx264 that is a file of its own."""
    BUILD = "build"
    """The library is of another build than the one whose structures are known."""
    LAYOUT = "layout"
    """A structure of the library differs from what is expected."""
    RECONSTRUCTION = "reconstruction"
    """The library's reconstruction of a picture is another than the one that libavcodec decodes."""
    DIFFERENCE = "difference"
    """A picture of our own engine is another than the one that libavcodec decodes, where that is looked at."""

    @property
    def counter(self) -> str:
        """Return the name of the worker's counter."""
        return f"fallback_{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Says which process is asked for.

    Attributes:
        role: the role of the process.
        stream: another number for each stream; processes with the same number share memory.
        generation: counts the decoding processes of the stream.
        memory_limit_mb: the limit of the process's memory, MiB; 0: there is none.
    """

    role: Role = Role.WHOLE
    stream: int = 0
    generation: int = 0
    memory_limit_mb: int = 0


WHOLE: Final = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """Describes a privacy mask.

    Attributes:
        polygon: vertices (x, y), 0..1 of the camera's picture.
        style: "solid", "pixelate" or "blur".
    """

    polygon: tuple[tuple[float, float], ...]
    style: str = "solid"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """Describes a camera's audio as the camera announces it, and the codec of ours that is made of it.

    A worker that can't decode the audio counts that.

    Attributes:
        encoding: the encoding name of SDP, in upper case.
        clock_rate: samples a second.
        channels: 1 or 2.
        config: the AudioSpecificConfig of AAC, or empty.
        served: the codec in which readers get the audio.
    """

    encoding: str
    clock_rate: int
    channels: int = 1
    config: bytes = b""
    served: AudioCodec = AudioCodec.AAC

    @property
    def rate(self) -> int:
        """Return the samples a second in which readers get the audio."""
        return self.served.rate(self.clock_rate)

    def to_json(self) -> bytes:
        """Return the wire form."""
        return json.dumps(asdict(self) | {"config": self.config.hex(), "served": self.served.value}).encode()

    @classmethod
    def from_json(cls, data: bytes | memoryview) -> "AudioFormat":
        """Read the wire form that to_json of the same version wrote."""
        fields: dict[str, Any] = json.loads(bytes(data))
        config, served = bytes.fromhex(fields["config"]), AudioCodec(fields["served"])
        return cls(**(fields | {"config": config, "served": served}))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """Holds the facts that stay while readers are connected, so that their session description stays true.

    Attributes:
        width, height: pixels, even.
        frame_rate: pictures a second, as the stream announces it.
        matrix: matrix_coefficients (H.273 table 4), 2 for unspecified.
    """

    width: int
    height: int
    frame_rate: float
    matrix: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """Holds the encoder settings that the configuration gives an output.

    None means the value of the profile (transcoder.media.encoders).

    Attributes:
        profile: "economy", "balanced", "quality" or "motion".
        crf: constant rate factor, 0 (best) to 51.
        aq_mode: adaptive quantisation, 0 (off) to 3.
        aq_strength: the strength of adaptive quantisation, where it is on.
        ipratio: how much finer an IDR is quantised than the pictures that inherit from it.
        subme: subpixel motion estimation, 0 (whole samples) to 7.
        buffer_s: seconds of the bitrate cap that the decoder's buffer model holds.
    """

    profile: str = "balanced"
    crf: float | None = None
    aq_mode: int | None = None
    aq_strength: float | None = None
    ipratio: float | None = None
    subme: int | None = None
    buffer_s: float | None = None

    def overrides(self) -> dict[str, Any]:
        """Return the settings that differ from the profile's, by name."""
        values = asdict(self)
        del values["profile"]
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """Holds the settings of one output of a stream: one size and codec in which its pictures are served.

    Attributes:
        codec: the codec of the output.
        bitrate_kbps: the cap of the bitrate, kbit/s.
        gop_s: seconds between IDR pictures; they follow the camera's (transcoder.worker.gop_planner).
        fps: at most this many pictures a second, or None.
        size: (width, height), or None for the camera's size.
        preset: the preset of the encoder, or None for the profile's.
        audio: whether the stream's sound is served with the output.
        on_demand: whether the output sleeps while nobody reads it.
        asleep: whether it sleeps now: it is not drawn and not encoded.
        encoder: the other settings of the encoder.
        fixed: the format that an earlier worker gave this output, kept while its readers stay.
        recalled: the format that the output had before this start, which its readers were told; or None.
        rate_divisor: begin by encoding one picture in so many; more follow when there is time.
        relays: whether the camera's coded pictures pass undecoded, which readers are told.
    """

    codec: Codec = Codec.H264
    bitrate_kbps: int = 4000
    gop_s: float = 1.0
    fps: float | None = None
    size: tuple[int, int] | None = None
    preset: str | None = None
    audio: bool = True
    on_demand: bool = False
    asleep: bool = False
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    fixed: OutputFormat | None = None
    recalled: OutputFormat | None = None
    rate_divisor: int = 1
    relays: bool = False

    @property
    def shape(self) -> tuple[Codec, tuple[int, int] | None]:
        """Return the options that the output's format hangs on: readers stay while they are equal.

        The format also hangs on WorkerOptions.display_aspect, which all outputs of a stream share.
        """
        return self.codec, self.size

    def to_fields(self) -> dict[str, Any]:
        """Return the options as an object of JSON."""
        return asdict(self) | {"codec": self.codec.value}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> "OutputOptions":
        """Read the object that to_fields of the same version made, after the object went through JSON."""
        return cls(
            **fields
            | {
                "codec": Codec(fields["codec"]),
                "size": _pair(fields["size"]),
                "encoder": EncoderSettings(**fields["encoder"]),
                "fixed": OutputFormat(**fields["fixed"]) if fields["fixed"] else None,
                "recalled": OutputFormat(**fields["recalled"]) if fields["recalled"] else None,
            }
        )


ENCODER_THREADS: Final = {Codec.H264: 0, Codec.H265: 1}
"""The threads that the encoders of a codec have beside their caller's (x265 makes one whatever it is asked for).

The sandbox, the watch over a worker's threads and that over its processors all go by this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """Holds the settings of one stream's re-encoding.

    Attributes:
        display_aspect: (width, height) that says how the camera's picture is to be shown, or None for the stream's own
            aspect.
        masks: the privacy masks; they lie on every output.
        memory_limit_mb: data memory of a process, MiB.
        split: whether one process decodes and another one encodes.
        slate_size: (width, height) of the picture that stands in for a camera before its first picture, or None for a
            usual size.
        audio_codec: the codec in which readers get the audio, if there is any.
        swaps: how often the camera was swapped for another one; from the first time on no output grows while it is
            read, because the next camera's pictures may be larger for good.
        outputs: 1 to MAX_OUTPUTS outputs; messages name an output by its place here, counted from 0.
    """

    display_aspect: tuple[int, int] | None = None
    masks: tuple[Mask, ...] = field(default_factory=tuple)
    memory_limit_mb: int = 512
    split: bool = False
    slate_size: tuple[int, int] | None = None
    audio_codec: AudioCodec = AudioCodec.AAC
    swaps: int = 0
    outputs: tuple[OutputOptions, ...] = field(default_factory=lambda: (OutputOptions(),))

    @property
    def shapes(self) -> tuple[tuple[Any, ...], ...]:
        """Return the options that each output's format hangs on: its readers stay while they are equal."""
        return tuple((self.display_aspect, *output.shape) for output in self.outputs)

    @property
    def encoder_threads(self) -> int:
        """Return how many threads the outputs' encoders have beside the worker's own."""
        return sum(ENCODER_THREADS[output.codec] for output in self.outputs)

    def to_json(self) -> bytes:
        """Return the wire form."""
        own = {"outputs": [output.to_fields() for output in self.outputs], "audio_codec": self.audio_codec.value}
        return json.dumps(asdict(self) | own).encode()

    @classmethod
    def from_json(cls, data: bytes | memoryview) -> "WorkerOptions":
        """Read the wire form that to_json of the same version wrote."""
        fields: dict[str, Any] = json.loads(bytes(data))
        for name in ("slate_size", "display_aspect"):
            fields[name] = _pair(fields[name])
        fields["masks"] = tuple(
            Mask(polygon=tuple((x, y) for x, y in mask["polygon"]), style=mask["style"]) for mask in fields["masks"]
        )
        fields["audio_codec"] = AudioCodec(fields["audio_codec"])
        fields["outputs"] = tuple(OutputOptions.from_fields(output) for output in fields["outputs"])
        return cls(**fields)


def _pair(value: list[int] | None) -> tuple[int, int] | None:
    return (value[0], value[1]) if value else None
