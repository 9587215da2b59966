"""A camera whose access units come and can't be decoded is connected to anew: it may begin with what is missing."""

from typing import Final

from transcoder.service.source import Source
from transcoder.service.worker import Worker

DECODE_WAIT_S: Final = 30.0
"""Seconds of access units without a decoded picture, after which the connection is tried anew."""


def look_after_decoding(source: Source, worker: Worker, now: float) -> None:
    """Give up a connection whose access units have not been decoded for too long.

    Args:
        source: the source of a stream.
        worker: the worker of the stream.
        now: monotonic seconds.
    """
    played_s = source.played_s()
    if played_s is None or not source.is_connected or not worker.is_running:
        return
    waited = min(played_s, now - max(worker.last_decoded, worker.began))
    if waited > DECODE_WAIT_S and waited > source.patience_s and source.is_readable:
        source.give_up(f"access units, but no picture could be decoded in {DECODE_WAIT_S:g} s")
