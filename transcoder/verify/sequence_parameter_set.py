"""Sequence parameter sets are read to their end, so that nothing hides behind it.

Source: H.264 sections 7.3.2.1.1 and E.1; H.265 sections 7.3.2.2, 7.3.3, 7.3.4, 7.3.7 and E.2.
"""

from dataclasses import dataclass

from transcoder.errors import BitstreamError
from transcoder.verify.bits import Bits
from transcoder.verify.codec import Codec

_H264_PROFILES = {
    44: "CAVLC 4:4:4 Intra", 66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10",
    122: "High 4:2:2", 244: "High 4:4:4 Predictive",
}  # fmt: skip
_H264_CHROMA_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""The profiles whose SPS states its chroma format and may hold scaling lists."""
_H265_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"}
_CROP_UNITS = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
"""The samples of one step of cropping, across and down, by chroma_format_idc."""
_EXTENDED_SAR = 255
_MAX_SIDE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceParameterSet:
    """Holds the numbers that an SPS states about the pictures.

    Attributes:
        width, height: samples after cropping.
        profile, level: the profile and the level as people write them: "High", "4.1".
        frame_rate: pictures a second by the timing information, None where the SPS has none.
        bytes_behind: bytes behind the end of the SPS; 0 where an extension may fill them.
    """

    width: int
    height: int
    profile: str
    level: str
    frame_rate: float | None
    bytes_behind: int


def read_sps(codec: Codec, unit: bytes) -> SequenceParameterSet:
    """Read an SPS.

    Args:
        codec: the codec of the stream.
        unit: the NAL unit with its header.

    Raises:
        BitstreamError: the unit is cut off, or says what no SPS may say.
    """
    bits = Bits(unit[codec.nal_header_size :].replace(b"\x00\x00\x03", b"\x00\x00"))
    return _read_h264(bits) if codec is Codec.H264 else _read_h265(bits)


# -- H.264 -------------------------------------------------------------------------------------------------------------


def _read_h264(bits: Bits) -> SequenceParameterSet:
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue(31)
    chroma, planes = 1, False
    if profile in _H264_CHROMA_PROFILES:
        chroma = bits.ue(3)
        planes = chroma == 3 and bits.flag()
        bits.ue(6)
        bits.ue(6)
        bits.u(1)
        if bits.flag():
            for index in range(8 if chroma != 3 else 12):
                if bits.flag():
                    _skip_h264_scaling_list(bits, 16 if index < 6 else 64)
    bits.ue(12)
    _skip_h264_picture_order(bits)
    bits.ue(16)
    bits.u(1)
    across, down = 16 * (bits.ue(_MAX_SIDE) + 1), 16 * (bits.ue(_MAX_SIDE) + 1)
    frames_only = bits.flag()
    if not frames_only:
        down *= 2
        bits.u(1)
    bits.u(1)
    step_x, step_y = _CROP_UNITS[0 if planes else chroma]
    width, height = _cropped(bits, across, down, step_x, step_y * (1 if frames_only else 2))
    frame_rate = _read_h264_vui(bits) if bits.flag() else None
    name = _H264_PROFILES.get(profile, f"profile {profile}")
    if profile == 66 and constraints & 0x40:
        name = "Constrained Baseline"
    level_1b = level == 9 or (level == 11 and constraints & 0x10 and profile in {66, 77, 88})
    return SequenceParameterSet(
        width=width,
        height=height,
        profile=name,
        level="1b" if level_1b else f"{level / 10:.1f}",
        frame_rate=frame_rate,
        bytes_behind=bits.bytes_behind(),
    )


def _skip_h264_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_h264_picture_order(bits: Bits) -> None:
    kind = bits.ue(2)
    if kind == 0:
        bits.ue(12)
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(bits.ue(255)):
            bits.se()


def _read_h264_vui(bits: Bits) -> float | None:
    _skip_appearance(bits)
    frame_rate = None
    if bits.flag():
        units, scale = bits.u(32), bits.u(32)
        bits.u(1)
        frame_rate = scale / units / 2 if units and scale else None  # in fields
    nal, vcl = _skip_h264_hrd(bits), _skip_h264_hrd(bits)
    if nal or vcl:
        bits.u(1)
    bits.u(1)
    if bits.flag():
        bits.u(1)
        for _ in range(6):
            bits.ue()
    return frame_rate


def _skip_appearance(bits: Bits) -> None:
    """Skip sample aspect ratio, overscan, colours and the place of chroma, which are the same in both standards.

    Source: E.1.1, E.2.1.
    """
    if bits.flag() and bits.u(8) == _EXTENDED_SAR:
        bits.u(32)
    if bits.flag():
        bits.u(1)
    if bits.flag():
        bits.u(4)
        if bits.flag():
            bits.u(24)
    if bits.flag():
        bits.ue(5)
        bits.ue(5)


def _skip_h264_hrd(bits: Bits) -> bool:
    if not bits.flag():
        return False
    buffers = bits.ue(31) + 1
    bits.u(8)
    for _ in range(buffers):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
    return True


# -- H.265 -------------------------------------------------------------------------------------------------------------


def _read_h265(bits: Bits) -> SequenceParameterSet:
    bits.u(4)
    sub_layers = bits.u(3)
    bits.u(1)
    profile, level = _read_profile_tier_level(bits, sub_layers)
    bits.ue(15)
    chroma = bits.ue(3)
    planes = chroma == 3 and bits.flag()
    across, down = bits.ue(_MAX_SIDE), bits.ue(_MAX_SIDE)
    width, height = _cropped(bits, across, down, *_CROP_UNITS[0 if planes else chroma])
    bits.ue(8)
    bits.ue(8)
    order_bits = bits.ue(12) + 4
    for _ in range(sub_layers + 1 if bits.flag() else 1):
        for _ in range(3):
            bits.ue()
    for _ in range(6):
        bits.ue(6)
    if bits.flag() and bits.flag():
        _skip_h265_scaling_lists(bits)
    bits.u(2)
    if bits.flag():
        bits.u(8)
        bits.ue(6)
        bits.ue(6)
        bits.u(1)
    _skip_reference_sets(bits, order_bits)
    bits.u(2)
    frame_rate = _read_h265_vui(bits, sub_layers) if bits.flag() else None
    extended = bits.flag()
    return SequenceParameterSet(
        width=width,
        height=height,
        profile=_H265_PROFILES.get(profile, f"profile {profile}"),
        level=f"{level / 30:.1f}",
        frame_rate=frame_rate,
        bytes_behind=0 if extended else bits.bytes_behind(),
    )


def _read_profile_tier_level(bits: Bits, sub_layers: int) -> tuple[int, int]:
    bits.u(3)
    profile = bits.u(5)
    bits.u(80)
    level = bits.u(8)
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers)]
    if sub_layers:
        bits.u(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        bits.u(88 * has_profile + 8 * has_level)
    return profile, level


def _skip_h265_scaling_lists(bits: Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.flag():
                bits.ue()
                continue
            if size > 1:
                bits.se()
            for _ in range(16 if size == 0 else 64):
                bits.se()


def _skip_reference_sets(bits: Bits, order_bits: int) -> None:
    """Skip short-term sets, each of which may be coded by the set before it (7.3.7), and long-term pictures."""
    pictures = 0
    for index in range(bits.ue(64)):
        if index and bits.flag():
            bits.u(1)
            bits.ue((1 << 15) - 1)
            kept = 0
            for _ in range(pictures + 1):
                used = bits.flag()
                kept += used or bits.flag()
            pictures = kept
        else:
            pictures = bits.ue(16) + bits.ue(16)
            for _ in range(pictures):
                bits.ue((1 << 15) - 1)
                bits.u(1)
        if pictures > 16:
            raise BitstreamError("a set of more than 16 reference pictures")
    if bits.flag():
        for _ in range(bits.ue(32)):
            bits.u(order_bits + 1)


def _read_h265_vui(bits: Bits, sub_layers: int) -> float | None:
    _skip_appearance(bits)
    bits.u(3)
    if bits.flag():
        for _ in range(4):
            bits.ue()
    frame_rate = None
    if bits.flag():
        units, scale = bits.u(32), bits.u(32)
        frame_rate = scale / units if units and scale else None
        if bits.flag():
            bits.ue()
        if bits.flag():
            _skip_h265_hrd(bits, sub_layers)
    if bits.flag():
        bits.u(3)
        for _ in range(5):
            bits.ue()
    return frame_rate


def _skip_h265_hrd(bits: Bits, sub_layers: int) -> None:
    kinds = (bits.flag(), bits.flag())
    sub_pictures = False
    if any(kinds):
        sub_pictures = bits.flag()
        if sub_pictures:
            bits.u(19)
        bits.u(8)
        if sub_pictures:
            bits.u(4)
        bits.u(15)
    for _ in range(sub_layers + 1):
        fixed_general = bits.flag()
        fixed_within = fixed_general or bits.flag()
        low_delay = False
        if fixed_within:
            bits.ue()
        else:
            low_delay = bits.flag()
        buffers = 1 if low_delay else bits.ue(31) + 1
        for _ in range(buffers * sum(kinds)):
            bits.ue()
            bits.ue()
            if sub_pictures:
                bits.ue()
                bits.ue()
            bits.u(1)


def _cropped(bits: Bits, across: int, down: int, step_x: int, step_y: int) -> tuple[int, int]:
    """Return the size that is left of a coded size; the window's offsets come next in both standards."""
    left = right = top = bottom = 0
    if bits.flag():
        left, right, top, bottom = (bits.ue(_MAX_SIDE) for _ in range(4))
    width, height = across - step_x * (left + right), down - step_y * (top + bottom)
    if width <= 0 or height <= 0:
        raise BitstreamError("a picture without samples")
    return width, height
