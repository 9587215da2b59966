"""A slot's lease core commands its gateway and asks its peers with these, and hears these reports."""

from dataclasses import dataclass
from enum import StrEnum

from transcoder.fleet.store_reach import StoreWord


class LetGoReason(StrEnum):
    """The reason why a slot lets go of its shard."""

    LATE = "late"
    """The lease was not renewed in time, and the peers did not say that the store is away."""
    LOST = "lost"
    """The store says that the lease has ended, and another slot has the shard."""
    DRAIN = "drain"
    NOT_TAKEN = "not_taken"
    """The gateway did not take the streams or the address in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPeers:
    """Ask every peer whether it reaches the store."""

    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeStreams:
    """Take the streams of a shard, all in parallel."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldAddress:
    """Put the shard's address up, or keep it up, until a deadline.

    Attributes:
        shard: the name of the shard.
        until: monotonic seconds at which the address helper drops the address by itself.
    """

    shard: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Tell the network where the address is: gratuitous ARP, unsolicited neighbour advertisements."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessions:
    """End the sessions of all readers, before the address goes: a reader hangs otherwise until its own time-out."""

    shard: str
    reason: LetGoReason


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAddress:
    """Drop the shard's address."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropStreams:
    """Say goodbye to the shard's cameras, to all in parallel, and remove its streams."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KillGateway:
    """Kill a gateway that did not drop everything in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAnswered:
    """A peer answered a question."""

    request: int
    peer: str
    word: StoreWord


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayReady:
    """The gateway runs and has no streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsTaken:
    """The gateway has the streams of the shard."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressUp:
    """The shard's address is up."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsEnded:
    """The sessions of all readers have ended."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressDropped:
    """The shard's address is down."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsDropped:
    """The gateway has no stream of the shard any more."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayDied:
    """The gateway has died, and its workers with it."""


GatewayCommand = TakeStreams | HoldAddress | Announce | EndSessions | DropAddress | DropStreams | KillGateway
GatewayReport = GatewayReady | StreamsTaken | AddressUp | SessionsEnded | AddressDropped | StreamsDropped | GatewayDied
