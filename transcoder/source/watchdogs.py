"""The watchdogs see to it that a session which plays gives pictures that can be shown.

How long a camera may be silent follows from its own rate: a picture in 16 seconds is a setting of common cameras.
"""

from transcoder.errors import NoPicture, Silent
from transcoder.source.options import Timeouts
from transcoder.source.pauses import GAPS, MAX_LEARNED_S, NOTED_S, Pauses

SUSPICIOUS_S = 3.0
SUSPICIOUS_PACKETS = 50
"""Seconds and packets without one access unit that speak against the described codec, where the description contradicts
itself about the codec."""
NO_RANDOM_ACCESS_S = 30.0
"""Seconds of access units that can't be decoded, after which the camera is lost. Smart codecs send their first IDR up
to 20 s late."""
RATE_KNOWN_S = 1.0
"""Seconds of pictures, three of them at least, after which their rate is known; a burst at the start tells nothing."""
FORGET = 0.98
"""The share of the longest gap that is remembered over a picture: one stall does not make a fast camera a slow one."""


class Watchdogs:
    """Remembers when a session last got something useful; nothing is expected of a session before it plays.

    Args:
        timeouts: how long the session may take.
        way: the transport's part of messages, such as " over TCP".
        pauses: the pauses of the camera, which all its sessions share.

    Attributes:
        last_packet: monotonic seconds of the latest packet of any media.
    """

    def __init__(self, timeouts: Timeouts, way: str = "", pauses: Pauses | None = None) -> None:
        self._timeouts = timeouts
        self._way = way
        self._pauses = pauses or Pauses()
        self._since: float | None = None
        self.last_packet = 0.0
        self._first_picture = self._last_picture = 0.0
        self._pictures = 0
        self._gap_s = 0.0
        self._has_random_access = False  # it may come before the answer to PLAY (Reolink)

    def note_playing(self, now: float) -> None:
        """Note that PLAY was answered."""
        self._since = self.last_packet = self._last_picture = now

    def note_picture(self, now: float, *, random_access: bool) -> None:
        """Note that a picture was complete."""
        if self._pictures:
            gap_s = now - self._last_picture
            self._gap_s = max(gap_s, self._gap_s * FORGET)
            if gap_s >= NOTED_S:
                self._pauses.note(gap_s, now)
        else:
            self._first_picture = now
            self._pauses.note_return(now)
        self._last_picture = now
        self._pictures += 1
        self._has_random_access = self._has_random_access or random_access

    def suspect_codec(self, now: float, packets: int) -> bool:
        """Return whether so many packets without one picture speak against the described codec."""
        if self._since is None or self._pictures:
            return False
        return now - self._since > SUSPICIOUS_S and packets >= SUSPICIOUS_PACKETS

    @property
    def silence_s(self) -> float:
        """Return for how many seconds the camera may be silent after its first picture."""
        timeouts = self._timeouts
        usual_s = max(timeouts.silence_s, self._pauses.patience_s(self._last_picture))
        if self._pictures > 2 and self._last_picture - self._first_picture >= RATE_KNOWN_S:
            return max(usual_s, min(GAPS * self._gap_s, MAX_LEARNED_S))
        return max(usual_s, timeouts.first_picture_s)

    def check(self, now: float, seen: str = "") -> None:
        """Look whether the camera is useful.

        Args:
            now: monotonic seconds.
            seen: the packets that came, in words for the operator.

        Raises:
            Silent: nothing comes.
            NoPicture: packets come, and no pictures that can be shown.
        """
        if self._since is None:
            return
        limit = self.silence_s if self._pictures else self._silence_before_s()
        if self._pictures and now - self._last_picture > limit:
            self._pauses.note_given_up(now - self._last_picture, now)
        if now - self.last_packet > limit:
            raise Silent(f"no packet{self._way} in {limit:.3g} s")
        if not self._pictures:
            limit = self._timeouts.first_picture_s
        if now - self._last_picture > limit:
            detail = f" ({seen})" if seen else ""
            raise NoPicture(f"packets, but no picture in {limit:.3g} s{detail}")
        limit = max(NO_RANDOM_ACCESS_S, 2 * self.silence_s if self._gap_s > 1 else 0.0)
        if not self._has_random_access and now - self._since > limit:
            raise NoPicture(f"no IDR picture in {limit:.3g} s")

    def _silence_before_s(self) -> float:
        """Return for how many seconds the camera may be silent before its first picture."""
        has_packet = self._since is not None and self.last_packet > self._since
        timeouts = self._timeouts
        return max(timeouts.silence_s, timeouts.first_packet_s) if has_packet else timeouts.first_packet_s
