"""Packets of a content: made once, shared by all cameras that loop it."""

from weakref import WeakKeyDictionary

from transcoder.codecs.nal import Codec
from transcoder.rtp.payload import h264, h265
from transcoder.simulator.access_units import Content
from transcoder.simulator.packets import PacketBlock, block

_BLOCKS: WeakKeyDictionary[Content, dict[int, list[PacketBlock]]] = WeakKeyDictionary()
"""By content and largest payload."""


def packetize(codec: Codec, nal_units: list[bytes], max_payload: int) -> list[bytes]:
    """RTP payloads of one access unit."""
    module = h264 if codec is Codec.H264 else h265
    return module.packetize(nal_units, max_payload) if nal_units else []


def content_blocks(content: Content, max_payload: int) -> list[PacketBlock]:
    """A block of packets for each access unit."""
    by_size = _BLOCKS.setdefault(content, {})
    if max_payload not in by_size:
        by_size[max_payload] = [
            block(packetize(content.codec, list(unit.nal_units), max_payload)) for unit in content.access_units
        ]
    return by_size[max_payload]
