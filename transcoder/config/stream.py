"""These sections describe a stream: the camera, and how its pictures are served."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from transcoder.config.asset import AssetId
from transcoder.config.onvif import StreamOnvifConfig
from transcoder.config.patterns import LABEL_PATTERN, RENDITION_PATTERN, TARGET_PATTERN
from transcoder.config.push import MAX_PUSHES, PushConfig, without_removed
from transcoder.config.section import NotBool, Section, at_most
from transcoder.config.source import SOURCE_PORTS, SourceConfig, SourceOptions
from transcoder.worker_options import MAIN, MAX_OUTPUTS

MIN_SIZE: Final = 16
"""Pixels: the least side of a picture, one macroblock; no encoder takes less."""
MAX_SIZE: Final = 8192
"""Pixels: the largest side of a picture, 8K, the most that H.265 level 6.2 and today's cameras have."""
MAX_MACROBLOCKS: Final = 139_264
"""Macroblocks of 16x16 pixels: the most in a picture (H.264, table A-1, MaxFS of level 6.2)."""
MAX_FPS: Final = 120
"""Pictures a second: twice what any camera sends."""
MAX_REASON: Final = 256
"""The largest number of characters of a reason."""
_SIZE: Final = re.compile(r"([0-9]{1,5})[xX]([0-9]{1,5})")

MAX_MASKS: Final = 32
MAX_CORNERS: Final = 64
"""The largest number of corners of a mask, since each corner costs time."""


def _check_alias(text: str) -> str:
    if not re.fullmatch(r"/[!-~]{1,255}", text):
        raise ValueError("must be a path that begins with /, without blanks, of at most 256 characters of ASCII")
    return text


Alias = Annotated[str, AfterValidator(_check_alias)]
Coordinate = Annotated[float, Field(ge=0, le=1), NotBool]


def _check_printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON), AfterValidator(_check_printable)]


