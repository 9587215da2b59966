"""Pictures that are no NAL units: the one whose packets are coming, and those that are complete."""

from collections import Counter, deque

from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.formats.depacketizer import RtpPacket

MAX_PICTURE_SIZE = MAX_ACCESS_UNIT_SIZE
LAYER = "picture_in"
"""The ledger's name of what a picture carries beside itself."""


class OpenPicture:
    """The picture whose packets are coming, and the access units that were made of the pictures before it.

    Args:
        codec: of the pictures.

    Attributes:
        faults: counted by kind.
        data: of the open picture.
        is_open: whether a picture has begun.
        is_damaged: whether a part of the open picture is missing.
        last: monotonic seconds of the open picture's last packet.
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

    def lacks_marker(self, packet: RtpPacket) -> bool:
        """Whether the open picture ended without a marker, because this packet is of another one; counted."""
        if not self.is_open or packet.timestamp == self._timestamp:
            return False
        self.faults["picture without marker"] += 1
        return True

    def begin(self, packet: RtpPacket, now: float, *, damaged: bool) -> None:
        """Open a picture with its first packet."""
        self.is_open = True
        self.is_damaged = damaged
        self._timestamp = packet.timestamp
        self._arrival = now

    def lose(self, *, restart: bool) -> bool:
        """Take note that packets of the open picture are missing; whether it ends there, by a restart."""
        if not self.is_open:
            return False
        self.is_damaged = True
        if restart:
            self.faults["cut off by a restart"] += 1
        return restart

    def end(self) -> None:
        """Close the picture; put() before or behind it makes access units of it."""
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
        """The next complete picture, or None."""
        return self._ready.popleft() if self._ready else None
