"""While no sound comes, silence is sent in its place; this module says when."""

from typing import Final

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.formats.served_audio import ServedAudio

SILENCE_AFTER_S: Final = 0.5
"""Seconds without sound after which silence is sent in its place: recorders that take both tracks write neither where
one of them stands still."""
SILENCE_BEHIND_S: Final = 0.25
"""Seconds by which silence stays behind the present, so that sound which comes again is not before it."""
SILENCE_AT_ONCE_S: Final = 2.0
"""Seconds of silence that are sent at once, at most: nobody read before."""


def silent_frames(audio: ServedAudio, sent: int, end: int) -> range:
    """Return the presentation times of the frames of silence that are due, 90 kHz ticks.

    Args:
        audio: the format of the sound.
        sent: the end of the last frame that was sent, 90 kHz ticks.
        end: the time before which the last of them begins, 90 kHz ticks.
    """
    begin = max(sent, end - round(SILENCE_AT_ONCE_S * VIDEO_CLOCK_RATE))
    return range(begin, end, audio.frame_ticks)
