"""Decoding hands decoded pictures to encoding: the samples and times of one picture, and nothing else of the camera.

No frame of FFmpeg, no side data and no metadata go along, so that the two halves can live in two processes.
"""

from dataclasses import dataclass
from fractions import Fraction

from transcoder.media.picture import U8, U16

UNSPECIFIED_MATRIX = 2
"""The value of matrix_coefficients for "unspecified" (H.273 table 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPicture:
    """Holds a decoded picture of the camera.

    Attributes:
        planes: one plane for grey, else three; each (height, stride) uint8, or uint16 where bits is above 8. Only the
            first samples of a row belong to the picture. The planes are only read. They are views: of a buffer that
            the decoder leaves alone as long as a plane is kept, or of the planes that two processes share, which are
            written again as soon as the picture was answered.
        width: luma samples of a row.
        height: rows of luma samples.
        bits: the bits of a sample, 8 to 16.
        chroma: "420", "422", "444" or "" for grey.
        full_range: whether the samples use 0..255 instead of 16..235 (or the like with more bits).
        interlaced: whether the rows belong to two fields.
        matrix: matrix_coefficients of BT.709 or BT.601, else 2 for unspecified.
        aspect: the ratio of a sample's width to its height, 1 where the stream does not say.
        pts: presentation time, 90 kHz ticks.
        arrival: monotonic seconds at which the last packet of the picture's access unit came.
        decode_s: the processor time of the picture's access unit, seconds; 0 for a second picture of the same access
            unit.
        random_access: whether decoding could start at the picture's access unit: the camera coded all of it anew.
        preroll: whether the picture was decoded only because later pictures refer to it; it tells the frame rate and
            is not shown.
        concealed: whether the decoder made up a part that was missing.
        is_compared: whether another process has compared the picture with the one that was handed over before; if not,
            the planes may be kept.
        changed: what that process found, a MacroblockMap of transcoder.media.changes; None where it does not know.
    """

    planes: tuple[U8, ...] | tuple[U16, ...]
    width: int
    height: int
    bits: int = 8
    chroma: str = "420"
    full_range: bool = False
    interlaced: bool = False
    matrix: int = UNSPECIFIED_MATRIX
    aspect: Fraction = Fraction(1)
    pts: int
    arrival: float = 0.0
    decode_s: float = 0.0
    random_access: bool = False
    preroll: bool = False
    concealed: bool = False
    is_compared: bool = False
    changed: U8 | None = None
