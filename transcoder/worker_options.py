"""What a worker is told about its stream."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from transcoder.codecs.nal import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A privacy mask.

    Attributes:
        polygon: vertices (x, y), 0..1 of the camera's picture.
        style: "solid", "pixelate" or "blur".
    """

    polygon: tuple[tuple[float, float], ...]
    style: str = "solid"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """What a camera says of its audio; a worker that can't decode it counts that.

    Attributes:
        encoding: as in SDP, upper case.
        clock_rate: samples a second.
        channels: 1 or 2.
        config: AudioSpecificConfig of AAC, or empty.
    """

    encoding: str
    clock_rate: int
    channels: int = 1
    config: bytes = b""

    def to_json(self) -> bytes:
        """Wire form."""
        return json.dumps(asdict(self) | {"config": self.config.hex()}).encode()

    @classmethod
    def from_json(cls, data: bytes | memoryview) -> "AudioFormat":
        """Read the wire form, written by to_json of the same version."""
        fields: dict[str, Any] = json.loads(bytes(data))
        return cls(**(fields | {"config": bytes.fromhex(fields["config"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """What stays the same while readers are connected, so that their session description stays true.

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
    """The encoder's policy; None: as the profile says (transcoder.media.encoder_policy).

    Attributes:
        profile: "economy", "balanced" or "quality".
        crf: constant rate factor, 0 (best) to 51.
        aq_mode: adaptive quantisation, 0 (off) to 3.
        aq_strength: of adaptive quantisation, where it is on.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """Settings of one stream's re-encoding.

    Attributes:
        codec: of the output.
        bitrate_kbps: the cap.
        gop_s: seconds between IDR pictures.
        fps: at most this many pictures a second, or None.
        size: output (width, height), or None for the camera's.
        display_aspect: (width, height) of the camera's picture as it is to be seen, or None for what the stream says.
        preset: of the encoder, or None for the profile's.
        encoder: its policy.
        masks: privacy masks.
        fixed: the output format of an earlier worker of this stream, kept while its readers stay.
        memory_limit_mb: data memory of the process, MiB.
        slate_size: of the picture that stands in for a camera before its first one, or None for a usual one.
        rate_divisor: begin by encoding one picture in so many; more follow when there is time.
    """

    codec: Codec = Codec.H264
    bitrate_kbps: int = 4000
    gop_s: float = 1.0
    fps: float | None = None
    size: tuple[int, int] | None = None
    display_aspect: tuple[int, int] | None = None
    preset: str | None = None
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    masks: tuple[Mask, ...] = field(default_factory=tuple)
    fixed: OutputFormat | None = None
    memory_limit_mb: int = 512
    slate_size: tuple[int, int] | None = None
    rate_divisor: int = 1

    @property
    def shape(self) -> tuple[Codec, tuple[int, int] | None, tuple[int, int] | None]:
        """What the format of the output hangs on: while it stays, readers stay."""
        return self.codec, self.size, self.display_aspect

    def to_json(self) -> bytes:
        """Wire form."""
        return json.dumps(asdict(self) | {"codec": self.codec.value}).encode()

    @classmethod
    def from_json(cls, data: bytes | memoryview) -> "WorkerOptions":
        """Read the wire form, written by to_json of the same version."""
        fields: dict[str, Any] = json.loads(bytes(data))
        fields["codec"] = Codec(fields["codec"])
        for name in ("size", "slate_size", "display_aspect"):
            fields[name] = tuple(fields[name]) if fields[name] else None
        fields["masks"] = tuple(
            Mask(polygon=tuple((x, y) for x, y in mask["polygon"]), style=mask["style"]) for mask in fields["masks"]
        )
        fields["encoder"] = EncoderSettings(**fields["encoder"])
        fields["fixed"] = OutputFormat(**fields["fixed"]) if fields["fixed"] else None
        return cls(**fields)
