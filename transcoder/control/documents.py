"""What is told of streams: one set of documents for MQTT, HTTP and metrics.

None of them holds a credential, and a camera's address stands only where a field says so.
"""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from transcoder.rtsp.session import EndReason

SCHEMA_VERSION: Final = 1
"""Of these documents; raised when a field changes its meaning or goes."""

Status = Literal["online", "degraded", "offline", "disabled"]

EventType = Literal[
    "added",
    "updated",
    "removed",
    "source_lost",
    "source_encrypted",
    "source_recovered",
    "worker_restarted",
    "restarted",
    "channel_seen",
    "format_changed",
    "overload",
    "picture_frozen",
    "picture_dark",
    "picture_covered",
    "scene_changed",
    "reader_connected",
    "reader_gone",
    "config_rejected",
    "config_reloaded",
]

EVENT_TYPES: Final = frozenset(get_args(EventType))

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339, UTC."""


class Document(BaseModel):
    """A document: every field is always there."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class SourceDocument(Document):
    """What comes from the camera."""

    connected: bool
    codec: str | None = None
    width: Count | None = None
    height: Count | None = None
    fps: Rate = 0.0
    """Pictures a second, over the last second."""
    kbps: Rate = 0.0
    """kbit/s, over the last second."""
    vendor: str | None = None
    """The guessed vendor family."""
    packets: Count = 0
    """RTP packets of the present connection."""
    packets_lost: Count = 0
    bytes: Count = 0
    connects: Count = 0
    losses: Count = 0


class OutputDocument(Document):
    """What readers get."""

    codec: str | None = None
    width: Count | None = None
    height: Count | None = None
    frame_rate: Rate | None = None
    """As the stream announces it."""
    fps: Rate = 0.0
    kbps: Rate = 0.0
    bitrate_kbps: Count = 0
    """The cap, kbit/s."""
    gop_s: Rate = 0.0
    readers: Count = 0
    pictures: Count = 0
    repeated: Count = 0
    """Pictures that were shown again because the camera sent none."""
    idr: Count = 0
    bytes: Count = 0
    delay_s: Rate | None = None
    """Median of the last pictures: from a picture's last packet to the readers."""


class FaultsDocument(Document):
    """What went wrong, since the stream was started."""

    damaged_access_units: Count = 0
    shed_access_units: Count = 0
    """Dropped because the worker could not keep up."""
    worker_starts: Count = 0
    worker_deaths: Count = 0
    rejected_from_worker: Count = 0
    """Messages of the worker that were none of an encoder's."""


class LedgerEntryDocument(Document):
    """One kind of thing that was not let through."""

    layer: str
    kind: str
    count: Count
    bytes: Count
    rate: Rate
    """A second, over the last ten seconds or so."""
    first_seen: Time
    last_seen: Time
    example: str | None = None
    """At most 64 bytes of the latest, in hex; only when the gateway runs with --log-level debug."""


class StreamStateDocument(Document):
    """A stream as it is now."""

    status: Status
    state: str
    """disabled, starting, connecting, playing or away."""
    problem: str | None = None
    """Why it isn't playing, in one line."""
    since: Time
    """When `status` became what it is."""
    source: SourceDocument
    output: OutputDocument
    faults: FaultsDocument
    cpu: Rate = 0.0
    """Share of one core that its worker takes."""
    rate_divisor: Count = 1
    """One picture in so many is encoded; more than 1 when the machine has no time for all of them."""
    motion: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the picture that moves."""
    conditions: tuple[str, ...] = ()
    """Of the picture, that hold now: frozen, dark, covered, scene_changed."""
    sanitized: Count = 0
    """Everything that was not let through, together."""
    ledger: tuple[LedgerEntryDocument, ...] = ()
    """The most frequent kinds of it, 32 at most; all of them are in the HTTP API."""


class StreamDocument(Document):
    """A stream: what is configured and what is."""

    id: str
    origin: Literal["file", "runtime", "changed"]
    """Where its configuration comes from: the file, a command, or the file with changes by commands."""
    config: dict[str, Any]
    """As in the configuration file, with defaults; a password shows as ***."""
    etag: str
    """Changes whenever the configuration does."""
    state: StreamStateDocument


class EventDocument(Document):
    """Something happened."""

    sequence: Count
    """Counts up, from 1 at each start of the gateway."""
    event_type: EventType
    stream: str | None = None
    ts: Time
    detail: dict[str, Any] = {}


class InfoDocument(Document):
    """The gateway."""

    product: Literal["transcoder"] = "transcoder"
    version: str
    node: str
    schema_version: int = SCHEMA_VERSION
    rtsp_port: int
    api_url: str | None = None
    """Of the HTTP API."""
    started: Time


class StatsDocument(Document):
    """Totals over all streams."""

    uptime_s: Rate
    streams: Count
    online: Count
    readers: Count
    fps_in: Rate
    fps_out: Rate
    kbps_in: Rate
    kbps_out: Rate
    cpu: Rate
    """Of the workers, in cores."""
    sanitized: Count
    mqtt_connected: bool | None = None
    """Whether the broker is there; null: none is configured."""
    rtsp_sessions: Count = 0
    rtsp_auth_failures: Count = 0


class SessionDocument(Document):
    """A reader's session, from its SETUP on."""

    id: str
    """Names the session to operators; it is not the id that the reader uses."""
    stream: str
    path: str
    """Of its URL: the stream's id, or that and the name of one of its outputs."""
    user: str | None = None
    """Who logged in; null where nobody has to."""
    peer: str | None = None
    """Address and port of the reader; null for whoever may not end the session."""
    transport: Literal["tcp", "udp"]
    since: Time
    """Of the first SETUP."""
    age_s: Rate
    """Seconds since then, up to the end."""
    playing: bool
    bytes: Count = 0
    """RTP packets sent to the reader, in bytes."""
    dropped: Count = 0
    """Access units that the reader was too slow for."""


class EndedSessionDocument(Document):
    """A reader that went, or a connection that ended before it had a session."""

    reason: EndReason
    ended: Time
    peer: str | None = None
    """As in a session."""
    count: Annotated[int, Field(ge=1)] = 1
    """More than 1 in a flood: so many ended for this reason within a second or so."""
    session: SessionDocument | None = None
    """Null for a connection."""


class SessionsDocument(Document):
    """The readers that are there, and the last ones that went."""

    sessions: tuple[SessionDocument, ...]
    ended: tuple[EndedSessionDocument, ...]
    """The newest first, 64 at most."""


class ProbeMediaDocument(Document):
    """One media of a camera's description."""

    kind: str
    protocol: str
    encodings: tuple[str, ...]
    selected: bool
    """Whether it is the one that a stream would take."""


class ProbeDocument(Document):
    """What a camera answered."""

    reachable: bool
    reason: str | None = None
    """Why it isn't."""
    codec: str | None = None
    server: str | None = None
    media: tuple[ProbeMediaDocument, ...] = ()
