"""The lines of the log about a stream's camera: that it plays, that it is away, and that it is still away.

Each line has its facts for machines, and `words` for people, which say the same in a sentence. Host and port of the
camera stand there, which are the operator's; a user, a password or a word that a camera chose never do.
"""

import time
from typing import Any, Final

import structlog

from transcoder import clock
from transcoder.service.outage import Loss, Outage
from transcoder.service.status import StreamStatus
from transcoder.service.store import time_text
from transcoder.source.problems import NO_LOGIN, WRONG_LOGIN, Unreadable
from transcoder.text import span_text

LONG_WAIT_S: Final = 60.0
"""Seconds before the next try from which a refused login is told to be left alone on purpose."""
DAY_S: Final = 86400.0


class CameraLog:
    """Writes the lines about one camera, and leaves most of them out while it is away.

    Args:
        status: the status of the stream, which is only read.
        log: a log that is bound to the stream's name.
    """

    def __init__(self, status: StreamStatus, log: structlog.stdlib.BoundLogger) -> None:
        self._status = status
        self._log = log
        self._outage = Outage()

    def begin(self) -> None:
        """Note that the camera is pulled from now on: what was before does not count."""
        self._outage = Outage()

    def lose(self, reason: str) -> None:
        """Note that a connection ended, and write the line that is due."""
        source, wall = self._status.source, clock.wall_clock()
        retry_in_s = max(source.next_attempt - wall, 0.0) if source.next_attempt is not None else None
        # the first wait after a wrong login is short; that the next one is long is news
        is_left_alone = source.advice in {NO_LOGIN, WRONG_LOGIN} and (retry_in_s or 0.0) >= LONG_WAIT_S
        loss = self._outage.lose((reason, is_left_alone), clock.monotonic())
        if loss is None:
            return
        detail: dict[str, Any] = {"reason": reason, "camera": source.camera}
        if retry_in_s is not None:
            detail["retry_in_s"] = round(retry_in_s, 1)
        words = _why(reason, source.advice, source.camera)
        if retry_in_s is not None:
            words += f"; next try in {span_text(retry_in_s)}"
        if is_left_alone:
            words += " so that the camera does not lock the account"
        self._tell("source lost", loss, words, detail)

    def lose_sight(self, why: Unreadable) -> None:
        """Note that pictures come and can't be read, and write the line that is due."""
        loss = self._outage.lose(why.reason, clock.monotonic())
        if loss is not None:
            camera = self._status.source.camera
            self._tell(why.reason, loss, _why(why.reason, "", camera), {"camera": camera})

    def _tell(self, event: str, loss: Loss, words: str, detail: dict[str, Any]) -> None:
        wall = clock.wall_clock()
        name = self._status.name
        if loss.is_first:
            self._log.warning(event, words=f"{name} is away: {words}", **detail)
            return
        detail |= {"since": time_text(wall - loss.since_s), "tries": loss.tries}
        since = time_of_day(wall - loss.since_s, wall)
        if loss.returns:
            text = f"{name} comes and goes since {since}, {loss.returns + 1} times away: {words}"
            self._log.warning(event, words=text, **detail, returns=loss.returns)
        else:
            tries = "1 try" if loss.tries == 1 else f"{loss.tries} tries"
            self._log.warning("still away", words=f"{name} is still away since {since}, {tries}: {words}", **detail)

    def play(self) -> None:
        """Note that readers see pictures of the camera, and write the line that is due."""
        found = self._outage.play(clock.monotonic())
        if found is None:
            return
        made = self._status.output.format
        detail = {key: made[key] for key in ("codec", "width", "height", "frame_rate") if made.get(key) is not None}
        words = f"{self._status.name} plays: {format_text(made)} -> {self._status.url}"
        detail |= {"url": self._status.url, "camera": self._status.source.camera}
        if found.away_s is not None:
            detail |= {"away_s": round(found.away_s, 1), "tries": found.tries}
            words += f" (was away for {span_text(found.away_s)})"
        self._log.info("plays", words=words, **detail)


def _why(reason: str, advice: str, camera: str) -> str:
    return f"{advice or reason} ({camera})" if camera else advice or reason


def format_text(made: dict[str, Any]) -> str:
    """Return a served format in words: "H264 1920x1080 25/s"; what is not known is left out."""
    words = [str(made.get("codec", "")).upper()]
    if made.get("width") and made.get("height"):
        words.append(f"{made['width']}x{made['height']}")
    if made.get("frame_rate"):
        words.append(f"{round(made['frame_rate'], 2):g}/s")
    return " ".join(word for word in words if word)


def time_of_day(wall: float, now: float) -> str:
    """Return a moment on this machine's clock: "21:29", with its date where that is over a day ago.

    Args:
        wall: UTC seconds of the moment.
        now: UTC seconds of the present.
    """
    return time.strftime("%H:%M" if now - wall < DAY_S else "%Y-%m-%d %H:%M", time.localtime(wall))
