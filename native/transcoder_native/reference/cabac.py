"""This module codes bins arithmetically bit by bit, as ITU-T H.264 writes it down (section 9.3.4.2 to 9.3.4.5)."""

from collections.abc import Iterable

from transcoder_native.arrays import U8
from transcoder_native.h264.tables import BYPASS, NEXT_STATE, RANGE_LPS, TERMINATE, coder_tables


class ArithmeticEncoder:
    """Holds the variables of the encoding process under the standard's names.

    Args:
        states: 2 * pStateIdx + valMPS of each ctxIdx, changed by coding.
    """

    def __init__(self, states: U8) -> None:
        self.states = states
        self.bits: list[int] = []
        self._tables = coder_tables()
        self._low, self._range = 0, 510
        self._first_bit = True
        self._outstanding = 0

    def encode(self, entries: Iterable[int]) -> None:
        """Code bins, each 2 * ctxIdx + value."""
        for entry in entries:
            context, value = int(entry) >> 1, int(entry) & 1
            if context == BYPASS:
                self._encode_bypass(value)
            elif context == TERMINATE:
                self._range -= 2
                self._renorm()
            else:
                self._encode_decision(context, value)

    def finish(self) -> bytes:
        """Code end_of_slice_flag 1 and return the bytes, rbsp_slice_trailing_bits included."""
        self._low += self._range - 2
        self._range = 2
        self._renorm()
        self._put_bit(self._low >> 9 & 1)
        self.bits += [self._low >> 8 & 1, 1]
        self.bits += [0] * (-len(self.bits) % 8)
        return int("".join(map(str, self.bits)), 2).to_bytes(len(self.bits) // 8)

    def _encode_decision(self, context: int, value: int) -> None:
        state = int(self.states[context])
        lps = int(self._tables[RANGE_LPS + 4 * (state >> 1) + (self._range >> 6 & 3)])
        self._range -= lps
        if value != state & 1:
            self._low += self._range
            self._range = lps
        self.states[context] = self._tables[NEXT_STATE + 2 * state + value]
        self._renorm()

    def _encode_bypass(self, value: int) -> None:
        self._low <<= 1
        if value:
            self._low += self._range
        if self._low >= 1024:
            self._put_bit(1)
            self._low -= 1024
        elif self._low < 512:
            self._put_bit(0)
        else:
            self._low -= 512
            self._outstanding += 1

    def _renorm(self) -> None:
        while self._range < 256:
            if self._low < 256:
                self._put_bit(0)
            elif self._low >= 512:
                self._low -= 512
                self._put_bit(1)
            else:
                self._low -= 256
                self._outstanding += 1
            self._range <<= 1
            self._low <<= 1

    def _put_bit(self, bit: int) -> None:
        if self._first_bit:
            self._first_bit = False
        else:
            self.bits.append(bit)
        self.bits += [1 - bit] * self._outstanding
        self._outstanding = 0
