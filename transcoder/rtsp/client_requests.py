"""The RTSP client remembers its open requests, and its session, in these."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from transcoder.rtsp.headers import DEFAULT_SESSION_TIMEOUT_S, parse_session
from transcoder.rtsp.messages import Response

RESPONSE_TIMEOUT_S = 10.0
"""Seconds for which a request before PLAY may go unanswered, where the caller has no limit of its own."""
OPTIONAL_S = 5.0
"""Seconds for which the SETUP of an optional media may go unanswered: sound never costs the picture."""
MAX_GIVEN_UP = 16
"""Numbers of requests that are remembered though nobody waits for an answer: at a keep-alive in 12 s, those of three
minutes."""


@dataclass(slots=True)
class PendingRequest:
    """Holds a request that was not answered yet.

    Attributes:
        target: path and query of the URI.
        extra: its own header fields.
        deadline: monotonic seconds until which an answer is waited for.
        patience_s: seconds for which an answer is waited for.
        retries: how often the request was repeated with credentials.
        purpose: "", or a special reason for which the request is sent.
        base: the URL of the session that this request takes for the right one, without scheme and host.
        elsewhere: the targets, and the URL of the session for each, that are tried where the camera does not know this
            one.
    """

    method: str
    uri: str
    target: str
    extra: tuple[tuple[str, str], ...]
    deadline: float
    patience_s: float
    retries: int = 0
    purpose: str = ""
    base: str = ""
    elsewhere: tuple[tuple[str, str], ...] = ()


class OpenRequests:
    """Remembers the requests that were not answered yet, and says which of them a response answers.

    A response repeats the number of its request (RFC 2326 section 12.17). Some cameras write 0 (Foscam C1), a number of
    requests before, or none: where only one request is open, such a response answers that one. It does not where it
    repeats the last response word for word, or has the number of a request that nobody waits for any more.

    Attributes:
        misnumbered: responses that had another number than their request.
    """

    def __init__(self) -> None:
        self._open: dict[int, PendingRequest] = {}
        self._given_up: deque[int] = deque(maxlen=MAX_GIVEN_UP)
        self._latest: Response | None = None
        self.misnumbered = 0

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[PendingRequest]:
        return iter(list(self._open.values()))

    def add(self, cseq: int, item: PendingRequest) -> None:
        """Note a request that was sent with this number."""
        self._open[cseq] = item

    def give_up(self, purpose: str) -> None:
        """Wait no longer for answers to the requests of a purpose."""
        self._remove([cseq for cseq, item in self._open.items() if item.purpose == purpose])

    def overdue(self, now: float) -> list[PendingRequest]:
        """Wait no longer for answers that did not come in time, and return their requests."""
        late = {cseq: item for cseq, item in self._open.items() if item.deadline <= now}
        self._remove(list(late))
        return list(late.values())

    def _remove(self, numbers: list[int]) -> None:
        for cseq in numbers:
            del self._open[cseq]
            self._given_up.append(cseq)

    def clear(self) -> None:
        """Forget every request."""
        self._open.clear()

    def take(self, response: Response) -> PendingRequest | None:
        """Return the request that a response answers, which is open no longer, or None where it answers none."""
        cseq = response.cseq
        item = self._open.pop(cseq, None) if cseq is not None else None
        if item is not None:
            self._latest = response
        elif len(self._open) == 1 and cseq not in self._given_up and not self._repeats(response):
            _, item = self._open.popitem()
            self.misnumbered += cseq is not None
        return item

    def _repeats(self, response: Response) -> bool:
        """Return whether a response is the last one of a right number once more."""
        latest = self._latest
        return latest is not None and _content(response) == _content(latest)


def _content(response: Response) -> tuple[int, list[tuple[str, str]], bytes]:
    return response.status, list(response.headers), response.body


@dataclass(slots=True)
class SessionState:
    """Holds the id and the timing of the session with the camera."""

    id: str | None = None
    timeout_s: float = DEFAULT_SESSION_TIMEOUT_S
    next_keep_alive: float | None = None

    def note(self, value: str | None, *, begins: bool) -> bool:
        """Take the Session field of a response.

        Args:
            value: the value of the field, or None where the response has none.
            begins: whether the response answers SETUP, which begins a session: OPTIONS and DESCRIBE of some cameras
                carry an id already (Dahua).

        Returns:
            Whether the id is another one than that of the session; the first one stays valid (H264DVR).
        """
        session = parse_session(value) if value is not None else None
        if session is None:
            return False
        is_other = self.id is not None and session.id != self.id
        if self.id is None and begins:
            self.id = session.id
        # GW Security says 60 s in SETUP and 120 s in PLAY, others name it once: the shortest is safe
        self.timeout_s = min(self.timeout_s, session.timeout_s)
        return is_other
