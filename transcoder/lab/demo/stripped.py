"""This module describes in words the data that the gateway did not let through."""

from collections import Counter
from collections.abc import Iterable

from transcoder.codecs.nal import Codec, nal_unit_name
from transcoder.ledger import Ledger

MAX_KINDS = 4
"""Kinds of a layer that the text names at most; the most frequent come first."""

_LAYERS = {
    "nal_in": "NAL units",
    "rtp_payload_type": "RTP packets of foreign type",
    "rtp_extension": "RTP header extensions",
    "rtp_csrc": "RTP contributors",
    "rtp_padding": "RTP padding",
    "rtp_ssrc": "RTP packets of foreign sources",
    "rtcp": "RTCP items",
    "rtsp_media": "media never set up",
    "udp_source": "foreign datagrams",
}
_TYPE = "private payload type "


def counts(ledgers: Iterable[Ledger]) -> dict[str, Counter[str]]:
    """Count by layer and kind, both in words, in one or more ledgers; the layers are in the order of `_LAYERS`."""
    found: dict[str, Counter[str]] = {}
    for ledger in ledgers:
        for layer, kind, entry in ledger:
            found.setdefault(layer, Counter())[_kind(layer, kind)] += entry.count
    order = list(_LAYERS)
    layers = sorted(found, key=lambda layer: order.index(layer) if layer in order else len(order))
    return {_LAYERS.get(layer, layer.replace("_", " ")): found[layer] for layer in layers}


def describe(ledgers: Iterable[Ledger]) -> str:
    """Write one sentence that says of each layer its total and its most frequent kinds."""
    parts = []
    for layer, kinds in counts(ledgers).items():
        named = [f"{kind} {number}" for kind, number in kinds.most_common(MAX_KINDS)]
        if len(kinds) > MAX_KINDS:
            named.append("...")
        single = next(iter(kinds))
        parts.append(f"{kinds.total()} {layer} ({single if len(kinds) == 1 else ', '.join(named)})")
    return ", ".join(parts) or "nothing yet"


def _kind(layer: str, kind: str) -> str:
    if layer == "rtp_payload_type":
        return kind.removeprefix(_TYPE)
    if layer != "nal_in":
        return kind
    codec, _, number = kind.partition(" type ")
    if codec.upper() not in Codec.__members__ or not number.isdecimal():
        return kind
    name = nal_unit_name(Codec[codec.upper()], int(number)).partition(" ")[2]
    return f"type {number}" if name.startswith("reserved") else name
