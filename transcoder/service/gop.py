"""The camera's current group of pictures is kept so that a new worker can show pictures at once.

Cameras send an IDR every 4 s, smart codecs every 20 s or less; a worker that is replaced in between would have nothing
to begin with.
"""

from dataclasses import dataclass, field

from transcoder.ipc.messages import DECODE_ONLY, RANDOM_ACCESS, serialize_access_unit, serialize_announcement
from transcoder.source.intake import CodedUnit

MAX_BYTES = 24 << 20
"""Bytes of a group of pictures, at most: 48 s at 4 Mbit/s."""
MAX_ACCESS_UNITS = 2000
"""Access units of a group, at most: a worker decodes about 10 s at 1080p of them; more would not be back in time
anyway."""
MAX_DEATHS = 2
"""The number of workers that may die of a group of pictures before it is discarded."""


@dataclass(slots=True)
class SentUnit:
    """Holds an access unit as a worker is sent it.

    Attributes:
        unit: the access unit.
        flags: DECODE_ONLY, RANDOM_ACCESS.
        arrival: monotonic seconds at its last packet.
    """

    unit: CodedUnit
    flags: int
    arrival: float

    def to_bytes(self) -> bytes:
        """Return the message for the process that decodes."""
        return serialize_access_unit(self.unit.codec, self.flags, self.unit.pts, self.arrival, self.unit.data)

    def announcement(self) -> bytes:
        """Return the message for the process that encodes."""
        return serialize_announcement(self.flags, self.unit.pts, self.arrival)


@dataclass(slots=True)
class GroupOfPictures:
    """Holds the access units since the last random access point, within bounds.

    Attributes:
        deaths: workers that died while they had this group.
        discarded: groups given up because workers died of them.
    """

    units: list[CodedUnit] = field(default_factory=list)
    size: int = 0
    deaths: int = 0
    discarded: int = 0
    _usable: bool = False

    def add(self, unit: CodedUnit) -> bool:
        """Remember an access unit; return False when it must not be decoded, because its group was discarded."""
        if unit.random_access:
            self.units = []
            self.size = 0
            self.deaths = 0
            self._usable = True
        elif not self._usable:
            return self.deaths < MAX_DEATHS
        if self.size + len(unit.data) > MAX_BYTES or len(self.units) >= MAX_ACCESS_UNITS:
            self.units = []
            self.size = 0
            self._usable = False
            return True
        self.units.append(unit)
        self.size += len(unit.data)
        return True

    def clear(self) -> None:
        """Forget the group: the next access units have no relation to it."""
        self.units = []
        self.size = 0
        self.deaths = 0
        self._usable = False

    def worker_died(self) -> None:
        """Note that a worker died while it had these pictures; a group that keeps killing gets no third worker."""
        self.deaths += 1
        if self.deaths >= MAX_DEATHS and self._usable:
            self.units = []
            self.size = 0
            self._usable = False
            self.discarded += 1

    def replay(self, now: float) -> list[SentUnit]:
        """Return the access units for a new worker: all but the last picture are decoded only.

        Args:
            now: monotonic seconds; the last picture counts as just arrived.
        """
        last = len(self.units) - 1
        return [
            SentUnit(unit, (RANDOM_ACCESS if unit.random_access else 0) | (DECODE_ONLY if index < last else 0), now)
            for index, unit in enumerate(self.units)
        ]
