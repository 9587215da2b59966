"""These kernels sum the absolute differences (SAD) of two blocks, or their squares (SSD), by address and stride."""

from transcoder_native.h264.intrinsics import absolute, average, distance, filled, octets, samples, total, widened
from transcoder_native.runtime import INT, kernel


@kernel(INT, INT, INT, INT)
def sad_16x16(one: int, one_stride: int, other: int, other_stride: int) -> int:
    """Return the SAD of two blocks of 16x16: 0 to 65280."""
    sums = filled(0, 16)
    for _ in range(16):
        sums += absolute(samples(one, 16) - samples(other, 16))
        one += one_stride
        other += other_stride
    return total(sums)


@kernel(INT, INT, INT, INT)
def sad_8x8(one: int, one_stride: int, other: int, other_stride: int) -> int:
    """Return the SAD of two blocks of 8x8: 0 to 16320."""
    sums = filled(0, 8)
    for _ in range(8):
        sums += absolute(samples(one, 8) - samples(other, 8))
        one += one_stride
        other += other_stride
    return total(sums)


@kernel(INT, INT, INT, INT)
def sad_4x4(one: int, one_stride: int, other: int, other_stride: int) -> int:
    """Return the SAD of two blocks of 4x4: 0 to 4080."""
    sums = filled(0, 4)
    for _ in range(4):
        sums += absolute(samples(one, 4) - samples(other, 4))
        one += one_stride
        other += other_stride
    return total(sums)


@kernel(INT, INT, INT, INT, INT, INT)
def sad_of_average(source: int, source_stride: int, one: int, one_stride: int, other: int, other_stride: int) -> int:
    """Return the SAD of a block of 16x16 and the averages of two others, rounded up."""
    sums = filled(0, 16)
    for _ in range(16):
        sums += widened(distance(octets(source, 16), average(octets(one, 16), octets(other, 16))))
        source += source_stride
        one += one_stride
        other += other_stride
    return total(sums)


@kernel(INT, INT, INT, INT)
def ssd_16x16(one: int, one_stride: int, other: int, other_stride: int) -> int:
    """Return the SSD of two blocks of 16x16: 0 to 16646400."""
    first = widened(samples(one, 16) - samples(other, 16))
    sums = first * first
    for _ in range(15):
        one += one_stride
        other += other_stride
        difference = widened(samples(one, 16) - samples(other, 16))
        sums += difference * difference
    return total(sums)
