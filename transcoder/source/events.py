"""A camera session tells these events, in the order in which things happened.

Access units and audio units are events by themselves: the most frequent events are not wrapped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transcoder.codecs.access_unit import AccessUnit
from transcoder.errors import TranscoderError
from transcoder.rtp.audio import AudioUnit
from transcoder.rtsp.client_events import Answered
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import InterleavedFrame
from transcoder.sdp import AudioSelection, SessionDescription, VideoSelection

# -- events of the camera ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The camera described the media that it has.

    Attributes:
        description: the session description.
        server: the Server field of the camera's answer, or "".
        realm: the realm of the camera's challenge, or "".
        let_in: whether the camera challenged a request of this connection and accepted the answer.
    """

    description: SessionDescription
    server: str
    realm: str
    let_in: bool = False


@dataclass(frozen=True, slots=True)
class VideoSelected:
    """One of the described media is taken for the video; told again where its codec turned out to be another one."""

    selection: VideoSelection


@dataclass(frozen=True, slots=True)
class VideoSetUp:
    """The camera agreed to send the video."""

    transport: Transport


@dataclass(frozen=True, slots=True)
class AudioSetUp:
    """The camera agreed to send audio as well."""

    selection: AudioSelection


@dataclass(frozen=True, slots=True)
class AudioLeftOut:
    """The camera refused its audio, or did not answer; the video goes on without it."""


@dataclass(frozen=True, slots=True)
class Playing:
    """The camera answered PLAY: media may come from now on."""


@dataclass(frozen=True, slots=True)
class VideoRestarted:
    """The video began anew within the session: its timestamps have no relation to the timestamps before."""


@dataclass(frozen=True, slots=True)
class AudioRestarted:
    """The audio began anew within the session: its timestamps have no relation to the timestamps before."""


# -- requests to the shell -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JoinGroup:
    """The media comes in a multicast group: a pair of ports has to join it."""

    group: str
    ports: tuple[int, int]


@dataclass(frozen=True, slots=True)
class OpenWay:
    """A datagram has to go to the camera's ports of a media, so that NAT and firewalls let the camera's packets in."""

    track: int
    ports: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SendReport:
    """A receiver report has to go to the camera's RTCP port of the video."""

    data: bytes
    port: int


@dataclass(frozen=True, slots=True)
class Redirected:
    """The session goes on over another connection.

    The camera is found elsewhere on its host, and the session's URL has changed, or the camera closed the connection
    with its challenge.
    """


@dataclass(frozen=True, slots=True)
class Lost:
    """The session ended; nothing follows."""

    error: TranscoderError


@dataclass(frozen=True, slots=True)
class Left:
    """TEARDOWN was answered, or has been waited for long enough: the connection may be closed."""


# -- diagnostic events ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RtpReceived:
    """An RTP packet came on the way of the video, whatever its payload type; told only with keep_everything."""

    data: memoryview
    now: float


@dataclass(frozen=True, slots=True)
class RtcpReceived:
    """An RTCP packet came on the way of the video; told only with keep_everything."""

    data: memoryview
    now: float


DiagnosticEvent = Answered | InterleavedFrame | RtpReceived | RtcpReceived
"""The events of a session that keeps everything: every response, every frame on a channel that was never set up, and
every packet of the video."""
Event = (
    Described
    | VideoSelected
    | VideoSetUp
    | AudioSetUp
    | AudioLeftOut
    | Playing
    | AccessUnit
    | AudioUnit
    | VideoRestarted
    | AudioRestarted
    | JoinGroup
    | OpenWay
    | SendReport
    | Redirected
    | Lost
    | Left
    | DiagnosticEvent
)
OnEvent = Callable[[Event], None]
"""A function that takes every event of a session, one after another."""
Reactions = dict[type, Callable[[Any], None]]
"""The reaction to each type of event that a listener takes; events of other types are left alone."""
