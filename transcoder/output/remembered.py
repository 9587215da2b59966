"""This module says what is remembered of an output over a restart, so that its readers are answered at once."""

from dataclasses import dataclass

from transcoder.formats.served_audio import ServedAudio
from transcoder.worker_options import OutputFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Holds what the readers of an output were told.

    Attributes:
        format: the size, frame rate and matrix of the camera's pictures as they were served.
        parameter_sets: the parameter sets of those pictures; empty where the encoder is set otherwise by now.
        audio: the format of the sound, None where none was served.
    """

    format: OutputFormat
    parameter_sets: tuple[bytes, ...] = ()
    audio: ServedAudio | None = None
