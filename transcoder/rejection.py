"""This module defines the reasons why a command was not carried out."""

from enum import Enum

from transcoder.errors import CommandRejected


class Code(Enum):
    """Names the kind of a refusal for programs; the message is for people."""

    UNKNOWN_STREAM = "unknown_stream"
    UNKNOWN_SESSION = "unknown_session"
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
