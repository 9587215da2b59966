"""Sends JPEG pictures to their depacketizer as RTP packets."""

from collections.abc import Callable

from tests.support.rtp_packets import ENDS
from transcoder.codecs.access_unit import AccessUnit
from transcoder.formats.jpeg import JpegDepacketizer
from transcoder.ledger import Ledger
from transcoder.rtp.packet import parse_rtp

Build = Callable[..., bytes]
CANARY = b"c0ffee5ec2e7ca4a"


class Feed:
    """Sends payloads as packets."""

    def __init__(self, rtp: Build, size: tuple[int, int] | None = None) -> None:
        self.ledger = Ledger()
        self.depacketizer = JpegDepacketizer(self.ledger, size)
        self.rtp = rtp
        self.number = 0

    def send(
        self,
        picture: list[bytes],
        *,
        timestamp: int = 0,
        marker: bool = True,
        extensions: dict[int, tuple[int, bytes]] | None = None,
        leave_out: int | None = None,
    ) -> None:
        for index, payload in enumerate(picture):
            if index == leave_out:
                self.depacketizer.lose(restart=False)
                continue
            last = marker and index == len(picture) - 1
            data = self.rtp(self.number, timestamp, payload, marker=last, extension=(extensions or {}).get(index))
            self.depacketizer.receive(parse_rtp(data), 1.0)
            self.number += 1

    def end(self, timestamp: int) -> None:
        """End the picture that is open."""
        self.depacketizer.receive(parse_rtp(self.rtp(self.number, timestamp, ENDS["JPEG"], marker=True)), 1.0)

    def take(self) -> list[AccessUnit]:
        found = []
        while (unit := self.depacketizer.next_access_unit()) is not None:
            found.append(unit)
        return found

    def picture(self) -> bytes:
        (unit,) = self.take()
        assert unit.random_access
        assert not unit.damaged
        (data,) = unit.nal_units
        return data

    def counted(self) -> dict[str, int]:
        return {kind: entry.count for layer, kind, entry in self.ledger if layer == "picture_in"}
