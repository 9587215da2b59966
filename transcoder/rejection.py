"""Why a command was not carried out."""

from enum import Enum

from transcoder.errors import CommandRejected


class Code(Enum):
    """What kind of refusal it is, for programs; the message is for people."""

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
    """A command that is not carried out, and nothing was changed by it.

    Args:
        code: the kind.
        message: one line for the operator.
        problems: where several keys are wrong, a line for each.
    """

    def __init__(self, code: Code, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.problems = problems
