"""This module shows planes of FFmpeg frames as NumPy arrays, without copies.

A plane is the whole padded array (height, stride) uint8, as the kernels take it; only its first `width` columns belong
to the picture.
"""

from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]

BLACK = (16, 128, 128)
"""Y, Cb, Cr of black in limited range (H.273)."""
GREY = (126, 128, 128)


def planes_u8(frame: VideoFrame, count: int) -> tuple[U8, ...]:
    """Return the first planes of 8-bit samples, each (height, stride)."""
    planes: Any = frame.planes[:count]
    return tuple([np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in planes])


def planes_u16(frame: VideoFrame, count: int) -> tuple[U16, ...]:
    """Return the first planes of 10- to 16-bit samples, little endian, each (height, stride)."""
    planes: Any = frame.planes[:count]
    return tuple([np.frombuffer(plane, np.uint16).reshape(plane.height, plane.line_size // 2) for plane in planes])


class OwnPicture:
    """Holds a picture of ours: 8-bit 4:2:0, limited range, even dimensions. An encoder gets no other kind.

    The picture has no side data and no metadata, because nothing but samples is ever written into it.
    """

    def __init__(self, width: int, height: int) -> None:
        self.frame = av.VideoFrame(width, height, "yuv420p")
        self.width = width
        self.height = height
        self.planes = list(planes_u8(self.frame, 3))

    def fill(self, colour: tuple[int, int, int]) -> None:
        """Give all samples one colour."""
        for plane, value in zip(self.planes, colour, strict=True):
            plane[:] = value
