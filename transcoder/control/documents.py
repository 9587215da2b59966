"""One set of documents tells of streams over MQTT and HTTP and in metrics.

No document holds a credential, and a camera's address stands only where a field says so.
"""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, Field

from transcoder.assets.state import State
from transcoder.control.document_parts import SHOWN, Count, PushDocument, Rate, Time
from transcoder.rtsp.session import EndReason
from transcoder.source.problems import ProblemCode
from transcoder.worker_options import MAIN

SCHEMA_VERSION: Final = 1
"""The version of these documents, raised when a field changes its meaning or goes."""

Status = Literal["online", "degraded", "offline", "disabled"]

EventType = Literal[
    "added",
    "updated",
    "removed",
    "swapped",
    "source_lost",
    "source_encrypted",
    "source_unreadable",
    "source_recovered",
    "camera_key_changed",
    "camera_login_downgraded",
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
    "push_started",
    "push_lost",
    "verdict",
    "asset_state",
    "config_rejected",
    "config_reloaded",
]

EVENT_TYPES: Final = frozenset(get_args(EventType))


class Document(BaseModel):
    """A document shows all its fields always."""

    model_config = SHOWN


class SourceDocument(Document):
    """Describes the media that come from the camera."""

    connected: bool
    codec: str | None = None
    width: Count | None = None
    height: Count | None = None
    aspect: Rate | None = None
    """The width of the picture by its height, as it is shown: the samples of some cameras are not square."""
    fps: Rate = 0.0
    """Pictures a second, over the last second."""
    kbps: Rate = 0.0
    """kbit/s, over the last second."""
    vendor: str | None = None
    """The vendor family that the camera seems to be of."""
    packets: Count = 0
    """RTP packets of the present connection."""
    packets_lost: Count = 0
    bytes: Count = 0
    connects: Count = 0
    losses: Count = 0


class OutputDocument(Document):
    """Describes the pictures that readers get."""

    codec: str | None = None
    width: Count | None = None
    height: Count | None = None
    frame_rate: Rate | None = None
    """Pictures a second that the stream announces."""
    fps: Rate = 0.0
    kbps: Rate = 0.0
    bitrate_kbps: Count = 0
    """The cap of the bitrate, kbit/s."""
    gop_s: Rate = 0.0
    readers: Count = 0
    pictures: Count = 0
    repeated: Count = 0
    """Pictures that were shown again because the camera sent none."""
    idr: Count = 0
    bytes: Count = 0
    delay_s: Rate | None = None
    """Median delay of the last pictures: from a picture's last packet to the readers, seconds."""


class RenditionDocument(OutputDocument):
    """Describes the pictures that readers of one of the stream's renditions get."""

    asleep: bool = False
    """Whether the rendition, which is made on demand, is not made now, because nobody reads it."""


class WorkerDocument(Document):
    """Names the processes of the stream's worker."""

    pid: int | None = None
    """The process that encodes; it decodes too where the work is not split."""
    decoding_pid: int | None = None
    """The process that decodes, where that is another one."""


class FaultsDocument(Document):
    """Counts the faults since the stream was started."""

    damaged_access_units: Count = 0
    shed_access_units: Count = 0
    """Access units that were dropped because the worker could not keep up."""
    worker_starts: Count = 0
    worker_deaths: Count = 0
    """Processes of workers that were lost."""
    decoding_deaths: Count = 0
    """The decoding processes among them, where decoding has a process of its own."""
    rejected_from_worker: Count = 0
    """Messages of the worker that no encoder of ours makes."""


class LedgerEntryDocument(Document):
    """Counts one kind of thing that was not let through."""

    layer: str
    kind: str
    count: Count
    bytes: Count
    rate: Rate
    """Number a second, over the last ten seconds or so."""
    first_seen: Time
    last_seen: Time
    example: str | None = None
    """At most 64 bytes of the latest piece, in hex; only where `ledger.examples` is true."""
    name: str | None = None
    """The camera's own name for a media that was not set up, escaped and cut; only where `ledger.examples` is true."""


class VerdictDocument(Document):
    """Says what the gateway found when it read one of its own streams as a reader would."""

    number: Count
    """A number that counts up over all streams and restarts."""
    rendition: str = MAIN
    """The output that was read: the stream's own picture, `main`, or a rendition."""
    verdict: Literal["clean", "unclean", "nothing to judge"]
    """`nothing to judge`: only a slate was served, or the stream could not be read or was not."""
    at: Time
    reason: str | None = None
    """The reasons why the stream isn't clean, in one line; of a clean one for how long only a slate was served."""
    pictures: Count = 0
    seconds: Rate = 0.0
    """The seconds for which the stream was read."""
    by: str
    """`schedule`, or the writer who asked for it."""
    signed: bool = False
    """Whether there was a signed statement; the newest ones are kept."""


class VerdictsDocument(Document):
    """Lists the verdicts on a stream, the newest first, 30 at most."""

    verdicts: tuple[VerdictDocument, ...]


class ServedSpanDocument(Document):
    """Describes a span of time in which a stream showed pictures of one origin."""

    begin: Time
    end: Time
    """The end; times in which nothing was served lie between spans."""
    shows: Literal["camera", "slate"]
    """`slate`: the last picture again, once a second, or a grey one, while the camera sends none."""
    pictures: Count
    """The pictures in that time; those of a span that began before `since` are taken for evenly spread."""


class ServedDocument(Document):
    """Says when a stream showed pictures of its camera, and when it did not."""

    now: Time
    since: Time
    """The time from which on the spans are told: the one that was asked for, or the first one that is remembered."""
    camera_s: Rate
    """Seconds for which pictures of the camera were shown."""
    slate_s: Rate
    spans: tuple[ServedSpanDocument, ...]
    """The spans, the oldest first."""