class OutputConfig(Section):
    """These keys say how one served picture is encoded."""

    codec: Literal["h264", "h265"] = "h264"
    """The codec of the served video."""
    bitrate_kbps: Annotated[int, Field(ge=64, le=100_000), NotBool] = 4000
    """The cap of the bitrate: from a thumbnail to twice the bitrate of 8K cameras."""
    fps: Annotated[float, Field(ge=0.5, le=MAX_FPS), NotBool] | None = Field(default=None, examples=[12.5])
    """The cap of the picture rate; null: there is no cap. The least cap is one picture in two seconds, because readers
    give up on slower streams."""
    gop_s: Annotated[float, Field(ge=0.2, le=10), NotBool] = 1
    """The time between IDR pictures: more often costs several times the bits, more seldom leaves a reader after a loss
    without a picture for too long. IDRs follow the camera's where those come regularly: they are then half this time to
    one and a half times this time apart, and no more than 2 s, or this time if it is longer. A new reader gets one
    more."""
    size: str | None = Field(
        default=None, examples=["1280x720"], json_schema_extra={"pattern": "^([0-9]+x[0-9]+|source)$"}
    )
    """The size WIDTHxHEIGHT; null or "source" (kept as null) stands for the size of the first picture."""
    preset: (
        Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"] | None
    ) = Field(default=None, examples=["veryfast"])
    """The encoder's preset (x264 and x265 use the same names); null: the gateway chooses one for the codec."""

    @property
    def dimensions(self) -> tuple[int, int] | None:
        """Return (width, height) in pixels, or None for the source's size."""
        if self.size is None:
            return None
        width, height = self.size.split("x")
        return int(width), int(height)

    @field_validator("size")
    @classmethod
    def _check_size(cls, value: str | None) -> str | None:
        if value is None or value == "source":
            return None
        match = _SIZE.fullmatch(value)
        if match is None:
            raise ValueError('must be WIDTHxHEIGHT such as 1280x720, or "source"')
        width, height = int(match[1]), int(match[2])
        if width % 2 or height % 2:  # 4:2:0 has one chroma sample for two by two pixels
            raise ValueError("must have an even width and height")
        if not (MIN_SIZE <= width <= MAX_SIZE and MIN_SIZE <= height <= MAX_SIZE):
            raise ValueError(f"must have a width and height of {MIN_SIZE} to {MAX_SIZE}")
        if -(-width // 16) * -(-height // 16) > MAX_MACROBLOCKS:
            raise ValueError(f"has more than {MAX_MACROBLOCKS} macroblocks, the most that H.264 allows")
        return f"{width}x{height}"


class VideoConfig(OutputConfig):
    """`video` says how the served video is encoded, or that it is not."""

    mode: Literal["recode", "relay"] = "recode"
    """`recode`: every picture is decoded and encoded anew. `relay`: the camera's coded pictures pass as they are, in
    packets of our own: no masks, no renditions, no sound, and what a camera hides in its pictures reaches the readers.
    A relayed stream is never verified clean (docs/phase-out.md)."""
    relay_reason: Reason | None = Field(default=None, examples=["Axis, bought in 2026, on its own network"])
    """Why the pictures of this camera may pass undecoded: needed for `relay`, unless the stream's asset has a maker
    that falls under no rule."""


MAX_ALIASES: Final = 8
"""The largest number of other paths of one served picture: each is compared with whatever a reader asks for."""
Aliases = Annotated[tuple[Alias, ...], Field(max_length=MAX_ALIASES)]


class RenditionConfig(OutputConfig):
    """`renditions.<name>` is served beside the stream, from the same decoded pictures and under the same masks."""

    audio: Literal["inherit", "drop"] = "inherit"
    """Whether the stream's sound, if it has any, is served with the rendition too."""
    on_demand: bool = False
    """Whether the rendition sleeps while nobody reads it, and then costs nothing. A reader gets its first picture
    within about a second."""
    aliases: Aliases = Field(default=(), examples=[["/Streaming/Channels/102"]])
    """Other paths under which readers find the rendition, as those of the stream."""


def _check_rendition_name(name: str) -> str:
    if name == MAIN:
        raise ValueError(f"must not be {MAIN}: video describes that picture, and it is served under the stream's name")
    return name


def _without_null(renditions: dict[str, RenditionConfig | None]) -> dict[str, RenditionConfig | None]:
    return {name: rendition for name, rendition in renditions.items() if rendition is not None}


RenditionName = Annotated[str, Field(pattern=RENDITION_PATTERN), AfterValidator(_check_rendition_name)]


class EncoderConfig(Section):
    """`encoder` says what the encoder spends processor time and bits on; null stands for the profile's value."""

    profile: Literal["economy", "balanced", "quality", "motion"] = "balanced"
    """The profile of the encoder. `economy` encodes most streams a core, for more bits; `quality` needs the fewest
    bits. docs/performance.md has the measurements. `motion` is experimental: its cost follows motion, and `crf` is the
    QP of pictures that are no IDR; `balanced` stands in for it with H.265, for pictures below 320x240, and until the
    first start has compiled its kernels in the background and the service is started again."""
    crf: Annotated[float, Field(ge=0, le=51), NotBool] | None = Field(default=None, examples=[24])
    """The constant rate factor, 0 (best) to 51; the bitrate stays below `video.bitrate_kbps` at any factor."""
    aq_mode: Annotated[int, Field(ge=0, le=3), NotBool] | None = Field(default=None, examples=[1])
    """The mode of adaptive quantisation. With 0, which switches it off, faces and number plates get the bits that flat
    areas would get."""
    aq_strength: Annotated[float, Field(ge=0, le=3), NotBool] | None = Field(default=None, examples=[0.4])
    """The strength of adaptive quantisation, where it is on."""
    ipratio: Annotated[float, Field(ge=0.5, le=10), NotBool] | None = Field(default=None, examples=[1.4])
    """How much finer an IDR is quantised than the pictures after it, which inherit its quality where nothing moves."""
    subme: Annotated[int, Field(ge=0, le=7), NotBool] | None = Field(default=None, examples=[1])
    """The effort of subpixel motion estimation; 0: whole samples only."""
    buffer_s: Annotated[float, Field(ge=0.1, le=10), NotBool] | None = Field(default=None, examples=[2])
    """The seconds of `video.bitrate_kbps` that the decoder's buffer model holds, and so how large an IDR may be."""


class MaskConfig(Section):
    """`masks[]` is a part of the picture that nobody is to see."""

    polygon: Annotated[
        tuple[tuple[Coordinate, Coordinate], ...],
        Field(min_length=3, max_length=MAX_CORNERS, examples=[[[0, 0], [0.2, 0], [0.2, 0.1], [0, 0.1]]]),
        at_most(MAX_CORNERS),
    ]
    """The corners (x, y), 0 to 1 of the camera's picture from its top left; at most 64, since each corner costs time.
    """
    style: Literal["solid", "pixelate", "blur"] = "solid"
    """The look of the mask. Only `solid` leaves nothing of the picture under it."""

    @field_validator("polygon")
    @classmethod
    def _check_area(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        (x0, y0), *others = value
        # the first corner with each two others: if none spans a triangle, the polygon is a line and hides nothing
        far = max(others, key=lambda point: abs(point[0] - x0) + abs(point[1] - y0))
        if all((far[0] - x0) * (y - y0) == (far[1] - y0) * (x - x0) for x, y in others):
            raise ValueError("covers nothing: all its corners lie on one line")
        return value


class SlateConfig(Section):
    """`slate` is what readers get while the camera sends nothing: its last picture, or a grey one."""

    banner: bool = True
    """Whether the stream's title (or id), `no signal since` and the time, and the reason where it is known stand on it.
    The time is the local time of the service (`TZ`); a banner is on no picture of the camera."""


MAX_LABELS: Final = 8
"""The largest number of a stream's labels: each is a time series of its own for every stream."""
MAX_TEXT: Final = 64
"""The largest number of characters of a title, a site or a label's value: one line of a list."""


ShortText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_check_printable)]
LabelName = Annotated[str, Field(pattern=LABEL_PATTERN)]
TargetName = Annotated[str, Field(pattern=TARGET_PATTERN)]


