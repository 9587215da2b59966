"""The rate control chooses the QP of every picture: the same one, and a higher one only under the cap of the bitrate.

It is a leaky bucket, as a decoder's buffer is (ITU-T H.264 annex C): coded pictures fill it with the bits that were
written, time empties it at the capped bitrate, and it must never run over. A fixed camera's picture costs nearly the
same from one moment to the next, so the next picture is expected to take as many bits as the last one of its kind.
"""

import math

from transcoder.clock import VIDEO_CLOCK_RATE

MAX_QP = 51
IDR_OFFSET = 5
"""How much lower the QP of an IDR is: where nothing moves, the pictures after it inherit its quality for nothing."""
QP_STEPS_TO_HALVE = 6.0
"""Six steps of QP double the quantiser's step, which halves the bits, or nearly so."""
FIRST_IDR_BITS_PER_SAMPLE = 0.7
"""What the first IDR is expected to take at FIRST_QP: between a tidy corridor, 0.4, and a noisy night, 1.0."""
FIRST_P_BITS_PER_SAMPLE = 0.05
FIRST_QP = 26
P_FILL = 0.9
"""The part of the bucket that pictures between IDRs may fill."""
HELPLESS_FILL = 1.5
"""How full the bucket is, in its sizes, from which on the highest QP counts as not enough."""
RAISE_AT_ONCE = 2
"""Steps by which the offset rises at one P picture while the bucket has room, so that three pictures halve the bits: a
picture of the highest QP would be seen as a pulse."""
LOWER_AT_ONCE = 3
"""Steps by which the offset falls at one IDR at most: more would be seen as a pulse."""
SPARE = 0.95
"""The part of the capped bitrate that a group of pictures may be expected to take for the offset to fall."""


class RateControl:
    """Chooses the QP of the pictures of one output, and raises it where the capped bitrate asks for that.

    For each picture: `choose`, then `note` with what was written.

    Args:
        qp: the QP of P pictures while there are bits enough, IDR_OFFSET to MAX_QP.
        samples: luma samples of a picture.
        bitrate_kbps: the cap of the bitrate.
        buffer_s: the size of the bucket, seconds at the capped bitrate.

    Attributes:
        offset: by how much the QP is raised now.
    """

    def __init__(self, qp: int, samples: int, bitrate_kbps: int, buffer_s: float = 1.0) -> None:
        self.offset = 0
        self._qp = qp
        self._buffer_s = buffer_s
        self._rate = bitrate_kbps * 1000.0
        self._fullness = 0.0
        self._last_pts: int | None = None
        self._chosen = qp
        # bits of the last picture of each kind, as it would have been at QP 0
        first = samples * math.exp2(FIRST_QP / QP_STEPS_TO_HALVE)
        self._idr_cost = FIRST_IDR_BITS_PER_SAMPLE * first
        self._p_cost = FIRST_P_BITS_PER_SAMPLE * first
        self._gop_cost = 0.0
        self._gop_began: int | None = None

    @property
    def fullness_bits(self) -> float:
        """Return how many bits the bucket holds."""
        return self._fullness

    @property
    def size_bits(self) -> float:
        """Return how many bits the bucket can hold."""
        return self._rate * self._buffer_s

    @property
    def is_helpless(self) -> bool:
        """Return whether the highest QP is not enough to keep the cap."""
        return self._chosen >= MAX_QP and self._fullness > HELPLESS_FILL * self.size_bits

    def set_bitrate(self, bitrate_kbps: int) -> None:
        """Use another cap from the next picture on."""
        self._rate = bitrate_kbps * 1000.0

    def choose(self, pts: int, *, is_idr: bool, gop_rest_s: float = 0.0) -> int:
        """Return the QP of the next picture.

        Args:
            pts: presentation time, 90 kHz ticks, not before that of the last picture.
            is_idr: whether the picture is an IDR.
            gop_rest_s: seconds until the next IDR is expected, for which P pictures leave room; 0: unknown.
        """
        if self._last_pts is not None:
            self._fullness = max(0.0, self._fullness - self._rate * (pts - self._last_pts) / VIDEO_CLOCK_RATE)
        self._last_pts = pts
        if is_idr:
            self._lower(pts)
            self._raise(self._idr_cost, self._qp - IDR_OFFSET, self.size_bits)
            self._chosen = min(max(self._qp - IDR_OFFSET + self.offset, 0), MAX_QP)
        else:
            self._raise(self._p_cost, self._qp, self._room_of_p(gop_rest_s), self.offset + RAISE_AT_ONCE)
            self._raise(self._p_cost, self._qp, self.size_bits)
            self._chosen = min(self._qp + self.offset, MAX_QP)
        return self._chosen

    def again(self, bits: int) -> int | None:
        """Return a higher QP for the picture that the last choice was for, where it came out larger than the bucket.

        Args:
            bits: what the picture takes at the QP that was chosen.

        Returns:
            The QP at which to encode it anew; None where it may go as it is, or no QP is higher.
        """
        if bits <= self.size_bits or self._chosen >= MAX_QP:
            return None
        steps = math.ceil(QP_STEPS_TO_HALVE * math.log2(bits / self.size_bits)) + 1
        self.offset += steps
        self._chosen = min(self._chosen + steps, MAX_QP)
        return self._chosen

    def note(self, bits: int, *, is_idr: bool) -> None:
        """Take note of the picture that the last choice was for.

        Args:
            bits: what was written, parameter sets included.
            is_idr: whether it was an IDR.
        """
        self._fullness += bits
        cost = bits * math.exp2(self._chosen / QP_STEPS_TO_HALVE)
        if is_idr:
            self._idr_cost = cost
            # an IDR has a lower QP for the same offset, so its part of a group is counted as at the QP of P pictures
            cost *= math.exp2(IDR_OFFSET / QP_STEPS_TO_HALVE)
        else:
            self._p_cost = cost
        self._gop_cost += cost

    def _room_of_p(self, gop_rest_s: float) -> float:
        """Return how full P pictures may leave the bucket: the next IDR has to find room."""
        room = self.size_bits * P_FILL
        if gop_rest_s <= 0:
            return room
        idr = _bits(self._idr_cost, self._qp - IDR_OFFSET + self.offset)
        return min(room, max(self.size_bits - idr + self._rate * gop_rest_s, 0.0))

    def _raise(self, cost: float, qp: int, limit: float, most: int = MAX_QP) -> None:
        while (
            qp + self.offset < MAX_QP and self.offset < most and self._fullness + _bits(cost, qp + self.offset) > limit
        ):
            self.offset += 1

    def _lower(self, pts: int) -> None:
        """Lower the offset at an IDR as far as the group of pictures before it would have fitted."""
        if self._gop_began is not None:
            budget = SPARE * self._rate * (pts - self._gop_began) / VIDEO_CLOCK_RATE
            least = max(self.offset - LOWER_AT_ONCE, 0)
            while self.offset > least and _bits(self._gop_cost, self._qp + self.offset - 1) <= budget:
                self.offset -= 1
        self._gop_began = pts
        self._gop_cost = 0.0


def _bits(cost: float, qp: int) -> float:
    return cost * math.exp2(-qp / QP_STEPS_TO_HALVE)
