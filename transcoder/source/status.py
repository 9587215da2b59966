"""The status of a source counts the data that came from a camera since its stream was started."""

from collections.abc import Callable
from dataclasses import dataclass

from transcoder.rtsp.fingerprint import CameraMarks
from transcoder.source.problems import ProblemCode


def _nowhere() -> int:
    """Stand for a source that does not wait."""
    return 0


@dataclass(slots=True)
class SourceStatus:
    """Counts the data that came from the camera; the stream's source alone writes it.

    Attributes:
        vendor: the vendor family that the camera's marks speak for, or ""; no stream is treated by it.
        connects: connections over which the camera began to play.
        losses: connections among them that ended.
        restarts: times that the camera began anew within a connection.
        access_units: access units that came, all of them.
        bytes: the bytes of the access units that were handed on.
        damaged_access_units: access units that lack packets.
        shed_access_units: access units that came faster than any camera sends them.
        skipped_access_units: access units that refer to one that was dropped.
        audio_units: audio units that were handed on.
        problem_code: why the last connection ended; None before that.
        camera: host and port of the camera's URL, which are the operator's; no user, no password, no path.
        advice: what is known of a refused login, for the operator, or "".
        next_attempt: UTC seconds of the next connection, None while there is one or none is planned.
        address: the address of the latest connection over which the camera described itself, "" before that.
        marks: what the camera showed of itself when it was described last, None before that.
        place: says at which place the source waits its turn to connect; 0: it does not wait.
    """

    vendor: str = ""
    connects: int = 0
    losses: int = 0
    restarts: int = 0
    access_units: int = 0
    bytes: int = 0
    damaged_access_units: int = 0
    shed_access_units: int = 0
    skipped_access_units: int = 0
    audio_units: int = 0
    problem_code: ProblemCode | None = None
    camera: str = ""
    advice: str = ""
    next_attempt: float | None = None
    address: str = ""
    marks: CameraMarks | None = None
    place: Callable[[], int] = _nowhere
