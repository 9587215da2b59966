"""These documents tell what a camera answered that was probed."""

from typing import Annotated, Any, Literal

from pydantic import Field

from transcoder.control.documents import Document
from transcoder.source.problems import ProblemCode


class ProbeMediaDocument(Document):
    """Describes one media of a camera's description."""

    kind: str
    protocol: str
    encodings: tuple[str, ...]
    selected: bool
    """Whether a stream would take this media."""


class ProbeChannelDocument(Document):
    """Describes one of the streams that a device offers."""

    channel: Annotated[int, Field(ge=1)]
    """The number of a recorder's channel, 1 of a camera."""
    stream: Literal["main", "sub", "third"]
    """`sub` and `third`: the smaller pictures of the same channel."""
    url: str
    """The URL of the stream, without a login."""
    codec: str | None = None
    size: str | None = None
    """The size WIDTHxHEIGHT, where the description tells it."""
    asked: bool = False
    """Whether this is the stream that the description before belongs to."""


class ProbeDocument(Document):
    """Holds the answer of a camera that was probed."""

    reachable: bool
    reason: str | None = None
    """The reason why the camera isn't reachable."""
    code: ProblemCode | None = None
    """The kind of that reason, as in `problem_code` of a stream."""
    codec: str | None = None
    size: str | None = None
    """The size WIDTHxHEIGHT, where the description tells it."""
    server: str | None = None
    media: tuple[ProbeMediaDocument, ...] = ()
    channels: tuple[ProbeChannelDocument, ...] = ()
    """The streams that the device offers, if they were asked for: those of its maker's paths that it describes."""
    findings: dict[str, Any] | None = None
    """The findings of `transcoder probe --json`, under its names, as far as a description tells them."""
