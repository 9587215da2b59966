"""The status of an output holds its format, the counts of sent pictures, and how late the pictures were."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from transcoder.ipc.messages import CodedMessage
from transcoder.output.served_spans import ServedSpans

ENCODE_BOUNDS_S: Final = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1)
"""Upper bounds of the time that a picture takes to encode: 360p takes one or two milliseconds, 4K some forty."""
DELAY_SPAN_S: Final = 10.0
"""Seconds of pictures for which a delay is told."""
MAX_DELAYS: Final = 600
"""The largest number of delays that are kept: DELAY_SPAN_S at 60 pictures a second; from a faster camera they span
fewer seconds."""


@dataclass(slots=True)
class OutputStatus:
    """Counts the pictures that an output served since its stream was started; the output alone writes it.

    Attributes:
        format: the format that is served: codec, width, height, frame_rate and matrix; empty before it is known.
        pictures: pictures that were given to the readers, repeated ones included.
        repeated: pictures among them that were the last picture, or a slate, once more.
        idr: IDR pictures among them.
        bytes: the bytes of their NAL units.
        audio_units: AAC frames of the camera's sound that were given to the readers.
        silent_audio_units: AAC frames of silence that were given to them where no sound came.
        decode_s: processor time of decoding, seconds.
        stages_s: processor time of scaling, masks and the other stages, seconds.
        encode_s: processor time of encoding, seconds.
        encode_counts: pictures by ENCODE_BOUNDS_S, and pictures over the last bound.
        delays: the times at which the last pictures left, and how long after their last packet, seconds.
        delayed: pictures whose delay was noted since the start; each is one of the camera.
        delay_sum_s: the sum of their delays, seconds.
        readers: how many readers play.
        is_awake: whether pictures are made; an output on demand sleeps while nobody reads it.
        spans: the times at which pictures of the camera were served, and those at which one was repeated.
    """

    format: dict[str, Any] = field(default_factory=dict)
    pictures: int = 0
    repeated: int = 0
    idr: int = 0
    bytes: int = 0
    audio_units: int = 0
    silent_audio_units: int = 0
    decode_s: float = 0.0
    stages_s: float = 0.0
    encode_s: float = 0.0
    encode_counts: list[int] = field(default_factory=lambda: [0] * (len(ENCODE_BOUNDS_S) + 1))
    delays: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_DELAYS))
    delayed: int = 0
    delay_sum_s: float = 0.0
    readers: int = 0
    is_awake: bool = True
    spans: ServedSpans = field(default_factory=ServedSpans)

    def note_delay(self, now: float, delay_s: float) -> None:
        """Note that a picture left at `now`, so many seconds after its last packet came."""
        self.delays.append((now, delay_s))
        self.delayed += 1
        self.delay_sum_s += max(delay_s, 0.0)  # a sum that Prometheus takes for a counter never falls

    def delay_s(self, share: float = 0.5) -> float | None:
        """Return the delay that this share of the pictures of the last DELAY_SPAN_S did not exceed, seconds."""
        if not self.delays:
            return None
        since = self.delays[-1][0] - DELAY_SPAN_S
        ordered = sorted(delay for at, delay in self.delays if at >= since)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def count(self, message: CodedMessage) -> None:
        """Count a picture that is served."""
        self.pictures += 1
        self.bytes += sum(map(len, message.nal_units))
        self.decode_s += message.decode_s
        self.stages_s += message.stages_s
        self.encode_s += message.encode_s
        self.encode_counts[bisect_left(ENCODE_BOUNDS_S, message.encode_s)] += 1
