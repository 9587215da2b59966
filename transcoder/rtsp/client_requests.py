"""The RTSP client remembers its open requests, and its session, in these."""

from dataclasses import dataclass

from transcoder.rtsp.headers import DEFAULT_SESSION_TIMEOUT_S

RESPONSE_TIMEOUT_S = 10.0
"""Seconds for which a request before PLAY may go unanswered, where the caller has no limit of its own."""
OPTIONAL_S = 5.0
"""Seconds for which the SETUP of an optional media may go unanswered: sound never costs the picture."""


@dataclass(slots=True)
class PendingRequest:
    """Holds a request that was not answered yet.

    Attributes:
        extra: its own header fields.
        deadline: monotonic seconds until which an answer is waited for.
        patience_s: seconds for which an answer is waited for.
        retries: how often the request was repeated with credentials.
        purpose: "", or a special reason for which the request is sent.
    """

    method: str
    uri: str
    extra: tuple[tuple[str, str], ...]
    deadline: float
    patience_s: float
    retries: int = 0
    purpose: str = ""


@dataclass(slots=True)
class SessionState:
    """Holds the id and the timing of the session with the camera."""

    id: str | None = None
    timeout_s: float = DEFAULT_SESSION_TIMEOUT_S
    next_keep_alive: float | None = None
