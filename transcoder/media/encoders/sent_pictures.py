"""This module decodes what our own engine sends, and says whether decoders show what the engine believes.

It costs as much as decoding does. The environment variable CHECK_VARIABLE of the service turns it on.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.media.decoder import Decoder
from transcoder.media.picture import U8

CHECK_VARIABLE: Final = "TRANSCODER_CHECK_PICTURES"
"""The environment variable that has every worker check every picture of the profile motion; any value but "" does."""


class SentPictures:
    """Decodes the pictures of one encoder with libavcodec, in the order in which they are sent.

    Args:
        width: luma samples of a row.
        height: rows of luma samples.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._decoder = Decoder(Codec.H264)

    def show(self, units: list[bytes], pts: int, reconstruction: Sequence[U8] | None) -> bool:
        """Decode a picture and return whether it is shown as its encoder believes.

        Args:
            units: the NAL units of the picture.
            pts: the picture's presentation time, 90 kHz ticks.
            reconstruction: luma, Cb and Cr as the encoder believes, in the coded size or larger; None: it does not say,
                and every picture is right.
        """
        shown = self._decoder.decode(join_byte_stream(units), pts)
        if reconstruction is None:
            return True
        if len(shown) != 1 or shown[0].concealed or (shown[0].width, shown[0].height) != self._size:
            return False
        planes = [np.asarray(plane) for plane in shown[0].planes]
        width, height = self._size
        return all(
            np.array_equal(own[: height >> shift, : width >> shift], plane[: height >> shift, : width >> shift])
            for own, plane, shift in zip(reconstruction, planes, (0, 1, 1), strict=True)
        )