class StreamOptions(Section):
    """The keys of a stream that `defaults` may hold too, besides its source."""

    vms: (
        Literal[
            "milestone", "genetec", "nx", "synology", "blueiris", "frigate", "zoneminder", "shinobi", "unifi",
            "homeassistant", "generic",
        ]
        | None
    ) = Field(default=None, examples=["nx"])  # fmt: skip
    """The VMS that reads the stream: codecs, key pictures and renditions become what it wants, as far as the keys
    beside it say nothing else. docs/vms.md has the table, `transcoder config show` what becomes of a file."""
    enabled: bool = True
    """Whether the camera is pulled and the stream is served."""
    audio: Literal["drop", "reencode"] = "drop"
    """Whether the camera's audio is dropped, or decoded and encoded anew. A reader that can't take it adds `?audio=0`
    to the URL, of a rendition or of an alias as well (`&audio=0` where there is a query)."""
    audio_codec: Literal["aac", "pcma", "pcmu"] = "aac"
    """The codec of audio that is encoded anew: AAC-LC, or G.711 with the A-law or the mu-law (8 kHz) for recorders that
    know no AAC. What copies a stream into MP4 files needs AAC."""
    video: VideoConfig = VideoConfig()
    encoder: EncoderConfig = EncoderConfig()
    masks: Annotated[tuple[MaskConfig, ...], Field(max_length=MAX_MASKS), at_most(MAX_MASKS)] = Field(
        default=(), examples=[[{"polygon": [[0, 0], [0.2, 0], [0.2, 0.1], [0, 0.1]], "style": "solid"}]]
    )
    """The parts of the picture that nobody is to see, at most 32; a list in a stream replaces the list in `defaults`.
    """
    renditions: Annotated[
        dict[RenditionName, RenditionConfig | None], Field(max_length=MAX_OUTPUTS - 1), AfterValidator(_without_null)
    ] = Field(default={}, examples=[{"sub": {"size": "640x360", "fps": 7, "bitrate_kbps": 400, "on_demand": True}}])
    """The further pictures that are served of the stream, by name, at `rtsp://<rtsp.listen>/<id>/<name>`; null in a
    stream: the stream has no such rendition, whatever `defaults` say."""
    slate: SlateConfig = SlateConfig()
    memory_limit_mb: Annotated[int, Field(ge=128, le=4096), NotBool] = 512
    """The memory at which the stream's worker is replaced: from just above that of a 1080p worker to the needs of 8K.
    """
    site: ShortText | None = Field(default=None, examples=["Harbour"])
    """The place that the stream belongs to, for people: the API, MQTT, the metric `transcoder_stream_info` and the log
    show it."""
    labels: Annotated[dict[LabelName, ShortText], Field(max_length=MAX_LABELS)] = Field(
        default={}, examples=[{"owner": "works council", "floor": "2"}]
    )
    """The stream's own words for searching and alerting, at most 8: the API, MQTT and the metric
    `transcoder_stream_label_info` show them."""


