"""A worker may say so much a second and no more: bits of pictures by the cap, messages by their kind. Sans-IO.

A worker that was taken over could fill readers' lines, the log and the service's time; over its budget it is replaced.
"""

from typing import Final

from transcoder.codecs.nal import Codec
from transcoder.errors import LimitExceeded
from transcoder.ipc.messages import MessageType
from transcoder.worker_options import OutputOptions

MULTIPLE: Final = 3
"""Times its bitrate cap that an output may send on average.

Encoders keep the cap by the frame rate that the camera had at first; a camera that goes from 10 to 30 pictures a second
has three times the pictures of that."""
BURST_S: Final = 10
"""Seconds of that average that may come at once.

They hold what waited in a busy machine, and the first IDRs of new encoders, which fill their buffer."""
BUFFER_S: Final = 1.0
"""Seconds of the cap in the decoder's buffer model where nothing is configured: the default of all profiles."""
COARSEST_BITS: Final = {Codec.H264: (0.15, 0.08), Codec.H265: (1.5, 0.08)}
"""Bits a pixel of an IDR and of another picture, below which an encoder can't go.

Noise at the coarsest quantiser took up to 0.04 and 0.05 of x264, 0.97 and 0.01 of x265, so a cap that is too low for a
size can't be kept."""
LOSSLESS_BITS: Final = 24
"""Bits a pixel where the constant rate factor is 0, with which x264 is lossless and keeps no cap; noise took 17.7."""
LOSSLESS_CRF: Final = 1
IDR_RATE: Final = 2
"""IDRs a second that readers can ask for (transcoder.output.output.IDR_INTERVAL_S), beside the planned ones."""
PLANNED_IDRS: Final = 2
"""IDRs in every gop_s at most: a camera's is followed from half of it on (transcoder.worker.gop_planner)."""

MESSAGES: Final[dict[MessageType, float]] = {
    MessageType.READY: 1,
    MessageType.STATS: 4,
    MessageType.FORMAT: 16,
    MessageType.AUDIO_OUTPUT: 4,
    MessageType.SNAPSHOT_TAKEN: 20,
    MessageType.THUMBNAIL_TAKEN: 20,
    MessageType.LINK_BROKEN: 4,
    MessageType.AUDIO_CODED: 100,
    MessageType.SOURCE_FORMAT: 240,
    MessageType.FAILED: 240,
    MessageType.CODED: 8 * 240,
}
"""Messages a second of each kind, at least as many as a worker of ours has reason for.

That is two reports, a format an output, 47 audio frames, a failure and a source format a picture at the highest picture
rate, and so many pictures of eight outputs."""
MESSAGE_BURST_S: Final = 4
"""Seconds of messages that may come at once: a service that was stopped for a while finds them waiting."""


class Budget:
    """Holds the budget that is left: so much a second, and so much at once.

    Args:
        rate: the budget that is added a second.
        burst: the budget that may be spent at once.
        share: the part of the burst to begin with.
    """

    def __init__(self, rate: float, burst: float, share: float = 1.0) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst * share
        self._at: float | None = None

    @property
    def share(self) -> float:
        """Return the share of the burst that was left when something was spent last."""
        return max(self._left, 0.0) / self._burst

    def spend(self, amount: float, now: float) -> bool:
        """Spend an amount; return False where less is left."""
        if self._at is not None:
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        self._left -= amount
        return self._left >= 0


def _coarsest(options: OutputOptions) -> tuple[float, float]:
    """Return the bits a pixel of an IDR and of another picture that an output's encoder may need at least."""
    if options.encoder.crf is not None and options.encoder.crf < LOSSLESS_CRF:
        return LOSSLESS_BITS, LOSSLESS_BITS
    return COARSEST_BITS[options.codec]


def picture_rate(options: OutputOptions, size: tuple[int, int], frame_rate: float) -> float:
    """Return the bits a second that an output may send on average.

    Args:
        options: of the output.
        size: width and height of its pictures.
        frame_rate: pictures a second.
    """
    pixels = size[0] * size[1]
    idr, other = _coarsest(options)
    floor = pixels * (idr * (IDR_RATE + PLANNED_IDRS / options.gop_s) + other * frame_rate)
    return max(MULTIPLE * 1000.0 * options.bitrate_kbps, floor)


def largest_picture(options: OutputOptions, size: tuple[int, int]) -> float:
    """Return the bits that one picture of an output may have: as many as the decoder's buffer holds, with room.

    Args:
        options: of the output.
        size: width and height of its pictures.
    """
    idr, _ = _coarsest(options)
    buffer_s = max(options.encoder.buffer_s or BUFFER_S, BUFFER_S)
    return max(MULTIPLE * 1000.0 * options.bitrate_kbps * buffer_s, size[0] * size[1] * idr)


class WorkerBudget:
    """Counts the messages that one worker sends."""

    def __init__(self) -> None:
        self._messages = {kind: Budget(rate, rate * MESSAGE_BURST_S) for kind, rate in MESSAGES.items()}
        self._pictures: dict[int, tuple[tuple[object, ...], Budget, float]] = {}

    def count(self, kind: MessageType, now: float) -> None:
        """Count a message.

        Raises:
            LimitExceeded: there are too many of its kind.
        """
        budget = self._messages.get(kind)
        if budget is not None and not budget.spend(1, now):
            raise LimitExceeded(f"more than {MESSAGES[kind]:g} messages {kind.name} a second")

    def count_picture(
        self, number: int, options: OutputOptions, size: tuple[int, int], frame_rate: float, bits: int, now: float
    ) -> None:
        """Count a picture of an output.

        Args:
            number: of the output.
            options: of the output.
            size: width and height of the picture.
            frame_rate: pictures a second.
            bits: of the picture.
            now: monotonic seconds.

        Raises:
            LimitExceeded: the picture is larger, or the output sends more, than the configuration allows.
        """
        key = (options, size, frame_rate)
        known, budget, largest = self._pictures.get(number, (None, None, 0.0))
        if known != key:
            largest = largest_picture(options, size)
        if bits > largest:
            raise LimitExceeded(f"output {number} sends a picture that no buffer of its cap holds")
        if budget is None or known != key:
            rate = picture_rate(options, size, frame_rate)
            buffer = 1000 * options.bitrate_kbps * (options.encoder.buffer_s or BUFFER_S)
            share = budget.share if budget is not None else 1.0  # a change gives nothing away
            budget = Budget(rate, rate * BURST_S + 2 * buffer, share)
            self._pictures[number] = (key, budget, largest)
        if not budget.spend(bits, now):
            raise LimitExceeded(f"output {number} sends more than {MULTIPLE} times its cap")
