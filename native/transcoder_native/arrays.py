"""This module defines how a plane is passed to a kernel.

A decoder pads the rows of its planes. A sliced view ``plane[:, :width]`` is not contiguous, and LLVM does not vectorise
over a stride it can't see, so a plane is always two arguments: the whole padded array, C-contiguous, of shape
``(height, stride)`` with ``stride >= width``, and the integer ``width``. A kernel reads and writes the first ``width``
columns only; the bytes of the padding are never read and never changed. Input and output may have different strides.

An argument that is only read may be a read-only array. Input and output must not overlap, unless the docstring allows
the same array for both. Kernels check shapes before they touch memory (a compiled index is not checked) and raise
ValueError.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

U8: TypeAlias = npt.NDArray[np.uint8]
"""The type of a plane of samples, or of a mask: (height, stride) uint8."""

U16: TypeAlias = npt.NDArray[np.uint16]
"""The type of a plane of samples of more than 8 bits, or of sums of absolute differences: (height, stride) uint16."""

I16: TypeAlias = npt.NDArray[np.int16]
"""The type of sums of signed differences: (rows, columns) int16."""

F64: TypeAlias = npt.NDArray[np.float64]
"""The type of points: (n, 2) float64, x before y."""
