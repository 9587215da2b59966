"""The watchdogs see to it that a session which plays gives pictures that can be shown."""

from transcoder.errors import Silent

NO_PACKET_S = 5.0
"""Seconds without a packet after PLAY, after which the camera is lost."""
NO_PICTURE_S = 10.0
"""Seconds of packets without one access unit, after which the camera is lost: it sends something else."""
SUSPICIOUS_S = 3.0
SUSPICIOUS_PACKETS = 50
"""Seconds and packets without one access unit that speak against the described codec, where the description contradicts
itself about the codec."""
NO_RANDOM_ACCESS_S = 30.0
"""Seconds of access units that can't be decoded, after which the camera is lost. Smart codecs send their first IDR up
to 20 s late."""


class Watchdogs:
    """Remembers when a session last got something useful; nothing is expected of a session before it plays.

    Attributes:
        last_packet: monotonic seconds of the latest packet of any media.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self.last_packet = 0.0
        self._last_picture = 0.0
        self._has_picture = False
        self._has_random_access = False  # it may come before the answer to PLAY (Reolink)

    def note_playing(self, now: float) -> None:
        """Note that PLAY was answered."""
        self._since = self.last_packet = self._last_picture = now

    def note_picture(self, now: float, *, random_access: bool) -> None:
        """Note that a picture was complete."""
        self._last_picture = now
        self._has_picture = True
        self._has_random_access = self._has_random_access or random_access

    def suspect_codec(self, now: float, packets: int) -> bool:
        """Return whether so many packets without one picture speak against the described codec."""
        if self._since is None or self._has_picture:
            return False
        return now - self._since > SUSPICIOUS_S and packets >= SUSPICIOUS_PACKETS

    def check(self, now: float) -> None:
        """Look whether the camera is useful.

        Raises:
            Silent: the camera is not useful.
        """
        if self._since is None:
            return
        if now - self.last_packet > NO_PACKET_S:
            raise Silent(f"no packet in {NO_PACKET_S:g} s")
        if now - self._last_picture > NO_PICTURE_S:
            raise Silent(f"packets, but no picture in {NO_PICTURE_S:g} s")
        if not self._has_random_access and now - self._since > NO_RANDOM_ACCESS_S:
            raise Silent(f"no IDR picture in {NO_RANDOM_ACCESS_S:g} s")
