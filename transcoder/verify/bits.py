"""This module reads bits of an RBSP in order, with the codes that H.264 and H.265 share.

Source: H.264 section 9.1, H.265 section 9.2.
"""

from transcoder.errors import BitstreamError

_MAX_ZEROS = 32
"""The leading zeros of the longest ue(v): the largest value of the standards is 2 ** 32 - 2."""


class Bits:
    """Reads bits from the most significant one of each byte.

    Args:
        rbsp: bytes without emulation prevention.
    """

    def __init__(self, rbsp: bytes) -> None:
        self._rbsp = rbsp
        self._at = 0

    def u(self, count: int) -> int:
        """Read an unsigned number of so many bits.

        Raises:
            BitstreamError: the bytes end before.
        """
        first, end = self._at // 8, self._at + count
        last = (end + 7) // 8
        if last > len(self._rbsp):
            raise BitstreamError("it is cut off")
        self._at = end
        return int.from_bytes(self._rbsp[first:last]) >> (8 * last - end) & ((1 << count) - 1)

    def flag(self) -> bool:
        """Read one bit."""
        return self.u(1) == 1

    def ue(self, most: int = (1 << 32) - 2) -> int:
        """Read an unsigned Exp-Golomb number.

        Raises:
            BitstreamError: the number is greater than `most`, or the bytes end before.
        """
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > _MAX_ZEROS:
                raise BitstreamError("an Exp-Golomb code without an end")
        value = (1 << zeros) - 1 + self.u(zeros)
        if value > most:
            raise BitstreamError(f"the number {value} where {most} is the most")
        return value

    def se(self) -> int:
        """Read a signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)

    def bytes_behind(self) -> int:
        """Read the stop bit, which comes next, and count the bytes behind the one that it is in.

        Raises:
            BitstreamError: there is no stop bit.
        """
        if not self.flag():
            raise BitstreamError("it has no stop bit where it ends")
        return len(self._rbsp) - (self._at + 7) // 8
