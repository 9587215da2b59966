"""What a camera sends beside its pictures, and what is not let through, in words for an operator.

The words are ours alone: a camera's own names stay in the ledger's examples.
"""

import re
from collections.abc import Iterable
from typing import Final

from transcoder.codecs.nal import Codec, nal_unit_name
from transcoder.sdp.words import METADATA

MAX_NAMED: Final = 12
"""The number of channels that one line names; a camera that talks much has nine."""

_NAL: Final = re.compile(r"(h264|h265) type (\d{1,2})")
_PAYLOAD: Final = re.compile(r"private payload type (\d{1,3})")
_WHOLE_LAYERS: Final = {
    "rtsp_channel": "channels that were never set up",
    "udp_source": "datagrams of other hosts",
    "rate_limit": "more than any camera sends",
    "rtp_extension": "RTP header extensions",
    "rtp_csrc": "RTP contributing sources",
    "rtp_padding": "RTP padding",
    "rtp_ssrc": "RTP of another source",
}
"""The layers whose kinds tell an operator nothing more."""
_MEDIA: Final = {METADATA: "ONVIF metadata", "audio": "sound", "video": "another video", "text": "text media"}


def channel_word(layer: str, kind: str) -> str:
    """Return the words for one kind of thing that is not let through.

    Args:
        layer: the ledger's name of the layer.
        kind: the kind, as the ledger counts it.
    """
    if layer in _WHOLE_LAYERS:
        return _WHOLE_LAYERS[layer]
    if found := _NAL.fullmatch(kind):
        name = nal_unit_name(Codec(found[1].upper()), int(found[2])).partition(" ")[2]
        if name.startswith("reserved"):
            return f"private NAL units {found[2]}"
        return "SEI" if "SEI" in name else f"{name} NAL units"
    if found := _PAYLOAD.fullmatch(kind):
        return f"private packets {found[1]}"
    if layer == "rtcp":
        return f"RTCP {kind}"
    return _MEDIA.get(kind, kind)


def channel_words(channels: Iterable[tuple[str, str]]) -> str:
    """Return the words for several kinds in one line, each once: "SEI, private packets 112, ONVIF metadata".

    Args:
        channels: layer and kind of each.
    """
    words = list(dict.fromkeys(channel_word(layer, kind) for layer, kind in channels))
    more = [f"and {len(words) - MAX_NAMED} more"] if len(words) > MAX_NAMED else []
    return ", ".join([*words[:MAX_NAMED], *more])
