"""A snapshot is one of our own pictures as a JPEG."""

from fractions import Fraction

import av
import av.error

from transcoder.errors import MediaError
from transcoder.media.decoder import FULL_RANGE
from transcoder.media.picture import OwnPicture

_BIT_EXACT = 1 << 23
"""AV_CODEC_FLAG_BITEXACT: the encoder writes no version string into its output."""
_QUALITY = 4
"""The quantiser scale, of 2 (best) to 31."""


def encode_jpeg(picture: OwnPicture) -> bytes:
    """Encode our own picture as a JPEG, without a comment or any other marker that an encoder signs with.

    Raises:
        MediaError: the encoder failed.
    """
    # swscale converts the picture to full range, because JPEG has no other range (JFIF)
    frame = picture.frame.reformat(format="yuvj420p", dst_color_range=FULL_RANGE, threads=1)
    context = av.CodecContext.create("mjpeg", "w")
    if not isinstance(context, av.VideoCodecContext):
        raise MediaError("FFmpeg has no JPEG encoder")
    context.width, context.height, context.pix_fmt = picture.width, picture.height, "yuvj420p"
    context.time_base = Fraction(1, 25)
    context.thread_count = 1
    context.flags |= _BIT_EXACT
    context.qmin = context.qmax = _QUALITY
    frame.pts = 0
    try:
        return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
    except av.error.FFmpegError as error:
        raise MediaError(f"the JPEG encoder failed: {error}") from None
