"""The banner of a slate says in plain words whose picture is missing, since when, and why, where that is known.

The words are a closed list: nothing that a camera chose gets into a picture.
"""

import unicodedata
from datetime import datetime
from typing import Final

from transcoder.service.status import StreamState, StreamStatus
from transcoder.source.problems import ProblemCode

DAY_S: Final = 86_400.0
"""Seconds after which a time of day says too little, and the date is told."""
REASONS: Final[dict[ProblemCode, str]] = {
    "login": "login refused",
    "encrypted": "encrypted by the camera",
    "no_picture": "no readable picture",
    "format": "no readable picture",
    "waiting": "waits its turn",
}
"""The reasons that tell more than that no signal comes."""
_LETTERS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o"}
    | {"Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
)
"""The letters that are no ASCII letter with an accent."""


def banner(title: str, status: StreamStatus, since: float | None, now: float) -> str:
    """Return the lines of the banner, or "" while readers see the camera.

    Args:
        title: the stream's title, or its id.
        status: the status of the stream.
        since: UTC seconds at which readers last saw the camera, None where they have not yet.
        now: UTC seconds.
    """
    if status.state is StreamState.PLAYING:
        return ""
    lines = [plain(title), "no picture yet" if since is None else f"no signal since {time_text(since, now)}"]
    reason = REASONS.get(status.problem_code) if status.problem_code is not None else None
    return "\n".join([*lines, reason] if reason else lines)


def time_text(since: float, now: float) -> str:
    """Write a time in the local time of the service: of the day, with the date where it is a day ago."""
    at = datetime.fromtimestamp(since).astimezone()
    return at.strftime("%H:%M" if now - since < DAY_S else "%Y-%m-%d %H:%M")


def plain(text: str) -> str:
    """Write a text in ASCII: accents are left out, umlauts are written as two letters, all else is a question mark."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    kept = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return kept.encode("ascii", "replace").decode()
