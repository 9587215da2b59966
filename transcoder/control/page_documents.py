"""These documents are for people who look: the tiles of a wall, a stream's last half hour and its audit entries."""

from typing import Any

from pydantic import BaseModel

from transcoder.control.document_parts import SHOWN, Count, Rate, Time
from transcoder.control.documents import Status
from transcoder.source.problems import ProblemCode


class Shown(BaseModel):
    """A document shows all its fields always."""

    model_config = SHOWN


class TileDocument(Shown):
    """Says of one stream what fits under a small picture."""

    id: str
    title: str | None = None
    site: str | None = None
    enabled: bool
    status: Status
    state: str
    """One of disabled, starting, connecting, playing and away."""
    since: Time
    """The time since which `status` has its value."""
    problem: str | None = None
    """The reason why the stream isn't playing, in one line; a client that may not change the stream is told the meaning
    of `problem_code`, in which no address stands."""
    problem_code: ProblemCode | None = None
    vendor: str | None = None
    """The vendor family that the camera seems to be of."""
    codec: str | None = None
    """The codec of the pictures that readers get; width and height are theirs, too."""
    width: Count | None = None
    height: Count | None = None
    fps: Rate = 0.0
    """Pictures a second that readers get."""
    kbps: Rate = 0.0
    delay_s: Rate | None = None
    """Median delay of the last pictures, seconds; null while the stream is not playing."""
    readers: Count = 0
    masks: Count = 0
    """The number of masks that lie on the picture."""
    overloaded: bool = False
    """Whether pictures are left out for want of time."""
    encrypted: bool = False
    """Whether the camera encrypts its pictures, so that none can be shown."""
    relayed: bool = False
    """Whether the camera's coded pictures pass as they are (`video.mode: relay`), with whatever is hidden in them."""
    renditions: tuple[str, ...] = ()
    """The names of the pictures that are served beside the stream's own."""


class WallGatewayDocument(Shown):
    """Says of the gateway what stands above the tiles."""

    node: str
    version: str
    now: Time
    started: Time
    streams: Count
    online: Count
    readers: Count
    kbps_in: Rate
    kbps_out: Rate
    cpu: Rate
    """The cores that the workers take."""


class WallDocument(Shown):
    """Holds one tile for each stream; it is made at most once a second, for everybody who asks."""

    gateway: WallGatewayDocument
    tiles: tuple[TileDocument, ...]


class HistoryDocument(Shown):
    """Holds the last half hour of a stream in columns of equal length, the oldest step first."""

    now: Time
    step_s: Count
    """Seconds of a step."""
    at: tuple[Time, ...] = ()
    """The end of each step; there is none for a time in which the gateway did not run."""
    fps_in: tuple[Rate, ...] = ()
    """Pictures a second that came from the camera, a mean over the step."""
    kbps_in: tuple[Rate, ...] = ()
    fps_out: tuple[Rate, ...] = ()
    """Pictures a second of the stream's own picture, repeated ones included."""
    kbps_out: tuple[Rate, ...] = ()
    delay_p50_s: tuple[Rate | None, ...] = ()
    """The delay that half of the step's pictures did not exceed, seconds; null where no picture of the camera came."""
    delay_p99_s: tuple[Rate | None, ...] = ()
    readers: tuple[Count, ...] = ()
    """Readers of all outputs at the end of the step."""


class AuditEntryDocument(Shown):
    """Tells of one thing that somebody did with a stream, as the audit log has it."""

    number: Count
    """The record's number in the audit log of the gateway."""
    at: Time
    interface: str
    """The interface that it came by: `http`, `mqtt`, `onvif`, `file` or `gateway`."""
    name: str | None = None
    """The name of the token or the client."""
    action: str
    """The verb."""
    changes: tuple[str, ...] = ()
    """The paths of the stream's keys that were different afterwards."""
    detail: dict[str, Any] | None = None
    """The record's details without secrets; null for a client that may not change the stream, or where they are long.
    """


class AuditDocument(Shown):
    """Lists the last audit entries of a stream, the newest first, 100 at most."""

    entries: tuple[AuditEntryDocument, ...]
