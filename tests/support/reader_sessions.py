"""Readers' sessions run here without a server: their outlets keep all data, and their listeners remember all calls."""

from transcoder.output.fanout import Fanout, Track
from transcoder.output.session import ReaderListener, ReaderSession
from transcoder.rtp.sender import PreparedAccessUnit
from transcoder.rtsp.session import EndReason


class Outlet:
    """Keeps all data that is sent; a test sets its backlog, and may break it."""

    def __init__(self) -> None:
        self.waiting = 0
        self.frames: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.is_broken = False

    def backlog(self) -> int:
        return self.waiting

    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        self.frames.append(bytes(data))

    def send_rtcp(self, data: bytes) -> None:
        if self.is_broken:
            raise OSError("the reader is gone")
        self.rtcp.append(data)


class Remembering(ReaderListener):
    """Remembers all calls."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def reader_plays(self, session: ReaderSession) -> None:
        self.told.append((session.id, "plays"))

    def reader_gone(self, session: ReaderSession, reason: EndReason) -> None:
        self.told.append((session.id, reason.value))

    def connection_ended(self, peer: str, reason: EndReason) -> None:
        self.told.append((peer, reason.value))


def track(fanout: Fanout, outlet: Outlet) -> Track:
    return Track(outlet=outlet, sender=fanout.new_sender(5.0))


def session(
    fanout: Fanout, listener: ReaderListener, video: Track, name: str = "s1", *, is_own: bool = False
) -> ReaderSession:
    made = ReaderSession(
        id=name,
        path="front",
        user="vms",
        peer="192.0.2.7:50000",
        transport="tcp",
        since=1_700_000_000.0,
        started=100.0,
        fanout=fanout,
        listener=listener,
        is_own=is_own,
    )
    made.set_up(0, video, "tcp")
    return made
