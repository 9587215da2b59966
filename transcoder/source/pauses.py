"""The pauses of a camera are remembered here over its connections: cameras that send on motion pause as a habit."""

from typing import Final

GAPS: Final = 4
"""The number of the longest usual gaps between two pictures for which the next picture is waited for."""
MAX_LEARNED_S: Final = 120.0
"""The longest silence in seconds that a camera's own rate makes: four gaps of the slowest setting, one picture in 16 s,
and again as much for a camera that is late."""
NOTED_S: Final = 1.0
"""The shortest gap in seconds that is called a pause: four of them are far below the usual patience."""
REMEMBERED_S: Final = 3600.0
"""Seconds for which a pause counts: motion comes at some hours of the day and not at others."""
USUAL: Final = 2
"""The number of pauses in REMEMBERED_S that make them usual: one stall does not make a fast camera a slow one."""
RETURN_S: Final = 30.0
"""Seconds from the end of a silent session to the next picture, at most, for a camera that was there all the time; a
reboot takes longer."""
_MAX_PAUSES: Final = 8


class Pauses:
    """Says for how long the next picture is waited for, by the pauses before. One object serves all connections."""

    def __init__(self) -> None:
        self._pauses: list[tuple[float, float]] = []
        """The longest pauses: their seconds, and the monotonic seconds at which each ended."""
        self._given_up: tuple[float, float] | None = None
        """The seconds of the silence that ended the session before, and its end."""

    def note(self, gap_s: float, now: float) -> None:
        """Note a gap between two pictures of one session."""
        if gap_s < NOTED_S:
            return
        self._pauses = [pause for pause in self._pauses if now - pause[1] < REMEMBERED_S]
        self._pauses.append((gap_s, now))
        self._pauses.sort(reverse=True)
        del self._pauses[_MAX_PAUSES:]

    def note_given_up(self, silence_s: float, now: float) -> None:
        """Note that a session was ended because no picture came for so long.

        Silence that the longest patience did not outlast is no pause, whatever earlier silence was taken for.
        """
        self._given_up = (silence_s, now)
        if silence_s >= MAX_LEARNED_S:
            self._pauses.clear()
            self._given_up = None

    def note_return(self, now: float) -> None:
        """Note the first picture of a session.

        Where the session before was given up a moment ago, the camera was there and only paused: that one silence is
        enough to wait longer from now on.
        """
        given_up, self._given_up = self._given_up, None
        if given_up is not None and now - given_up[1] <= RETURN_S:
            for _ in range(USUAL):
                self.note(given_up[0], now)

    def patience_s(self, now: float) -> float:
        """Return for how many seconds the next picture is waited for, 0 where no pause is usual."""
        usual = [gap_s for gap_s, ended in self._pauses if now - ended < REMEMBERED_S]
        return min(GAPS * usual[USUAL - 1], MAX_LEARNED_S) if len(usual) >= USUAL else 0.0
