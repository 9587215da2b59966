"""A camera may send ten times the usual rate, and no more: above it the session ends, before others are disturbed."""

from dataclasses import dataclass

from transcoder.errors import TransportError
from transcoder.ledger import Ledger

MAX_PACKETS_PER_S = 30_000
"""Ten times the packets of a 32 Mbit/s camera: 2,900 of 1,400 bytes a second. MJPEG of 30 MB/s has 21,000."""
MAX_BYTES_PER_S = 40 << 20
"""Ten times the bytes of a 32 Mbit/s camera."""
WINDOW_S = 2.0
"""Seconds over which both are averaged: the packets that waited in buffers while the network stood still are no flood.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOptions:
    """Holds the limits of the data that a camera may send.

    Attributes:
        packets: messages, interleaved frames and datagrams a second.
        bytes: bytes a second.
        window_s: the seconds over which both are averaged.
    """

    packets: float = MAX_PACKETS_PER_S
    bytes: float = MAX_BYTES_PER_S
    window_s: float = WINDOW_S


class RateLimit:
    """Compares the data of one camera with its limit once a second, so that no packet pays for the comparison.

    Args:
        options: how much the camera may send.
        ledger: the ledger of the stream, which counts the excess.
    """

    def __init__(self, options: RateOptions, ledger: Ledger) -> None:
        self._options = options
        self._ledger = ledger
        self.restart(0, 0, 0.0)

    def restart(self, packets: int, size: int, now: float) -> None:
        """Begin a window.

        Args:
            packets: the number of messages, frames and datagrams that came so far.
            size: their bytes.
            now: monotonic seconds.
        """
        self._packets, self._size, self._since = packets, size, now

    def check(self, packets: int, size: int, now: float) -> None:
        """Compare, where a window is over, and begin another one; see restart() for the arguments.

        Raises:
            TransportError: the camera sends too much.
        """
        options, elapsed = self._options, now - self._since
        if elapsed < options.window_s:
            return
        came, came_size = packets - self._packets, size - self._size
        self.restart(packets, size, now)
        if came > options.packets * elapsed:
            kind, limit = "packets", options.packets
        elif came_size > options.bytes * elapsed:
            kind, limit = "bytes", options.bytes
        else:
            return
        self._ledger.count("rate_limit", kind, count=came, size=came_size)
        raise TransportError(f"the camera sends more than {limit:.0f} {kind} a second")