class StreamStateDocument(Document):
    """Describes the present state of a stream."""

    title: str | None = None
    """The stream's name for people, as configured."""
    site: str | None = None
    """The place that the stream belongs to, as configured."""
    labels: dict[str, str] = {}
    """The stream's labels, as configured."""
    status: Status
    state: str
    """One of disabled, starting, connecting, playing and away."""
    problem: str | None = None
    """The reason why the stream isn't playing, in one line."""
    problem_code: ProblemCode | None = None
    """The kind of the problem; docs/control.md lists the codes."""
    next_attempt_at: Time | None = None
    """The time at which the camera is tried again; null where it is tried now, or waits its turn."""
    since: Time
    """The time since which `status` has its value."""
    source: SourceDocument
    output: OutputDocument
    renditions: dict[str, RenditionDocument] = {}
    """The pictures that are served beside the stream's own, by name."""
    faults: FaultsDocument
    worker: WorkerDocument = WorkerDocument()
    cpu: Rate = 0.0
    """The share of one core that the stream's worker takes."""
    rate_divisor: Count = 1
    """One picture in so many is encoded; more than 1 when the machine has no time for all of them."""
    motion: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of the picture that moves."""
    conditions: tuple[str, ...] = ()
    """The conditions of the picture now: frozen, dark, covered, scene_changed."""
    push: dict[str, PushDocument] = {}
    """The servers that the stream is sent to, by name."""
    verdict: VerdictDocument | None = None
    """The latest verdict of the gateway on the stream that it serves; null before the first one."""
    asset: str | None = None
    """The asset that feeds the stream, as configured."""
    asset_state: State | None = None
    """How far the phase-out of that asset is; docs/phase-out.md says what each state follows from."""
    sanitized: Count = 0
    """The number of all things that were not let through."""
    ledger: tuple[LedgerEntryDocument, ...] = ()
    """The most frequent kinds of things that were not let through, 32 at most; all of them are in the HTTP API."""


class StreamDocument(Document):
    """Describes a stream: its configuration and its present state."""

    id: str
    origin: Literal["file", "runtime", "changed"]
    """The origin of the stream's configuration: the file, a command, or the file with changes by commands."""
    config: dict[str, Any]
    """The stream's keys as in the configuration file, with defaults; a password shows as ***."""
    etag: str
    """A tag that changes whenever the configuration does."""
    state: StreamStateDocument


class EventDocument(Document):
    """Tells of an event: something happened."""

    sequence: Count
    """A number that counts up, from 1 at each start of the gateway."""
    event_type: EventType
    stream: str | None = None
    ts: Time
    detail: dict[str, Any] = {}


class EventsDocument(Document):
    """Lists the last events of a stream, the oldest first, 80 at most, 16 of them of readers."""

    events: tuple[EventDocument, ...]


class SandboxDocument(Document):
    """Tells which measures contain the workers, and, with `checker: ` before them, the process that verifies streams.

    Both lists are empty until the first worker can be started; the checker's are told once one has run.
    """

    mode: Literal["required", "best_effort"] = "best_effort"
    """What the configuration says about a measure that is missing."""
    in_force: tuple[str, ...] = ()
    """The names of the measures that are in force."""
    missing: dict[str, str] = {}
    """The measures that the kernel or the rights of the gateway do not allow, with the reason."""


class InfoDocument(Document):
    """Identifies the gateway."""

    product: Literal["transcoder"] = "transcoder"
    version: str
    node: str
    schema_version: int = SCHEMA_VERSION
    rtsp_port: int
    api_url: str | None = None
    """The URL of the HTTP API."""
    started: Time
    sandbox: SandboxDocument = SandboxDocument()


class StatsDocument(Document):
    """Holds totals over all streams."""

    uptime_s: Rate
    streams: Count
    online: Count
    readers: Count
    fps_in: Rate
    fps_out: Rate
    kbps_in: Rate
    kbps_out: Rate
    cpu: Rate
    """The cores that the workers take."""
    sanitized: Count
    mqtt_connected: bool | None = None
    """Whether the broker is connected; null where none is configured."""
    rtsp_sessions: Count = 0
    rtsp_auth_failures: Count = 0


class SessionDocument(Document):
    """Describes a reader's session, from its SETUP on."""

    id: str
    """A name of the session for operators; it is not the id that the reader uses."""
    stream: str
    path: str
    """The path in the session's URL: the stream's id, or the stream's id and the name of one of its outputs."""
    user: str | None = None
    """The user who logged in; null where nobody has to log in."""
    peer: str | None = None
    """Address and port of the reader; null for a client that may not end the session."""
    transport: Literal["tcp", "udp", "multicast", "web"]
    since: Time
    """The time of the first SETUP."""
    age_s: Rate
    """Seconds since the first SETUP, up to the end of the session."""
    playing: bool
    bytes: Count = 0
    """Bytes of the RTP packets that were sent to the reader."""
    dropped: Count = 0
    """Access units that the reader was too slow for."""


class EndedSessionDocument(Document):
    """Tells of a reader that went, or of a connection that ended before it had a session."""

    reason: EndReason
    ended: Time
    peer: str | None = None
    """Address and port of the reader, as in a session."""
    count: Annotated[int, Field(ge=1)] = 1
    """More than 1 in a flood: so many sessions or connections ended for this reason within a second or so."""
    session: SessionDocument | None = None
    """The session that ended; null for a connection."""


class SessionsDocument(Document):
    """Lists the present readers, and the last ones that went."""

    sessions: tuple[SessionDocument, ...]
    ended: tuple[EndedSessionDocument, ...]
    """The last ends, the newest first, 64 at most."""
