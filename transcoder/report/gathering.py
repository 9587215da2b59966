"""What a report tells besides the inventory is read from the audit log, the verdicts and the metrics of a gateway."""

import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from transcoder.assets.inventory import Incident
from transcoder.config import Config
from transcoder.report.leaks import Channel
from transcoder.service.audit import Record
from transcoder.service.verdicts import Verdict
from transcoder.url import split_host_port, split_url

_UNITS: Final = re.compile(r"^transcoder_sanitized_units_total\{([^}]*)\} ([0-9.e+]{1,24})$", re.MULTILINE)
_LAYER: Final = re.compile(r'(?:^|,)layer="([a-z_]{1,32})"')
_SCHEME: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_PORTS: Final = {"rtsp": 554, "rtsps": 322}
_INCIDENTS: Final[Mapping[str, str]] = {"accept_key": "key_accepted"}
"""The records of the audit log that a report calls incidents, and what it calls them."""


def channels_of(records: Iterable[Record]) -> tuple[Channel, ...]:
    """Return what was seen and not let through, as the audit log has it.

    Args:
        records: the records of the audit log.
    """
    found = []
    for record in records:
        if record.what == "channel_seen":
            detail = _detail(record)
            layer, kind = str(detail.get("layer", "")), str(detail.get("kind", ""))
            found.append(Channel(stream=record.stream, layer=layer, kind=kind, first_seen=record.at))
    return tuple(found)


def incidents_of(records: Iterable[Record], verdicts: Iterable[Verdict], config: Config) -> tuple[Incident, ...]:
    """Return what happened, the oldest first.

    Args:
        records: the records of the audit log.
        verdicts: the verdicts that were kept.
        config: the configuration, which says which asset feeds a stream.
    """
    found = [
        Incident(
            at=each.at,
            stream=each.stream,
            asset=each.asset or _asset(config, each.stream),  # another asset may have fed the stream then
            kind="unclean",
            detail=each.reason,
        )
        for each in verdicts
        if each.kind == "unclean"
    ]
    for record in records:
        if kind := _INCIDENTS.get(record.what):
            asset = _asset(config, record.stream)
            found.append(
                Incident(at=record.at, stream=record.stream, asset=asset, kind=kind, detail=f"by {record.who}")
            )
    return tuple(sorted(found, key=lambda incident: incident.at))


def removed_assets(records: Iterable[Record]) -> frozenset[str]:
    """Return the ids of assets that were removed, which no other asset is given.

    Args:
        records: the records of the audit log.
    """
    return frozenset(str(_detail(each).get("asset", "")) for each in records if each.what == "asset_remove") - {""}


def addresses_of(config: Config) -> dict[str, list[str]]:
    """Return the hosts of each asset's streams, and under "" those of streams without an asset.

    Args:
        config: the configuration.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for stream in config.streams.values():
        host = split_url(stream.source.url, _PORTS).host
        if host not in found[stream.asset or ""]:
            found[stream.asset or ""].append(host)
    for name, asset in config.assets.items():
        if kept := _SCHEME.sub("", asset.extra.get("address", "")).partition("/")[0]:
            with contextlib.suppress(ValueError):  # somebody typed it
                kept = split_host_port(kept)[0]
            found[name].append(kept)
    return dict(found)


def sanitized_by_layer(metrics: str) -> dict[str, int]:
    """Return how many things of each layer were not let through since the gateway was started.

    Args:
        metrics: the metrics of the gateway, in the text format of Prometheus.
    """
    found: dict[str, int] = defaultdict(int)
    for layer, number in _samples(metrics):
        found[layer] += number
    return dict(found)


def _samples(metrics: str) -> Iterator[tuple[str, int]]:
    for labels, number in _UNITS.findall(metrics):
        layer = _LAYER.search(labels)
        if layer is not None:
            yield layer[1], int(float(number))


def _asset(config: Config, stream: str) -> str:
    found = config.streams.get(stream)
    return (found.asset or "") if found is not None else ""


def _detail(record: Record) -> dict[str, Any]:
    try:
        found = json.loads(record.detail)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
