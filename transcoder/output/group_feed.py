"""A multicast group is one reader of an output, however many sessions there are: packets are numbered and sent once.

Each session keeps a place among the output's readers, which counts it and gets nothing. Its PLAY is answered at the
next IDR, with the numbers that the group's packets have then.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from typing_extensions import override

from transcoder.output.fanout import VIDEO, Beginning, Fanout, Packets, Reader, Readers, Track
from transcoder.rtp.sender import PreparedAccessUnit


@dataclass(slots=True, kw_only=True, eq=False)
class GroupTrack(Track):
    """This is the share that one session has in a track of a group.

    Attributes:
        number: the number of the track.
        on_leave: is told when the session leaves the track; the group goes on for others.
    """

    number: int
    on_leave: Callable[["GroupTrack"], None] = field(repr=False)

    @override
    def leave(self) -> None:
        self.on_leave(self)


class _GroupReader(Reader):
    """Takes pictures and sound for the group.

    Args:
        on_begin: is called with the group's next packets before a picture, or a sound, that sessions may begin with.
        on_sent: is called with the bytes of packets that were sent.
    """

    def __init__(self, on_begin: Callable[[Packets], None], on_sent: Callable[[int], None]) -> None:
        super().__init__({}, on_begin, is_counted=False)
        self._on_begin = on_begin
        self._on_sent = on_sent

    def take(self, number: int, track: Track | None) -> None:
        """Send a track from now on, or no more."""
        if number == VIDEO:
            self._waits_for_random_access = self._waits_for_random_access or self._video is None
            self._video = track
        else:
            self._audio = track

    @override
    def give(self, unit: PreparedAccessUnit, limit: int, begin: Beginning | None = None) -> bool:
        if self.has_begun and begin is not None and self._video is not None:
            self._on_begin(self.packets(begin))
        before = self.sent_bytes
        is_given = super().give(unit, limit, begin)
        self._on_sent(self.sent_bytes - before)
        return is_given

    @override
    def give_audio(self, unit: PreparedAccessUnit, limit: int) -> None:
        if self.has_begun and self._audio is not None and self._video is None:
            self._on_begin(self.packets(Beginning(audio_timestamp=unit.timestamp)))
        before = self.sent_bytes
        super().give_audio(unit, limit)
        self._on_sent(self.sent_bytes - before)


class GroupFeed(Readers):
    """Sends an output to a group while sessions play, and holds their places among the output's readers.

    Args:
        fanout: the readers of the output.
        new_track: makes the group's track of a number.
    """

    def __init__(self, fanout: Fanout, new_track: Callable[[int], Track]) -> None:
        self._fanout = fanout
        self._new_track = new_track
        self._tracks: dict[int, Track] = {}
        self._members: dict[Reader, list[GroupTrack]] = {}
        self._waiting: list[Reader] = []
        self._reader: _GroupReader | None = None

    @property
    def is_sending(self) -> bool:
        """Return whether a session plays."""
        return self._reader is not None

    def share(self, number: int) -> GroupTrack:
        """Return a session's share in a track, which counts while the session plays."""
        if number not in self._tracks:
            self._tracks[number] = self._new_track(number)
        track = self._tracks[number]
        return GroupTrack(outlet=track.outlet, sender=track.sender, number=number, on_leave=self._drop)

    @override
    def add(self, reader: Reader) -> None:
        self._fanout.add(reader)  # which counts it, and asks for an IDR
        shares = [track for track in reader.tracks.values() if isinstance(track, GroupTrack)]
        for share in shares:
            reader.leave_out(share.number)
        self._members[reader] = shares
        self._waiting.append(reader)
        is_first = self._reader is None
        group = self._reader = self._reader or _GroupReader(self._begin, self._count)
        for share in shares:
            share.sender.report_soon()
            group.take(share.number, self._tracks[share.number])
        if is_first:
            self._fanout.add(group)

    @override
    def remove(self, reader: Reader) -> None:
        shares = self._members.pop(reader, [])
        if reader in self._waiting:
            self._waiting.remove(reader)
        self._fanout.remove(reader)
        for share in shares:
            self._stop_unless_shared(share.number)

    def _begin(self, packets: Packets) -> None:
        waiting, self._waiting = self._waiting, []
        for reader in waiting:
            reader.begin(packets)

    def _count(self, sent_bytes: int) -> None:
        for reader in self._members:
            reader.sent_bytes += sent_bytes

    def _drop(self, share: GroupTrack) -> None:
        for shares in self._members.values():
            if any(each is share for each in shares):
                shares[:] = [each for each in shares if each is not share]
                self._stop_unless_shared(share.number)
                return

    def _stop_unless_shared(self, number: int) -> None:
        """Send a track no more if nobody is left who takes it."""
        wanted = {share.number for shares in self._members.values() for share in shares}
        if number in wanted or self._reader is None:
            return
        self._tracks[number].leave()
        self._reader.take(number, None)
        if not wanted:
            self._fanout.remove(self._reader)
            self._reader = None
