"""This module makes NAL units that carry no picture, and that legacy cameras send all the same.

Payloads are ASCII canaries, so no emulation prevention byte is needed anywhere.
"""

from collections.abc import Callable

from transcoder.codecs.nal import H264_AUD, H264_SEI, H265_AUD, H265_SEI_PREFIX, H265_SEI_SUFFIX, Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.lab.cameras.canary import CanaryMint

H264_FILLER, H264_RESERVED = 12, 22
H265_FILLER, H265_RESERVED = 38, 45  # types 41 to 44 would open the next access unit (H.265 section 7.4.2.4.4)

Builder = Callable[[Codec, str], bytes]
PictureBuilder = Callable[[str], bytes]


def nal_header(codec: Codec, unit_type: int) -> bytes:
    """Return a NAL unit header: nal_ref_idc 0; layer 0, temporal id plus 1 of 1."""
    return bytes((unit_type,)) if codec is Codec.H264 else bytes((unit_type << 1, 1))


def sei(codec: Codec, payload_type: int, payload: bytes, *, suffix: bool = False) -> bytes:
    """Return a well-formed SEI NAL unit with one message of at most 254 bytes.

    Source: H.264 section 7.3.2.3.1, H.265 section 7.3.5.
    """
    unit_type = H264_SEI if codec is Codec.H264 else H265_SEI_SUFFIX if suffix else H265_SEI_PREFIX
    return nal_header(codec, unit_type) + bytes((payload_type, len(payload))) + payload + b"\x80"


def _captions(codec: Codec, canary: str) -> bytes:
    """Return closed captions (ATSC A/53 part 4 6.2.3): decoders make side data of them, which encoders write again."""
    data = canary.encode()
    triplets = len(data) // 3
    body = b"\xb5\x00\x31GA94\x03" + bytes((0x40 | triplets, 0xFF)) + data[: 3 * triplets] + b"\xff"
    return sei(codec, 4, body)


def _china_t35(codec: Codec, canary: str) -> bytes:
    return sei(codec, 4, b"\x26\x01\x02" + canary.encode())


def _user_data(codec: Codec, canary: str) -> bytes:
    """Return user data, unregistered: the canary stands in the UUID and after it."""
    return sei(codec, 5, canary[:16].encode() + b"time=" + canary.encode())


def _malformed_user_data(codec: Codec, canary: str) -> bytes:
    """Return user data like Dahua's: type 5 with size bytes 00 30, and a vendor text where the UUID belongs."""
    header = nal_header(codec, H264_SEI if codec is Codec.H264 else H265_SEI_PREFIX)
    return header + b"\x05\x00\x30" + canary[:16].encode() + canary.encode() + b"\x80"


def _private(payload_type: int) -> Builder:
    def build(codec: Codec, canary: str) -> bytes:
        return sei(codec, payload_type, canary.encode())

    return build


def _suffix(codec: Codec, canary: str) -> bytes:
    return sei(codec, 5, canary[:16].encode() + canary.encode(), suffix=True)


def _filler(codec: Codec, canary: str) -> bytes:
    """Return filler data whose bytes are not FF."""
    unit_type = H264_FILLER if codec is Codec.H264 else H265_FILLER
    return nal_header(codec, unit_type) + b"\xff\xff" + canary.encode() + b"\xff\x80"


def _reserved(codec: Codec, canary: str) -> bytes:
    unit_type = H264_RESERVED if codec is Codec.H264 else H265_RESERVED
    return nal_header(codec, unit_type) + canary.encode() + b"\x80"


def _svc_slice(_codec: Codec, canary: str) -> bytes:
    """Return a slice of an enhancement layer, dependency_id 1 (H.264 section G.7.3.1.1); our decoders skip it."""
    return b"\x74\x80\x90\x07" + canary.encode() + b"\x80"


def _element(code: int) -> PictureBuilder:
    """Return a builder of an MPEG-4 element: user data (B2) or a reserved start code."""
    return lambda canary: b"\x00\x00\x01" + bytes((code,)) + canary.encode()


def _segment(marker: int, name: bytes = b"") -> PictureBuilder:
    """Return a builder of a JPEG marker segment (T.81 B.2.4.5, B.2.4.6)."""

    def build(canary: str) -> bytes:
        body = name + canary.encode()
        return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body

    return build


PICTURE_KINDS: dict[PictureCodec, dict[str, PictureBuilder]] = {
    PictureCodec.MPEG4: {
        "user_data": _element(0xB2),
        "user_data_picture": _element(0xB2),
        "mpeg4_reserved": _element(0xC3),
    },
    PictureCodec.JPEG: {
        "jpeg_com": _segment(0xFE),
        "jpeg_app1": _segment(0xE1, b"Exif\0\0"),
        "jpeg_app4": _segment(0xE4),
    },
}
"""Private elements before a VOP and private segments in a header extension, by the names that the same switches use."""

KINDS: dict[str, Builder] = {
    "sei_captions": _captions,
    "sei_t35": _china_t35,
    "sei_user_data": _user_data,
    "sei_malformed": _malformed_user_data,
    "sei_128": _private(128),
    "sei_229": _private(229),
    "sei_240": _private(240),
    "sei_suffix": _suffix,
    "filler": _filler,
    "reserved": _reserved,
    "svc_slice": _svc_slice,
}
"""Private NAL units by the name that `CameraBehaviour.idr_nal_units` and `.picture_nal_units` use."""

AFTER_PICTURE = frozenset({"sei_suffix", "filler", "reserved", "svc_slice"})
"""Kinds that follow the slices; the others come before the parameter sets."""


def access_unit_delimiter(codec: Codec) -> bytes:
    """Return an access unit delimiter that allows every slice type.

    Source: H.264 section 7.3.2.4, H.265 section 7.3.2.5.
    """
    return nal_header(codec, H264_AUD if codec is Codec.H264 else H265_AUD) + (
        b"\xf0" if codec is Codec.H264 else b"\x50"
    )


def private_nal_unit(codec: SourceCodec, kind: str, mint: CanaryMint) -> bytes:
    """Return one private NAL unit, element or segment with its own canary.

    Args:
        codec: codec of the stream.
        kind: a key of `KINDS`, or of `PICTURE_KINDS` of the codec.
        mint: mint of the camera.
    """
    if isinstance(codec, PictureCodec):
        where = "header extension" if codec is PictureCodec.JPEG else "bitstream"
        canary = mint.text(kind, f"video RTP, {where} ({kind.replace('_', ' ')}), raw", 24)
        return PICTURE_KINDS[codec][kind](canary)
    canary = mint.text(kind, f"video RTP, NAL unit ({kind.replace('_', ' ')}), raw", 24)
    return KINDS[kind](codec, canary)
