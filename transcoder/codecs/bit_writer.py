"""The bit writer makes an RBSP of fixed-length numbers and Exp-Golomb codes.

Source: H.264 section 7.2 and 9.1.
"""


class BitWriter:
    """Collects bits, most significant first."""

    __slots__ = ("_length", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def u(self, bits: int, value: int) -> None:
        """Write an unsigned number of `bits` bits."""
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit in {bits} bits")
        self._value = self._value << bits | value
        self._length += bits

    def ue(self, value: int) -> None:
        """Write an unsigned Exp-Golomb code."""
        self.u(2 * (value + 1).bit_length() - 1, value + 1)

    def se(self, value: int) -> None:
        """Write a signed Exp-Golomb code."""
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def align(self, bit: int) -> None:
        """Repeat a bit until the next byte begins."""
        while self._length % 8:
            self.u(1, bit)

    def trailing(self) -> None:
        """Write rbsp_trailing_bits."""
        self.u(1, 1)
        self.align(0)

    def rbsp(self) -> bytes:
        """Return the bytes; the last one has to be complete."""
        if self._length % 8:
            raise ValueError("the last byte is not complete")
        return self._value.to_bytes(self._length // 8)
