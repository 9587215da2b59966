"""This module lists the methods that the server knows, the ones that need a login, and the reasons of its statuses."""

from transcoder.rtsp.session import Method

REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    454: "Session Not Found", 455: "Method Not Valid in This State", 461: "Unsupported Transport",
    501: "Not Implemented", 503: "Service Unavailable", 505: "RTSP Version Not Supported", 551: "Option not supported",
}  # fmt: skip
METHODS = {method.value: method for method in Method}
NOT_SERVED = frozenset({"ANNOUNCE", "RECORD", "REDIRECT"})
"""The methods of RFC 2326 that no state allows; any other word is answered 501."""
OF_NO_STREAM = frozenset({Method.OPTIONS, Method.GET_PARAMETER, Method.SET_PARAMETER})
PROTECTED = frozenset({Method.DESCRIBE, Method.SETUP, Method.PLAY, Method.PAUSE})
"""TEARDOWN is one of them where another connection set the session up: some clients do not log in for it."""
OF_PICTURES = frozenset({Method.DESCRIBE, Method.SETUP, Method.PLAY})
"""The methods that a disabled stream refuses, because no picture would follow."""
DISABLED = "Service Unavailable: the stream is disabled"
"""The reason of the status 503 of a disabled stream; most readers show it."""
