"""The RTSP server's core and its shell exchange these events and questions; all connections share the context."""

from dataclasses import dataclass, field
from typing import Protocol

from transcoder.login_brake import LoginBrake
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.multicast_groups import Group, MulticastGroups
from transcoder.rtsp.nonces import Nonces
from transcoder.rtsp.own_reader import OwnReader
from transcoder.rtsp.reader_auth import LoginWays
from transcoder.rtsp.session import ServerOptions, ServerSession, SessionTable

VIDEO, AUDIO = 0, 1
"""The numbers of the tracks in control URIs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeRequested:
    """A reader wants a session description; answer with respond_description() or reject().

    Attributes:
        path: the path of the stream.
        base: scheme, host and port under which the reader knows the server.
        audio: whether the reader takes sound.
        group: the multicast group that the description names; None for a reader that did not ask for one.
    """

    path: str
    base: str
    audio: bool = True
    group: Group | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRequested:
    """A reader sets up a track, and is allowed to; answer with accept_setup().

    Attributes:
        session: a new session, or the session that is changed or gets another track.
        track: VIDEO or AUDIO.
        transport: the answer but for the SSRC: the first transport offered that is served.
    """

    session: ServerSession
    track: int
    transport: Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayRequested:
    """A reader wants to play; answer with respond_play() once the first packet is known."""

    session: ServerSession


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRequested:
    """A reader paused, and was answered; stop sending."""

    session: ServerSession


@dataclass(frozen=True, slots=True, kw_only=True)
class TeardownRequested:
    """A reader ended its session or one of its tracks, and was answered.

    Attributes:
        session: the session; it is not in the table any more, unless one track is meant.
        track: the track that ended, None where the session did.
    """

    session: ServerSession
    track: int | None = None


@dataclass(frozen=True, slots=True)
class ReaderFrame:
    """The reader sent an interleaved frame, which holds RTCP."""

    channel: int
    data: memoryview


Event = DescribeRequested | SetupRequested | PlayRequested | PauseRequested | TeardownRequested | ReaderFrame


class Directory(Protocol):
    """The core asks these questions about users and streams."""

    def passwords(self) -> dict[str, str]:
        """Return readers' passwords by user name; where it is empty, nobody has to log in."""

    def may_read(self, user: str, path: str) -> bool:
        """Return whether a user may read the stream that is served under a path."""

    def tracks(self, path: str) -> int:
        """Return how many tracks are served under a path now: 0 for no stream, 1 for video, 2 for video and audio."""

    def aliased(self, path: str) -> str | None:
        """Return the path of the stream that a path and query are another name of, None where they are none."""

    def is_disabled(self, path: str) -> bool:
        """Return whether there is a stream under a path and no picture comes of it, because it is disabled."""


@dataclass(slots=True)
class ServerCounters:
    """Counts the work of all connections of a server, over the life of the server.

    Attributes:
        connections: connections that were taken in.
        auth_failures: wrong answers to a challenge.
        rejected: answers that were errors, by status.
        ignored_reports: datagrams at the RTCP port that are no report of a reader.
        moved_readers: tracks over UDP that followed their reader through a NAT to other ports.
    """

    connections: int = 0
    auth_failures: int = 0
    rejected: dict[int, int] = field(default_factory=dict)
    ignored_reports: int = 0
    moved_readers: int = 0


@dataclass(slots=True, kw_only=True)
class ServerContext:
    """Holds everything that all connections of a server share.

    Attributes:
        directory: knows users, their rights, and streams.
        sessions: all sessions of the server.
        options: times and limits.
        udp_ports: the server's RTP and RTCP ports; None where nothing is served over UDP.
        groups: knows the multicast group of each path; None where nothing is served by multicast.
        counters: the counters over the life of the server.
        own_reader: the login with which the gateway reads its own streams; None where it reads none.
        brake: makes whoever guesses passwords wait.
        nonces: makes the nonces of all connections.
        login_ways: how readers may log in, besides by Digest MD5.
    """

    directory: Directory
    sessions: SessionTable
    options: ServerOptions
    udp_ports: tuple[int, int] | None
    groups: MulticastGroups | None = None
    counters: ServerCounters = field(default_factory=ServerCounters)
    own_reader: OwnReader | None = None
    brake: LoginBrake = field(default_factory=LoginBrake)
    nonces: Nonces = field(default_factory=Nonces)
    login_ways: LoginWays = field(default_factory=LoginWays)
