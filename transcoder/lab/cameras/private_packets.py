"""This module makes RTP packets on the video track that no SDP announces."""

from transcoder.lab.cameras.canary import CanaryMint
from transcoder.lab.cameras.packets import PacketBlock, block, header_extension

_WHERE = "private RTP packets, raw"


def _item(tag: int, data: bytes) -> bytes:
    return bytes((tag, len(data))) + data


def extension_packets(mint: CanaryMint) -> PacketBlock:
    """Return two empty packets whose header extensions are lists of tag, length, data (Hikvision, payload type 112).

    The first packet has basic data (tag 0x40), stream (0x45), device (0x41) and profile 1. The second packet has video
    (0x42), audio (0x43) and profile 2.
    """
    basic = _item(0x40, b"HK\x01\x01" + mint.text("private_basic", _WHERE).encode())
    stream = _item(0x45, b"\x01\x01\x01\x01")
    device = _item(0x41, mint.text("private_device", _WHERE).encode())
    video = _item(0x42, b"\x05\x00\x02\xd0\x19" + mint.text("private_video", _WHERE).encode())
    audio = _item(0x43, b"\x71\x11\x01\x10")
    first = block([b""], header_extension(0x0001, basic + stream + device))
    second = block([b""], header_extension(0x0002, video + audio))
    offset = len(first.data)
    packets = first.packets + tuple((offset + at, size, head) for at, size, head in second.packets)
    return PacketBlock(first.data + second.data, packets)


def duplicate_packet(mint: CanaryMint) -> PacketBlock:
    """Return one packet that repeats the sequence number of the video packet before it (Uniview, payload type 50)."""
    return block([mint.text("private_payload", _WHERE).encode() * 2])


def video_extension(mint: CanaryMint, profile: int) -> bytes:
    """Return a header extension for a video packet."""
    canary = mint.text("video_extension", "video RTP, header extension, raw").encode()
    return header_extension(profile, _item(0x80, canary))
