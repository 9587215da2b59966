"""What decoding hands to encoding: the samples of one picture and its times, nothing else of the camera's.

No frame of FFmpeg, no side data and no metadata go along, so that the two halves can live in two processes.
"""

from dataclasses import dataclass
from fractions import Fraction

from transcoder.media.picture import U8, U16

UNSPECIFIED_MATRIX = 2
"""Of matrix_coefficients (H.273 table 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPicture:
    """A decoded picture of the camera.

    Attributes:
        planes: one for grey, else three; each (height, stride) uint8, or uint16 where bits is above 8, of which the
            first samples of a row are picture. Views of the decoder's memory: only read, and valid until the next
            access unit is decoded.
        width: luma samples.
        height: luma samples.
        bits: of a sample, 8 to 16.
        chroma: "420", "422", "444" or "" for grey.
        full_range: whether the samples use 0..255 instead of 16..235 (or the like with more bits).
        interlaced: whether the rows are of two fields.
        matrix: matrix_coefficients of BT.709 or BT.601, else 2 for unspecified.
        aspect: width to height of a sample, 1 where the stream does not say.
        pts: 90 kHz ticks.
        arrival: monotonic seconds of its access unit's last packet.
        decode_s: processor time of its access unit, seconds; 0 for a second picture of the same access unit.
        preroll: whether it was decoded for what follows only; it tells the frame rate and is not shown.
        concealed: whether the decoder made up a part that was missing.
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
    preroll: bool = False
    concealed: bool = False
