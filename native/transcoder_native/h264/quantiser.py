"""This module makes the table of numbers that quantise and scale coefficients, one row a QP.

A row is Q_BYTES long and holds words, in vectors of 16 lanes. The lanes of a vector belong to one column j of the
coefficients of four blocks beside each other: lane 4 * b + i is row i of block b. Columns 0 and 2 are alike, and so are
columns 1 and 3, because the transform's basis functions have but two lengths (clause 8.5.9, equation 8-315).
"""

from typing import Final

import numpy as np

from transcoder_native.arrays import I16

QP_MAX: Final = 51

NORM_ADJUST: Final = ((10, 16, 13), (11, 18, 14), (13, 20, 16), (14, 23, 18), (16, 25, 20), (18, 29, 23))
"""normAdjust4x4 by QP % 6 (equation 8-315): rows and columns both even, both odd, mixed."""

_GAINS: Final = (4.0, 2.56, 3.2)
"""64 over the squared lengths of the basis functions of the inverse transform by those of the forward one, for the same
kinds of place: a scaled coefficient is that many times what the forward transform gives."""

_REACH: Final = (1, 4, 2)
"""The largest weight of a sample in a coefficient, for the same three kinds of place."""

VECTOR_BYTES: Final = 32

FACTOR: Final = 0
"""The offset in bytes of the vectors of factors (columns even, odd): level = (|coefficient| + bias) * factor >> 16."""
BIAS: Final = 64
"""The offset of the vectors of biases."""
SCALE: Final = 128
"""The offset of the vectors of LevelScale4x4 << (QP / 6) / 16 (clause 8.5.12.1 with flat scaling matrices)."""
ZERO_SAD: Final = 192
"""The offset of the largest SAD of a 4x4 block that certainly has no level; the next word is that of a chroma block of
8x8 for its DC."""
Q_BYTES: Final = 224

INTER_ROUNDING: Final = 0.22
"""The share of a quantiser step that is added before a level is cut off. The standard's reference model has 1/6; with
more, the same VMAF takes up to 3 % fewer bits, as a picture inherits what the one before has kept."""
INTRA_ROUNDING: Final = 1 / 3
"""The same of intra MBs, as in the reference model: what is uncovered stays, and so do its levels."""


def table(rounding: float) -> I16:
    """Return the rows of QP 0 to 51 for one rounding: shape (52, Q_BYTES / 2)."""
    rows = np.zeros((QP_MAX + 1, Q_BYTES // 2), np.int16)
    for qp, row in enumerate(rows):
        adjust = NORM_ADJUST[qp % 6]
        factors = [round(65536 * gain / (step << qp // 6)) for gain, step in zip(_GAINS, adjust, strict=True)]
        biases = [int(65536 * rounding / factor) for factor in factors]
        scales = [step << qp // 6 for step in adjust]
        for offset, (even, odd, mixed) in ((FACTOR, factors), (BIAS, biases), (SCALE, scales)):
            vectors = np.tile([even, mixed], 8), np.tile([mixed, odd], 8)
            row[offset // 2 : offset // 2 + 32] = np.concatenate(vectors)
        # the smallest coefficient with a level, by kind of place
        first = [-(-65536 // factor) - bias for factor, bias in zip(factors, biases, strict=True)]
        row[ZERO_SAD // 2] = min((least - 1) // reach for least, reach in zip(first, _REACH, strict=True))
        row[ZERO_SAD // 2 + 1] = -(-131072 // factors[0]) - 2 * biases[0] - 1
    return rows


ROUNDING_8X8: Final = INTER_ROUNDING
"""The share of a quantiser step that is added to levels of 8x8 blocks."""

NORM_ADJUST_8X8: Final = (
    (20, 18, 32, 19, 25, 24), (22, 19, 35, 21, 28, 26), (26, 23, 42, 24, 33, 31),
    (28, 25, 45, 26, 35, 33), (32, 28, 51, 30, 40, 38), (36, 32, 58, 34, 46, 43),
)  # fmt: skip
"""normAdjust8x8 by QP % 6 (equation 8-318), for the kinds of place of ``kind_8x8``."""

LEAST_QP_8X8: Final = 12
"""The lowest QP of 8x8 blocks: below, equation 8-356 rounds scaled coefficients, and they outgrow 16 bits before."""

_LENGTHS_8X8: Final = (8.0, 289 / 32, 5.0)
"""The squared lengths of the basis functions of the inverse transform 0 and 4, the odd ones, and 2 and 6."""

FACTOR_8X8: Final = 0
"""The offset of three vectors of factors: of columns 0 and 4, the odd ones, and 2 and 6; lane 8 * b + i is row i of
block b."""
BIAS_8X8: Final = 96
SCALE_8X8: Final = 192
"""The offset of the vectors of LevelScale8x8 << (QP / 6) / 64 (clause 8.5.13.1 with flat scaling matrices)."""
Q_BYTES_8X8: Final = 288


def kind_8x8(row: int, column: int) -> int:
    """Return the kind of a place in an 8x8 block, the index of equation 8-318."""
    lines = sorted(0 if line % 4 == 0 else 2 - line % 2 for line in (row, column))
    return [[0, 0], [1, 1], [2, 2], [0, 1], [0, 2], [1, 2]].index(lines)


def table_8x8(rounding: float) -> I16:
    """Return the rows of QP 0 to 51 for one rounding: shape (52, Q_BYTES_8X8 / 2), zeros below LEAST_QP_8X8."""
    rows = np.zeros((QP_MAX + 1, Q_BYTES_8X8 // 2), np.int16)
    pairs = (0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)
    gains = [64 / _LENGTHS_8X8[one] / _LENGTHS_8X8[other] for one, other in pairs]
    for qp in range(LEAST_QP_8X8, QP_MAX + 1):
        scales = [step << qp // 6 - 2 for step in NORM_ADJUST_8X8[qp % 6]]
        factors = [round(65536 * gain / scale) for gain, scale in zip(gains, scales, strict=True)]
        biases = [int(65536 * rounding / factor) for factor in factors]
        for offset, numbers in ((FACTOR_8X8, factors), (BIAS_8X8, biases), (SCALE_8X8, scales)):
            lines = [[numbers[kind_8x8(row % 8, column)] for row in range(16)] for column in range(3)]
            rows[qp, offset // 2 : offset // 2 + 48] = np.concatenate(lines)
    return rows
