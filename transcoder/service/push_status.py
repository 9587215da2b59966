"""The status of a push holds what one target of a stream gets; the push alone writes it."""

from dataclasses import dataclass
from typing import Literal

PushState = Literal["disabled", "connecting", "playing", "waiting"]


@dataclass(slots=True, kw_only=True)
class PushStatus:
    """Counts what was sent to one target since the stream was started.

    Attributes:
        target: scheme, host and port of the target: its path may hold a secret.
        rendition: the name of the output that is sent.
        state: "waiting": the target is away, and is tried again at `next_attempt`.
        since: UTC seconds from which on the state holds.
        problem: the reason for which nothing is sent, one line, or "".
        next_attempt: UTC seconds of the next try, None where none is waited for.
        starts: connections over which pictures were sent.
        losses: those among them that ended with an error.
        sent_bytes: bytes that were sent.
        dropped: pictures that the target was too slow for.
    """

    target: str
    rendition: str
    state: PushState = "connecting"
    since: float = 0.0
    problem: str = ""
    next_attempt: float | None = None
    starts: int = 0
    losses: int = 0
    sent_bytes: int = 0
    dropped: int = 0
