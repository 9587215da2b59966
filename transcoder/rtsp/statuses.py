"""The statuses of RTSP responses have the words that the standard gives them, whatever words a camera writes.

A reason phrase is a text that a camera chooses, and reasons stand in logs, events and states: there are no words of a
camera's in them.

Source: RFC 2326 section 7.1.1.
"""

from typing import Final

_REASONS: Final = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Time-out",
    410: "Gone", 411: "Length Required", 412: "Precondition Failed", 413: "Request Entity Too Large",
    414: "Request-URI Too Large", 415: "Unsupported Media Type", 451: "Parameter Not Understood",
    452: "Conference Not Found", 453: "Not Enough Bandwidth", 454: "Session Not Found",
    455: "Method Not Valid in This State", 456: "Header Field Not Valid for Resource", 457: "Invalid Range",
    458: "Parameter Is Read-Only", 459: "Aggregate Operation Not Allowed", 460: "Only Aggregate Operation Allowed",
    461: "Unsupported Transport", 462: "Destination Unreachable", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out", 505: "RTSP Version Not Supported",
    551: "Option not supported",
}  # fmt: skip


def reason_of(status: int) -> str:
    """Return the standard's reason phrase of a status, or that of its class: "Client Error" or "Server Error"."""
    return _REASONS.get(status, "Client Error" if status < 500 else "Server Error")
