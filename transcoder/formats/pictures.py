"""Pictures that are no NAL units are collected here: the picture whose packets are coming, and complete ones."""

from abc import abstractmethod
from collections import Counter, deque

from typing_extensions import override

from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.formats.depacketizer import Depacketizer, RtpPacket

MAX_PICTURE_SIZE = MAX_ACCESS_UNIT_SIZE
LAYER = "picture_in"
"""The ledger's name for whatever a picture carries beside itself."""


class OpenPicture:
    """Holds the picture whose packets are coming, and the access units of the pictures before it.

    Args:
        codec: the codec of the pictures.

    Attributes:
        faults: the number of faults by kind.
        data: the bytes of the open picture.
        is_open: True when a picture has begun.
        is_damaged: True when a part of the open picture is missing.
        last: monotonic seconds at the open picture's last packet.
    """

    def __init__(self, codec: PictureCodec) -> None:
        self._codec = codec
        self._timestamp = 0
        self._arrival = 0.0
        self._ready: deque[AccessUnit] = deque()
        self.faults: Counter[str] = Counter()
        self.data = bytearray()
        self.is_open = False
        self.is_damaged = False
        self.last = 0.0
        self._has_markers = False

    def lacks_marker(self, packet: RtpPacket) -> bool:
        """Return whether the open picture ended without a marker, because this packet is of another one; count that."""
        if not self.is_open or packet.timestamp == self._timestamp:
            return False
        self.faults["picture without marker"] += 1
        self._has_markers = False
        return True

    def is_ended_by(self, packet: RtpPacket) -> bool:
        """Return whether a packet has the marker, which stands on the last packet of a picture."""
        if packet.marker:
            self._has_markers = True
        return packet.marker

    @property
    def held_since(self) -> float | None:
        """Return the arrival of the last packet of a picture that only the next one can end, or None.

        Where pictures have markers, an open one lacks its last packet.
        """
        return self.last if self.is_open and not self._has_markers else None

    def begin(self, packet: RtpPacket, now: float, *, damaged: bool) -> None:
        """Open a picture with its first packet."""
        self.is_open = True
        self.is_damaged = damaged
        self._timestamp = packet.timestamp
        self._arrival = now

    def lose(self, *, restart: bool) -> bool:
        """Take note that packets of the open picture are missing; return whether a restart ends the picture there."""
        if not self.is_open:
            return False
        self.is_damaged = True
        if restart:
            self.faults["cut off by a restart"] += 1
        return restart

    def end(self) -> None:
        """Close the picture; put(), called before or after this, makes access units of the picture."""
        self.data = bytearray()
        self.is_open = self.is_damaged = False

    def put(self, elements: list[bytes], *, random_access: bool, damaged: bool) -> None:
        """Add an access unit with the timestamp and the arrival of the picture that was open last."""
        self._ready.append(
            AccessUnit(
                codec=self._codec,
                timestamp=self._timestamp,
                nal_units=elements,
                random_access=random_access,
                damaged=damaged,
                arrival=self._arrival,
                completed=self.last,
            )
        )

    def next_access_unit(self) -> AccessUnit | None:
        """Return the next complete picture, or None."""
        return self._ready.popleft() if self._ready else None


class PictureDepacketizer(Depacketizer):
    """Is the part that all depacketizers of such pictures share.

    Args:
        codec: the codec of the pictures.
    """

    def __init__(self, codec: PictureCodec) -> None:
        self._picture = OpenPicture(codec)

    @property
    @override
    def faults(self) -> Counter[str]:
        return self._picture.faults

    @override
    def lose(self, *, restart: bool) -> None:
        if self._picture.lose(restart=restart):
            self._close()

    @property
    @override
    def held_since(self) -> float | None:
        return self._picture.held_since

    @override
    def release_picture(self) -> None:
        if self.held_since is not None:
            self._close()

    @override
    def next_access_unit(self) -> AccessUnit | None:
        return self._picture.next_access_unit()

    @abstractmethod
    def _close(self) -> None:
        """Make an access unit of the open picture, and end it."""
