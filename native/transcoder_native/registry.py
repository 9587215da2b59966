"""The registry lists every kernel beside its twin, with arguments to run both on.

Tests compare the two functions of an entry, and benchmarks measure them. Importing this module compiles all kernels
(see ``runtime``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from transcoder_native import cases
from transcoder_native.kernels import convert, macroblock, mask, motion, plane, polygon, scale
from transcoder_native.kernels import range as range_
from transcoder_native.reference import convert as convert_twin
from transcoder_native.reference import macroblock as macroblock_twin
from transcoder_native.reference import mask as mask_twin
from transcoder_native.reference import motion as motion_twin
from transcoder_native.reference import plane as plane_twin
from transcoder_native.reference import polygon as polygon_twin
from transcoder_native.reference import range as range_twin
from transcoder_native.reference import scale as scale_twin

Kernel: TypeAlias = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Pairs one kernel with its twin.

    Args:
        kernel: the compiled function.
        twin: the NumPy function that defines it.
        case: makes arguments for a source picture of any size, 1x1 included: planes with padding, sizes and
            rectangles drawn at random, samples from a ``cases.Source``.
        typical: makes the arguments that the kernel is measured with at 1080p; None: ``case`` makes them.
        written: positions of the arguments that the kernel writes.
        bounded: True where the last four arguments are bounds ``y0, y1, x0, x1``, outside which the kernel touches
            little.
    """

    kernel: Kernel
    twin: Kernel
    case: cases.CaseMaker
    typical: cases.CaseMaker | None = None
    written: tuple[int, ...] = (2,)
    bounded: bool = False

    def benchmark_case(self, source: cases.Source, height: int, width: int) -> tuple[Any, ...]:
        """Return arguments to measure the kernel with."""
        return (self.typical or self.case)(source, height, width)

    def pixels(self, arguments: tuple[Any, ...], height: int, width: int) -> int:
        """Return how many pixels a call works on: the pixels of the source picture, or those inside the bounds."""
        if self.bounded:
            y0, y1, x0, x1 = arguments[-4:]
            return int((y1 - y0) * (x1 - x0))
        return height * width

    def bytes_touched(self, arguments: tuple[Any, ...]) -> int:
        """Return the bytes that a call reads plus the bytes that it writes: what memory has to move at least.

        Padding counts as touched; with arguments that have no padding the number is exact.
        """
        if self.bounded:
            return 3 * self.pixels(arguments, 0, 0)  # the plane is read and written, the mask is read
        arrays: list[npt.NDArray[np.generic]] = [value for value in arguments if isinstance(value, np.ndarray)]
        return sum(array.nbytes for array in arrays)


ENTRIES: Final = MappingProxyType(
    {
        "copy_plane": Entry(kernel=plane.copy_plane, twin=plane_twin.copy_plane, case=cases.same_size),
        "full_to_limited_luma": Entry(
            kernel=range_.full_to_limited_luma, twin=range_twin.full_to_limited_luma, case=cases.same_size
        ),
        "full_to_limited_chroma": Entry(
            kernel=range_.full_to_limited_chroma, twin=range_twin.full_to_limited_chroma, case=cases.same_size
        ),
        "scale_area": Entry(
            kernel=scale.scale_area, twin=scale_twin.scale_area, case=cases.scaled, typical=cases.two_thirds
        ),
        "scale_area_macroblocks": Entry(
            kernel=scale.scale_area_macroblocks,
            twin=scale_twin.scale_area_macroblocks,
            case=cases.scaled_macroblocks,
            typical=cases.third_of_macroblocks,
            written=(4,),
        ),
        "fill_plane": Entry(
            kernel=plane.fill_plane,
            twin=plane_twin.fill_plane,
            case=cases.rectangle,
            typical=cases.whole_plane,
            written=(0,),
        ),
        "draw_bitmap": Entry(
            kernel=plane.draw_bitmap, twin=plane_twin.draw_bitmap, case=cases.bitmap, typical=cases.banner
        ),
        "polygon_mask": Entry(
            kernel=polygon.polygon_mask, twin=polygon_twin.polygon_mask, case=cases.vertices, typical=cases.quadrangle
        ),
        "mask_solid": Entry(
            kernel=mask.mask_solid,
            twin=mask_twin.mask_solid,
            case=cases.masked_macroblocks,
            typical=cases.masked_all,
            written=(0,),
        ),
        "mask_pixelate": Entry(
            kernel=mask.mask_pixelate,
            twin=mask_twin.mask_pixelate,
            case=cases.masked(20, least=1),
            typical=cases.masked_quarter(32),
            written=(0,),
            bounded=True,
        ),
        "mask_blur": Entry(
            kernel=mask.mask_blur,
            twin=mask_twin.mask_blur,
            case=cases.masked(20),
            typical=cases.masked_quarter(24),
            written=(0,),
            bounded=True,
        ),
        "halve_rows": Entry(kernel=convert.halve_rows, twin=convert_twin.halve_rows, case=cases.halved_rows),
        "halve_both": Entry(kernel=convert.halve_both, twin=convert_twin.halve_both, case=cases.halved_both),
        "narrow_to_8": Entry(
            kernel=convert.narrow_to_8, twin=convert_twin.narrow_to_8, case=cases.wide_samples, written=(3,)
        ),
        "deinterlace_linear": Entry(
            kernel=convert.deinterlace_linear, twin=convert_twin.deinterlace_linear, case=cases.same_size
        ),
        "mark_differing": Entry(
            kernel=macroblock.mark_differing, twin=macroblock_twin.mark_differing, case=cases.differing, written=(4,)
        ),
        "copy_macroblocks": Entry(
            kernel=macroblock.copy_macroblocks, twin=macroblock_twin.copy_macroblocks, case=cases.copied, written=(4,)
        ),
        "limit_luma_macroblocks": Entry(
            kernel=macroblock.limit_luma_macroblocks,
            twin=macroblock_twin.limit_luma_macroblocks,
            case=cases.copied,
            written=(4,),
        ),
        "limit_chroma_macroblocks": Entry(
            kernel=macroblock.limit_chroma_macroblocks,
            twin=macroblock_twin.limit_chroma_macroblocks,
            case=cases.copied,
            written=(4,),
        ),
        "block_differences": Entry(
            kernel=motion.block_differences, twin=motion_twin.block_differences, case=cases.blocks, written=(3, 4)
        ),
    }
)
"""The entries of all kernels by the kernel's name."""
