"""This module makes the packets of a content once; all cameras that loop the content in the same way share them."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.packetization import PacketDefects, packetize
from transcoder.lab.cameras.defects.pictures import changed_nal_units
from transcoder.lab.cameras.numbered_packets import packetize_numbered
from transcoder.lab.cameras.packets import PacketBlock, block


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Says how access units become packets.

    Attributes:
        max_payload: bytes of an RTP payload.
        packets: defects of the payloads.
        parameter_sets: whether the stream carries parameter sets.
        pps_alone: whether the PPS are the only parameter sets that the stream carries.
        encrypted: whether the slices' bodies are random.
        svc: whether prefix NAL units stand before the slices.
        second_pps: whether P pictures refer to a PPS of their own.
    """

    max_payload: int
    packets: PacketDefects
    parameter_sets: bool
    pps_alone: bool
    encrypted: bool
    svc: bool
    second_pps: bool


def recipe(behaviour: CameraBehaviour, *, parameter_sets: bool) -> Recipe:
    """Return the recipe by which a camera makes its packets, with or without parameter sets."""
    return Recipe(
        max_payload=behaviour.max_payload,
        packets=behaviour.packets,
        parameter_sets=parameter_sets and behaviour.pictures.parameter_sets != "sdp",
        pps_alone=behaviour.pictures.parameter_sets == "apart",
        encrypted=behaviour.pictures.encrypted,
        svc=behaviour.pictures.svc,
        second_pps=behaviour.pictures.second_pps != "off",
    )


_BLOCKS: WeakKeyDictionary[Content, dict[Recipe, list[PacketBlock]]] = WeakKeyDictionary()


def content_blocks(content: Content, how: Recipe) -> list[PacketBlock]:
    """Return a block of packets for each access unit."""
    by_recipe = _BLOCKS.setdefault(content, {})
    if how not in by_recipe:
        by_recipe[how] = [block(_payloads(content, how, index)) for index in range(len(content.access_units))]
    return by_recipe[how]


def _payloads(content: Content, how: Recipe, index: int) -> list[bytes]:
    """Return the RTP payloads of one access unit."""
    codec = content.codec
    units = changed_nal_units(
        codec,
        content.access_units[index],
        parameter_sets=how.parameter_sets,
        pps_alone=how.pps_alone,
        encrypted=how.encrypted,
        svc=how.svc,
        second_pps=how.second_pps,
        seed=index,
    )
    if how.packets.decoding_order_numbers and isinstance(codec, Codec):
        return packetize_numbered(codec, units, how.max_payload, index=index, total=len(content.access_units))
    return packetize(codec, units, how.max_payload, how.packets)