class DefaultsConfig(StreamOptions):
    """`defaults` holds the keys of every stream that doesn't set them itself."""

    source: SourceOptions = SourceOptions()


def relay_problem(stream: "StreamConfig") -> str:
    """Return the key of a stream that needs decoded pictures; "" where none does."""
    video = stream.video
    if stream.masks:
        return "masks can't be drawn"
    if any(each is not None for each in stream.renditions.values()):
        return "there are no renditions"
    if stream.audio != "drop":
        return "audio must be drop"
    for name in ("size", "fps", "preset", "bitrate_kbps", "gop_s"):
        if getattr(video, name) != OutputConfig.model_fields[name].default:
            return f"video.{name} can't be kept, the camera decides"
    if stream.encoder != EncoderConfig():
        return "encoder has nothing to encode"
    if video.relay_reason is None and stream.asset is None:
        return "video.relay_reason must say why, or asset must name one whose maker falls under no rule"
    return ""


class StreamConfig(StreamOptions):
    """`streams.<id>` describes one stream; `defaults` holds the keys that the stream does not set."""

    title: ShortText | None = Field(default=None, examples=["Front door"])
    """The stream's name for people, beside its id: the API, MQTT, Home Assistant, the metric `transcoder_stream_info`
    and the log show it."""

    source: SourceConfig
    """The camera: its URL, or a mapping with the keys of “A stream's camera”."""

    asset: AssetId | None = Field(default=None, examples=["pole-17"])
    """The asset that feeds the stream, of `assets`; several streams may name one, such as the channels of a recorder.
    """

    onvif: StreamOnvifConfig = StreamOnvifConfig()

    aliases: Aliases = Field(default=(), examples=[["/Streaming/Channels/101", "/cam/realmonitor?channel=1&subtype=0"]])
    """Other paths under which readers find the stream: those of the old camera, so that a VMS keeps its driver and only
    the address changes. A query has to hold what the alias's query says, and may hold more."""

    push: Annotated[dict[TargetName, PushConfig], Field(max_length=MAX_PUSHES), BeforeValidator(without_removed)] = (
        Field(default={}, examples=[{"vms": {"url": "rtsps://vms.example/front", "username": "gateway"}}])
    )
    """The servers that the stream is sent to, by name, at most 4; a URL, or a mapping with the keys of “A stream's
    pushes”."""

    @model_validator(mode="after")
    def _check_push(self) -> "StreamConfig":
        for name, push in self.push.items():
            if push.rendition not in self.outputs:
                raise ValueError(f"push.{name}.rendition names no output; there are {', '.join(self.outputs)}")
            if push.split.scheme == "rtmp" and self.outputs[push.rendition].codec != "h264":
                raise ValueError(f"push.{name} is sent over RTMP, which takes H.264 alone: name a rendition in it")
        return self

    @model_validator(mode="after")
    def _check_relay(self) -> "StreamConfig":
        if self.video.mode == "relay" and (problem := relay_problem(self)):
            raise ValueError(f"video.mode is relay, which decodes nothing: {problem}")
        return self

    @property
    def rtsp_urls(self) -> tuple[str, ...]:
        """Return the URLs of the camera and of the targets that speak RTSP."""
        return self.source.url, *(push.url for push in self.push.values() if push.split.scheme in SOURCE_PORTS)

    @property
    def outputs(self) -> dict[str, OutputConfig]:
        """Return the outputs by name; MAIN is served under the stream's own name."""
        named = {name: rendition for name, rendition in self.renditions.items() if rendition is not None}
        return {MAIN: self.video, **named}

    @property
    def aliases_by_output(self) -> dict[str, tuple[Alias, ...]]:
        """Return the other paths of each output, by the output's name."""
        return {
            name: video.aliases if isinstance(video, RenditionConfig) else self.aliases
            for name, video in self.outputs.items()
        }
