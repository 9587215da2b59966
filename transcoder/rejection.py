"""This module defines the reasons why a command was not carried out."""

from enum import Enum

from transcoder.errors import CommandRejected
from transcoder.text import printable

MAX_NAME = 63
"""Characters of a name that a writer gave: no stream has a longer one."""


class Code(Enum):
    """Names the kind of a refusal for programs; the message is for people."""

    UNKNOWN_STREAM = "unknown_stream"
    UNKNOWN_ASSET = "unknown_asset"
    UNKNOWN_SESSION = "unknown_session"
    UNKNOWN_VERDICT = "unknown_verdict"
    EXISTS = "exists"
    INVALID = "invalid"
    MALFORMED = "malformed"
    CONFLICT = "conflict"
    EXPIRED = "expired"
    BUSY = "busy"
    NOT_KEPT = "not_kept"
    UNAVAILABLE = "unavailable"


class Rejected(CommandRejected):
    """A command was not carried out, and it changed nothing.

    Args:
        code: the kind of the refusal.
        message: one line for the operator.
        problems: a line for each wrong key, where several keys are wrong.
    """

    def __init__(self, code: Code, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.problems = problems


def unknown_stream(name: str) -> Rejected:
    """Make the refusal of a command for a stream that there is not."""
    return Rejected(Code.UNKNOWN_STREAM, f"there is no stream {printable(name, MAX_NAME)!r}")


def unknown_asset(name: str) -> Rejected:
    """Make the refusal of a command for an asset that there is not."""
    return Rejected(Code.UNKNOWN_ASSET, f"there is no asset {printable(name, MAX_NAME)!r}")
