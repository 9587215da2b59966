"""Requests that a camera sends to its client are answered here, so many in a minute and no more."""

from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.messages import Headers, Request, Response, serialize_response

MAX_SERVER_REQUESTS = 100
"""Requests of the server that are answered in SERVER_REQUESTS_S; one keep-alive in seconds is normal."""
SERVER_REQUESTS_S = 60.0
"""Seconds in which MAX_SERVER_REQUESTS requests of the server are answered."""

_KNOWN = frozenset({"OPTIONS", "GET_PARAMETER", "SET_PARAMETER"})


class ServerRequests:
    """Counts the requests of a server, and answers them; no such request changes anything.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: float) -> None:
        self._since = now
        self._count = 0

    def answer(self, request: Request, now: float) -> bytes:
        """Return the answer.

        Raises:
            RemoteProtocolError: there are too many of them.
        """
        if now - self._since > SERVER_REQUESTS_S:
            self._since, self._count = now, 0
        self._count += 1
        if self._count > MAX_SERVER_REQUESTS:
            raise RemoteProtocolError("the camera sends request after request")
        status, reason = (200, "OK") if request.method in _KNOWN else (501, "Not Implemented")
        headers = Headers([("CSeq", request.cseq or "0")])
        return serialize_response(Response(status=status, reason=reason, headers=headers))
