"""This registry lists the kernels of macroblocks beside their twins, with arguments to run both on.

These kernels take addresses and return numbers; their twins take the operands whose addresses those are. Importing this
module compiles all of them (see ``runtime``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from transcoder_native import macroblock_cases as cases
from transcoder_native import runtime
from transcoder_native.cases import Source
from transcoder_native.h264 import deblock, interpolate, reconstruct, residual, residual_8x8, sad, search, zero_bound
from transcoder_native.reference import deblock as deblock_twin
from transcoder_native.reference import interpolate as interpolate_twin
from transcoder_native.reference import residual as residual_twin
from transcoder_native.reference import residual_8x8 as residual_8x8_twin
from transcoder_native.reference import sad as sad_twin
from transcoder_native.reference import search as search_twin
from transcoder_native.reference import zero_bound as zero_bound_twin


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Pairs one kernel with its twin.

    Args:
        kernel: the compiled function.
        twin: the function that defines it.
        case: makes the twin's arguments; ``operands.lowered`` makes the kernel's of them.
    """

    kernel: Callable[..., Any]
    twin: Callable[..., Any]
    case: Callable[[Source], tuple[Any, ...]]


ENTRIES: Final = MappingProxyType(
    {
        "sad_16x16": Entry(kernel=sad.sad_16x16, twin=sad_twin.sad_16x16, case=cases.blocks),
        "sad_8x8": Entry(kernel=sad.sad_8x8, twin=sad_twin.sad_8x8, case=cases.blocks),
        "sad_4x4": Entry(kernel=sad.sad_4x4, twin=sad_twin.sad_4x4, case=cases.blocks),
        "sad_of_average": Entry(kernel=sad.sad_of_average, twin=sad_twin.sad_of_average, case=cases.averaged),
        "ssd_16x16": Entry(kernel=sad.ssd_16x16, twin=sad_twin.ssd_16x16, case=cases.blocks),
        "search": Entry(kernel=search.search, twin=search_twin.search, case=cases.searched),
        "luma_is_zero": Entry(kernel=zero_bound.luma_is_zero, twin=zero_bound_twin.luma_is_zero, case=cases.compared),
        "chroma_is_zero": Entry(
            kernel=zero_bound.chroma_is_zero, twin=zero_bound_twin.chroma_is_zero, case=cases.compared
        ),
        "half_samples": Entry(
            kernel=interpolate.half_samples, twin=interpolate_twin.half_samples, case=cases.half_samples
        ),
        "predict_luma": Entry(
            kernel=interpolate.predict_luma, twin=interpolate_twin.predict_luma, case=cases.predicted_luma
        ),
        "predict_chroma": Entry(
            kernel=interpolate.predict_chroma, twin=interpolate_twin.predict_chroma, case=cases.predicted_chroma
        ),
        "edged": Entry(kernel=deblock.edged, twin=deblock_twin.edged, case=cases.edged),
        "deblock": Entry(kernel=deblock.deblock, twin=deblock_twin.deblock, case=cases.deblocked),
        "block_cost": Entry(kernel=residual.block_cost, twin=residual_twin.block_cost, case=cases.cost),
        "luma_levels": Entry(kernel=residual.luma_levels, twin=residual_twin.luma_levels, case=cases.luma_levels),
        "chroma_levels": Entry(
            kernel=residual.chroma_levels, twin=residual_twin.chroma_levels, case=cases.chroma_levels
        ),
        "reconstruct_luma": Entry(
            kernel=reconstruct.reconstruct_luma, twin=residual_twin.reconstruct_luma, case=cases.reconstructed_luma
        ),
        "reconstruct_chroma": Entry(
            kernel=reconstruct.reconstruct_chroma,
            twin=residual_twin.reconstruct_chroma,
            case=cases.reconstructed_chroma,
        ),
        "block_cost_8x8": Entry(
            kernel=residual_8x8.block_cost_8x8, twin=residual_8x8_twin.block_cost_8x8, case=cases.cost_8x8
        ),
        "luma_levels_8x8": Entry(
            kernel=residual_8x8.luma_levels_8x8, twin=residual_8x8_twin.luma_levels_8x8, case=cases.luma_levels_8x8
        ),
        "reconstruct_luma_8x8": Entry(
            kernel=residual_8x8.reconstruct_luma_8x8,
            twin=residual_8x8_twin.reconstruct_luma_8x8,
            case=cases.reconstructed_luma_8x8,
        ),
    }
)
"""The entries of all kernels of macroblocks by the kernel's name."""

runtime.load(*(entry.kernel for entry in ENTRIES.values()))
