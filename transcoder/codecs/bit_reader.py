"""The bit reader reads fixed-length numbers and Exp-Golomb codes of an RBSP.

Source: H.264 section 7.2 and 9.1, H.265 section 9.2.
"""

from transcoder.errors import BitstreamError

_MAX_EXP_GOLOMB_BITS = 32
"""The leading zeros of the longest code that a standard uses; it holds values up to 2**32 - 2."""


class BitReader:
    """Reads the bits of an RBSP, most significant first.

    Args:
        rbsp: bytes without emulation prevention. A read costs time proportional to their length, so callers bound the
            length.
    """

    __slots__ = ("_left", "_value")

    def __init__(self, rbsp: bytes) -> None:
        self._value = int.from_bytes(rbsp)
        self._left = 8 * len(rbsp)

    @property
    def left(self) -> int:
        """Return the number of bits that are not read yet."""
        return self._left

    def u(self, bits: int) -> int:
        """Read an unsigned number of `bits` bits.

        Raises:
            BitstreamError: fewer bits are left.
        """
        if bits > self._left:
            raise BitstreamError("it ends within a value")
        self._left -= bits
        return (self._value >> self._left) & ((1 << bits) - 1)

    def peek(self, bits: int) -> int:
        """Return the next `bits` bits, of which there have to be so many, without reading them."""
        return (self._value >> (self._left - bits)) & ((1 << bits) - 1)

    def flag(self) -> bool:
        """Read one bit.

        Raises:
            BitstreamError: no bit is left.
        """
        if not self._left:
            raise BitstreamError("it ends within a value")
        self._left -= 1
        return (self._value >> self._left) & 1 == 1

    def ue(self, highest: int = (1 << 32) - 2) -> int:
        """Read an unsigned Exp-Golomb code.

        Raises:
            BitstreamError: the code ends early or its value is over `highest`.
        """
        rest = self._value & ((1 << self._left) - 1)
        length = rest.bit_length()
        zeros = self._left - length
        if zeros > _MAX_EXP_GOLOMB_BITS:
            raise BitstreamError("an Exp-Golomb code is too long")
        left = length - zeros - 1  # behind the zeros, a one, and as many bits again
        if left < 0:
            raise BitstreamError("it ends within a value")
        self._left = left
        value = (rest >> left) - 1
        if value > highest:
            raise BitstreamError(f"a value of {value} is over {highest}")
        return value

    def se(self) -> int:
        """Read a signed Exp-Golomb code.

        Raises:
            BitstreamError: the code ends early.
        """
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)
