"""The RTSP client tells these events, in the order in which things happened."""

from dataclasses import dataclass

from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import InterleavedFrame, InterleavedFrames, Response
from transcoder.rtsp.urls import RtspUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """DESCRIBE was answered; the caller picks a media and calls setup().

    Attributes:
        body: the session description as received.
        server: the Server field, for fingerprints only.
        realm: the realm of the camera's challenge, or "", for fingerprints only.
        let_in: whether the camera challenged a request of this connection and accepted the answer.
    """

    body: bytes
    server: str
    realm: str = ""
    let_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """SETUP was answered; PLAY is on its way, or another setup() is expected.

    Attributes:
        transport: the transport that the server agreed to, gaps filled from the request; None where the server refused
            an optional media.
    """

    transport: Transport | None


@dataclass(frozen=True, slots=True)
class Playing:
    """PLAY was answered."""


@dataclass(frozen=True, slots=True)
class Redirected:
    """The server wants this client at another port or path of the configured host."""

    url: RtspUrl


@dataclass(frozen=True, slots=True)
class Closed:
    """TEARDOWN was answered, or nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A response came, whatever its status; told only with keep_everything.

    Attributes:
        method: the method of the request that it answers, or "" where it answers none.
    """

    method: str
    response: Response


Event = Described | SetUp | Playing | InterleavedFrames | Redirected | Closed | Answered | InterleavedFrame
"""The events of the client. Answered and InterleavedFrame, a frame on a channel that was never set up, are told only
with keep_everything."""


@dataclass(slots=True)
class ClientCounters:
    """Counts how often the camera did something on this connection that was tolerated."""

    unassigned_channel: int = 0
    unassigned_bytes: int = 0
    requests_from_server: int = 0
    session_changes: int = 0
    unmatched_responses: int = 0
    keep_alive_refused: int = 0
    wrong_targets: int = 0
    measured_descriptions: int = 0

    def faults(self) -> dict[str, int]:
        """Return the count of each kind in words."""
        return {
            "requests of the camera": self.requests_from_server,
            "another session id": self.session_changes,
            "responses to nothing": self.unmatched_responses,
            "keep-alives refused": self.keep_alive_refused,
            "URLs of the session that are not known": self.wrong_targets,
            "descriptions without their length": self.measured_descriptions,
        }
