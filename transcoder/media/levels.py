"""The H.264 level that is announced follows from size and rate, so that the level stays when the bitrate cap changes.

Readers were told the level in the session description. An encoder that chooses for itself takes the lowest level, which
moves with the cap.
"""

import math

# level, macroblocks a second, macroblocks a picture, kbit/s in High profile (H.264 tables, 1.25 times Main)
_LEVELS = (
    ("4.0", 245_760, 8_192, 25_000),
    ("4.1", 245_760, 8_192, 62_500),
    ("4.2", 522_240, 8_704, 62_500),
    ("5.0", 589_824, 22_080, 168_750),
    ("5.1", 983_040, 36_864, 300_000),
    ("5.2", 2_073_600, 36_864, 300_000),
    ("6.0", 4_177_920, 139_264, 300_000),
    ("6.1", 8_355_840, 139_264, 600_000),
    ("6.2", 16_711_680, 139_264, 1_000_000),
)
"""The levels from 4.0 on: every decoder of a VMS knows 4.0, which holds 1080p at 30 pictures a second and 25 Mbit/s."""


def h264_level(width: int, height: int, frame_rate: float, bitrate_kbps: int) -> str:
    """Return the level to announce.

    Args:
        width: luma samples of the picture.
        height: luma samples of the picture.
        frame_rate: pictures a second.
        bitrate_kbps: the cap of the bitrate.
    """
    macroblocks = math.ceil(width / 16) * math.ceil(height / 16)
    for level, a_second, a_picture, kbps in _LEVELS:
        if macroblocks <= a_picture and macroblocks * frame_rate <= a_second and bitrate_kbps <= kbps:
            return level
    return _LEVELS[-1][0]
