"""A verdict says what the gateway found when it read one of its own streams as a reader would."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from transcoder.logs import redact
from transcoder.text import printable
from transcoder.worker_options import MAIN

VerdictKind = Literal["clean", "unclean", "nothing to judge"]
KINDS: Final = frozenset(get_args(VerdictKind))

CHECKER_MEASURES: Final = ("own user", "no new privileges", "no capabilities", "no paths", "system calls")
"""The measures of a checker's sandbox, in the order in which it takes them."""
KEPT: Final = 30
"""Verdicts of a stream that are kept: a month's, where there is one a day."""
MAX_REASON: Final = 300
"""Characters of a reason, at most."""
MAX_REASONS: Final = 5
"""The number of problems that a reason names."""
NO_PICTURE: Final = "no picture was read"
"""The problem of a stream that showed nothing: there is nothing to judge."""
RELAYED: Final = "relayed: pixels were not decoded"
"""Why nothing is proved by a stream whose coded pictures are the camera's."""
ONLY_SLATE: Final = "only the slate was served"
MIN_CAMERA_S: Final = 2.0
"""Seconds of the camera's pictures, at least, for a verdict on them: the last one before an outage counts for 1.2 s."""
_MAX_PICTURES: Final = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Holds one verdict.

    Attributes:
        number: a number that counts up over all streams and restarts.
        stream: the stream's id.
        rendition: which of the stream's outputs was read.
        at: the time of the verdict, RFC 3339.
        kind: the verdict.
        reason: the reasons in one line, "" for a clean stream.
        pictures: the number of pictures that were read.
        seconds: for how long the stream was read.
        by: "schedule", or who asked for it.
        was_read: whether the stream was read; False where it was left out because it showed no pictures of a camera.
        is_signed: whether there is a signed statement of it.
        asset: the asset that fed the stream, "" for none.
        camera: a mark of the camera's URL; a verdict says nothing of another camera.
    """

    number: int
    stream: str
    at: str
    kind: VerdictKind
    reason: str = ""
    pictures: int = 0
    seconds: float = 0.0
    by: str = "schedule"
    was_read: bool = True
    is_signed: bool = False
    rendition: str = MAIN
    asset: str = ""
    camera: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Holds what the answer of a checker says; the checker read what came from outside, and is not believed everything.

    Attributes:
        kind, reason, pictures, seconds: as in a verdict.
        is_signed: whether the answer is a signed statement.
    """

    kind: VerdictKind
    reason: str = ""
    pictures: int = 0
    seconds: float = 0.0
    is_signed: bool = False

    def without_camera(self, camera_s: float, slate_s: float) -> "Finding":
        """Return what is left of a finding where the service itself knows that only a slate was served.

        The checker is told so as well; whoever took it over may not make a slate clean.

        Args:
            camera_s: seconds for which pictures of the camera were served meanwhile.
            slate_s: seconds for which the slate was.
        """
        if self.kind != "clean" or not slate_s or camera_s >= MIN_CAMERA_S:
            return self
        return replace(self, kind="nothing to judge", reason=ONLY_SLATE, is_signed=False)

    def of_relay(self) -> "Finding":
        """Return what this finding is worth where pictures pass undecoded: no proof, but what was found is unclean."""
        if self.kind != "clean":
            return self
        return replace(self, kind="nothing to judge", reason=RELAYED, is_signed=False)


def read_answer(answer: Mapping[str, Any] | None) -> Finding:
    """Return what a checker's answer says; an answer of another form says nothing."""
    if answer is None:
        return Finding(kind="nothing to judge", reason="the checker gave no answer")
    if isinstance(error := answer.get("error"), str):
        return Finding(kind="nothing to judge", reason=_line(error))
    statement = answer.get("statement")
    if not isinstance(statement, dict) or statement.get("verdict") not in KINDS:
        return Finding(kind="nothing to judge", reason="the checker gave an answer that can't be read")
    kind: VerdictKind = statement["verdict"]
    found = statement.get("problems")
    problems = [str(problem) for problem in found] if isinstance(found, dict) else []
    if problems == [NO_PICTURE]:
        kind = "nothing to judge"
    more = f" and {len(problems) - MAX_REASONS} more" if len(problems) > MAX_REASONS else ""
    reason = "; ".join(problems[:MAX_REASONS]) + more
    sentence = str(statement.get("sentence", ""))
    if not reason and (kind != "clean" or sentence.startswith("clean; ")):
        reason = sentence.removeprefix("clean; ")  # for how long only the slate was served
    return Finding(
        kind=kind,
        reason=_line(reason),
        pictures=min(_number(statement.get("pictures")), _MAX_PICTURES),
        seconds=round(min(float(_number(statement.get("seconds_read"))), 86_400.0), 1),
        is_signed=isinstance(answer.get("signature"), str),
    )


def read_measures(told: object) -> dict[str, str]:
    """Return what a checker says of its sandbox, measure by measure; measures that it can't have are left out."""
    if not isinstance(told, dict):
        return {}
    return {name: _line(str(told[name])) for name in CHECKER_MEASURES if name in told}


def _line(text: str) -> str:
    return printable(redact(text[: 4 * MAX_REASON]), MAX_REASON)


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53 else 0
