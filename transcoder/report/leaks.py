"""What the gateway kept in, in groups that every reader understands; and the way out of the camera network."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from transcoder.report.figures import Section, table

_PLAIN: Final[Mapping[str, str]] = {
    "rtsp_media": "metadata",
    "rtsp_channel": "metadata",
    "rtp_payload_type": "private_packets",
    "rtp_extension": "hidden_fields",
    "rtp_csrc": "hidden_fields",
    "rtp_padding": "hidden_fields",
    "rtp_ssrc": "foreign_senders",
    "udp_source": "foreign_senders",
    "rtcp": "reports",
    "nal_in": "in_video",
    "encoder_dropped": "in_video",
    "rate_limit": "floods",
}
"""The group of each layer of the ledger, which the texts have words for; the rest is "other"."""
GROUPS: Final = (*dict.fromkeys(_PLAIN.values()), "other")
NETWORK_REASONS: Final = ("calls_home", "to_gateway", "to_cameras", "spoofed", "discovery")
"""The counters of `deploy/nftables/camera-egress.nft`."""
_COUNTER: Final = re.compile(
    r'^transcoder_camera_network_dropped_packets_total\{reason="([a-z_]{1,32})"\} ([0-9]{1,19})$', re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Says that something that is not let through was seen in a stream.

    Attributes:
        stream: the stream's id.
        layer: the layer of the ledger.
        kind: the kind, as the ledger names it.
        first_seen: the time, UTC, RFC 3339.
    """

    stream: str
    layer: str
    kind: str
    first_seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Holds what was kept in.

    Attributes:
        channels: what was seen and not let through, each thing once a stream.
        counts: how many things of each layer were not let through since the gateway was started; None where no
            gateway was asked.
        network: the packets that the rules of the camera network dropped, by counter; None where nobody told them.
        has_state: whether the gateway kept anything at all: without it no state of an asset follows from its verdicts.
    """

    channels: Sequence[Channel] = ()
    counts: Mapping[str, int] | None = None
    network: Mapping[str, int] | None = field(default=None)
    has_state: bool = True


def leaks(kept: Kept) -> Section:
    """Return the figures of what was kept in.

    Args:
        kept: what was kept in.
    """
    streams, kinds = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    counts: dict[str, int] = defaultdict(int)
    for channel in kept.channels:
        group = _PLAIN.get(channel.layer, "other")
        streams[group].add(channel.stream)
        kinds[group].add(f"{channel.layer} {channel.kind}")
    for layer, number in (kept.counts or {}).items():
        counts[_PLAIN.get(layer.split(" ")[0].split("/")[0], "other")] += number
    has_counts = kept.counts is not None
    stripped = table(
        "stripped",
        "ledger: count(distinct streams), count(distinct layer and kind) of what was ever seen, and sum(count) since "
        "the gateway was started, by group of layers",
        ("stripped", "streams", "kinds", "times"),
        [
            [group, len(streams[group]), len(kinds[group]), counts[group] if has_counts else None]
            for group in GROUPS
            if streams[group] or counts[group]
        ],
    )
    told = kept.network or {}
    rows = [[reason, told[reason]] for reason in NETWORK_REASONS if reason in told]
    network = table(
        "network", "transcoder_camera_network_dropped_packets_total by reason", ("network", "packets"), rows
    )
    return Section(name="leaks", figures=(stripped, network))


def read_network(text: str) -> dict[str, int]:
    """Read the file that `deploy/nftables/export-counters.sh` writes.

    Args:
        text: the content of the file.

    Returns:
        The dropped packets by counter, empty where the text has none.
    """
    return {reason: int(number) for reason, number in _COUNTER.findall(text)}
