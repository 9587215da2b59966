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
