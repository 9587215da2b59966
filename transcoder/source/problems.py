"""Why a stream does not play is told by one of few codes, which documents hold beside the sentence for the operator."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from transcoder.errors import (
    BitstreamError,
    ConnectionRefused,
    KeyNotTrusted,
    LocalProtocolError,
    LoginDowngraded,
    NoPicture,
    NotConnected,
    ProtocolError,
    ResponseError,
    SdpSyntaxError,
    Silent,
    TranscoderError,
    TransportError,
    TransportNotAccepted,
    Unanswered,
)

ProblemCode: TypeAlias = Literal[
    "login", "refused", "unreachable", "silent", "no_picture", "encrypted", "format", "waiting", "gateway"
]

MEANINGS: Final[dict[ProblemCode, str]] = {
    "login": "The camera refuses the login, its table of users is full, or it now asks for the password in clear.",
    "refused": "The device is there, and refuses the connection or the request.",
    "unreachable": "There is no connection: name, network, power or port; or the connection was lost.",
    "silent": "The camera does not answer, or sends nothing after PLAY.",
    "no_picture": "Packets come, and no picture that can be shown.",
    "encrypted": "The camera encrypts its pictures.",
    "format": "The camera offers nothing that can be decoded, or breaks the protocol.",
    "waiting": "The stream waits its turn to connect to a host with many streams.",
    "gateway": "The gateway itself is the cause: no worker, no time, or changes that are lost.",
}
"""The meaning of every code."""

_CODES: Final[tuple[tuple[type[TranscoderError], ProblemCode], ...]] = (
    (LocalProtocolError, "gateway"),
    (ConnectionRefused, "refused"),
    (KeyNotTrusted, "refused"),
    (NotConnected, "unreachable"),
    (NoPicture, "no_picture"),
    (Silent, "silent"),
    (TransportError, "unreachable"),
    (Unanswered, "silent"),
    (TransportNotAccepted, "refused"),
    (LoginDowngraded, "login"),
    (SdpSyntaxError, "format"),
    (BitstreamError, "format"),
    (ProtocolError, "format"),
)
"""The code of each kind of error; the first that fits counts."""


WRONG_LOGIN: Final = "login refused: check user and password"
NO_LOGIN: Final = "the camera asks for a login: give source.username and source.password_file"
FULL_TABLE: Final = "login refused that was accepted before: too many users are logged in, or the password was changed"
MAY_NOT_WATCH: Final = "this user may not watch now: too many users are logged in, or it lacks the right"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Says why pictures come from a camera and most of them can't be read.

    Attributes:
        code: "encrypted", or "no_picture" where something is missing that the pictures refer to.
        reason: the same in one line, for the operator.
    """

    code: Literal["encrypted", "no_picture"]
    reason: str


def problem_code(error: TranscoderError) -> ProblemCode:
    """Return the code of the error that ended a connection with a camera."""
    if isinstance(error, ResponseError):
        return "login" if error.status in {401, 403} else "refused"
    return next((code for kind, code in _CODES if isinstance(error, kind)), "gateway")
