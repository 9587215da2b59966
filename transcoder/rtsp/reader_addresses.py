"""Over UDP a reader is known by its host and by the SSRC of its packets; its reports may come from any port.

A NAT may give a reader other ports than those that it announced. Packets follow it there, under conditions: a receiver
report names our SSRC, which only the reader and the network between know, a hole punch came to our RTP port, both are
from the reader's own host, and the ports in use have been silent for a while. So nobody steers packets to another host,
and nobody takes them from a reader that is heard.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

SILENT_S: Final = 15.0
"""Seconds without a sign from the ports in use, after which a reader may be followed to others; a reader reports
every five seconds or so. A reader moves no more often than this."""
RECENT_S: Final = 60.0
"""Seconds for which a hole punch, and a report from another port, is remembered: a session without a sign ends then."""
MAX_PUNCHES: Final = 8
"""Hole punches that are remembered of one host: those of four readers with two tracks that begin together."""

Owner = TypeVar("Owner", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(Generic[Owner]):
    """Says that packets of a track go to other ports of the same host from now on.

    Attributes:
        owner: the session.
        number: the number of the track.
        ports: the reader's RTP and RTCP port.
    """

    owner: Owner
    number: int
    ports: tuple[int, int]


@dataclass(slots=True, kw_only=True, eq=False)
class _Path(Generic[Owner]):
    """Holds where one track of a session is sent to."""

    owner: Owner
    number: int
    host: str
    ports: tuple[int, int]
    ssrc: int
    heard: float = float("-inf")
    """Monotonic seconds of the last sign from the ports in use, or of the last move."""
    elsewhere: tuple[int, float] = (0, float("-inf"))
    """The other port that a report with the track's SSRC came from, and when."""


@dataclass(frozen=True, slots=True)
class _Punch:
    port: int
    ssrc: int
    at: float


@dataclass(slots=True)
class _Host(Generic[Owner]):
    """Holds the tracks that are sent to one host."""

    by_ssrc: dict[int, _Path[Owner]] = field(default_factory=dict)
    by_port: dict[int, _Path[Owner]] = field(default_factory=dict)
    reported: dict[int, _Path[Owner]] = field(default_factory=dict)
    """The tracks, by SSRC, whose reports come from another port."""
    punches: deque[_Punch] = field(default_factory=lambda: deque(maxlen=MAX_PUNCHES))


class ReaderAddresses(Generic[Owner]):
    """Knows the tracks that are sent over UDP, whose report is whose, and who is to be followed."""

    def __init__(self) -> None:
        self._hosts: dict[str, _Host[Owner]] = {}

    def add(self, owner: Owner, number: int, host: str, ports: tuple[int, int], ssrc: int) -> None:
        """Note a track that was set up, in the place of the one that its owner had under the same number.

        Args:
            owner: the session.
            number: the number of the track.
            host: the reader's address.
            ports: the RTP and the RTCP port that the reader announced.
            ssrc: the SSRC of the track's packets.
        """
        self.remove(owner, host, number)
        record = self._hosts.setdefault(host, _Host())
        path = record.by_ssrc[ssrc] = _Path(owner=owner, number=number, host=host, ports=ports, ssrc=ssrc)
        record.by_port.update(dict.fromkeys(ports, path))

    def remove(self, owner: Owner, host: str, number: int | None = None) -> None:
        """Forget a track of an owner, or all of them; one that is not here changes nothing."""
        record = self._hosts.get(host)
        if record is None:
            return
        for path in list(record.by_ssrc.values()):
            if path.owner == owner and number in {None, path.number}:
                del record.by_ssrc[path.ssrc]
                record.reported.pop(path.ssrc, None)
                record.by_port = {port: of for port, of in record.by_port.items() if of is not path}
        if not record.by_ssrc:
            del self._hosts[host]

    def receive_report(
        self, host: str, port: int, ssrcs: Iterable[int], now: float
    ) -> tuple[set[Owner], list[Moved[Owner]]]:
        """Take a reader's report.

        Args:
            host: the address that the report came from.
            port: the port that it came from.
            ssrcs: the SSRCs that the report is about.
            now: monotonic seconds.

        Returns:
            The sessions that are alive by this report, and the tracks that moved.
        """
        record = self._hosts.get(host)
        if record is None:
            return set(), []
        alive, moved = set[Owner](), list[Moved[Owner]]()
        at_port = record.by_port.get(port)
        if at_port is not None:
            at_port.heard = now
            alive.add(at_port.owner)
        for path in [record.by_ssrc[ssrc] for ssrc in ssrcs if ssrc in record.by_ssrc]:
            alive.add(path.owner)
            if port in path.ports:
                path.heard = now
            elif at_port is None or at_port.owner == path.owner:
                path.elsewhere = (port, now)
                record.reported[path.ssrc] = path
                moved += self._follow(record, path, now)
        return alive, moved

    def receive_punch(self, host: str, port: int, data: bytes, now: float) -> list[Moved[Owner]]:
        """Take a datagram that came to our RTP port, which opens a way through a NAT; return the tracks that moved."""
        record = self._hosts.get(host)
        if record is None:
            return []
        at_port = record.by_port.get(port)
        if at_port is not None:
            at_port.heard = now
            return []
        # the SSRC of an RTP header (RFC 3550 section 5.1); FFmpeg's punch has 0 there, others are shorter
        ssrc = int.from_bytes(data[8:12]) if len(data) >= 12 else 0
        record.punches = deque((old for old in record.punches if old.port != port), maxlen=MAX_PUNCHES)
        record.punches.append(_Punch(port, ssrc, now))
        moved = list[Moved[Owner]]()
        for path in list(record.reported.values()):
            if now - path.elsewhere[1] > RECENT_S:
                del record.reported[path.ssrc]
            else:
                moved += self._follow(record, path, now)
        return moved

    def _follow(self, record: _Host[Owner], path: _Path[Owner], now: float) -> list[Moved[Owner]]:
        """Move a track to where its reports and a hole punch come from, if it is silent where it is."""
        port = self._punched(record, path, now)
        rtcp, at = path.elsewhere
        is_silent = now - path.heard > SILENT_S and now - at <= RECENT_S
        if port is None or not is_silent or {port, rtcp} & record.by_port.keys():
            return []
        record.by_port = {known: of for known, of in record.by_port.items() if of is not path}
        path.ports, path.heard = (port, rtcp), now
        record.by_port.update(dict.fromkeys(path.ports, path))
        record.reported.pop(path.ssrc, None)
        record.punches = deque((punch for punch in record.punches if punch.port != port), maxlen=MAX_PUNCHES)
        return [Moved(owner=path.owner, number=path.number, ports=path.ports)]

    @staticmethod
    def _punched(record: _Host[Owner], path: _Path[Owner], now: float) -> int | None:
        """Return the port of the hole punch that is a track's, None where there is none or nobody can tell.

        It names the track's SSRC; or it comes from the port below that of the track's report, as a NAT that keeps pairs
        together has it (RFC 4787 REQ-4); or it is the only one, of a host with this track alone.
        """
        recent = [punch for punch in record.punches if now - punch.at <= RECENT_S]
        named = [punch.port for punch in recent if punch.ssrc == path.ssrc]
        unnamed = [punch.port for punch in recent if punch.ssrc not in record.by_ssrc]
        beside = [port for port in unnamed if port == path.elsewhere[0] - 1]
        alone = unnamed if len(unnamed) == len(record.by_ssrc) == 1 else []
        return next(iter((*named, *beside, *alone)), None)
