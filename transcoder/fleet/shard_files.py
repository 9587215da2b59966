"""Each shard of a plan has a configuration of its own: the base's keys, its streams, its address, ports and state."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

from transcoder.config import Config, Endpoint
from transcoder.config.listen import MAX_PORT
from transcoder.config.load import parse
from transcoder.config.merge import merge
from transcoder.config.writing import write_document
from transcoder.errors import ConfigError
from transcoder.fleet.plan import Plan, Shard, shard_name
from transcoder.fleet.reading import Fleet

PORT_STEP: Final = 10
"""How far apart the ports of gateways are that share an address. The ports of one gateway (8080, 8081, 8322, 8554)
differ in their last digit, and so those of one are never those of another."""
_HEAD: Final = (
    "# {shard}: written by `transcoder fleet plan {source}`, which overwrites it: change {source} and plan again.\n"
)
_DROP_IN: Final = (
    "# The processors of the slot of {shard}, written by `transcoder fleet plan`.\n[Service]\nAllowedCPUs={cpus}\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Says where a shard is reached, and on which processors it runs.

    Attributes:
        name: the name of the shard.
        address: the address of its listeners.
        cpus: the processors, as systemd writes them; "" where the fleet's file names none.
    """

    name: str
    address: str
    cpus: str


def places(fleet: Fleet, plan: Plan, problems: list[str]) -> dict[int, Place]:
    """Return the place of each shard by its number.

    Args:
        fleet: the fleet.
        plan: the shards.
        problems: takes what keeps a shard from having a place.
    """
    file, addresses = fleet.file, fleet.file.every_address
    room = len(addresses) * file.shards_per_address
    late = [shard for shard in plan.shards if shard.number > room]
    if late:
        problems.append(
            f"addresses: {len(addresses)} with {file.shards_per_address} shards each, and shard "
            f"{shard_name(file.name, late[-1].number)} has none"
        )
    each = max(ceil(slot.cores) for slot in file.slots)
    cpus = file.every_cpu
    machine = len(cpus) // each
    if cpus and not machine:
        problems.append(f"cpus: are {len(cpus)}, fewer than the {each} cores of a slot")
    found: dict[int, Place] = {}
    for shard in plan.shards:
        index = shard.number - 1
        own = cpus[index % machine * each :][: ceil(file.slots[shard.slot].cores)] if machine else ()
        found[shard.number] = Place(
            name=shard_name(file.name, shard.number),
            address=addresses[min(index // file.shards_per_address, len(addresses) - 1)],
            cpus=_as_ranges(own),
        )
    return found


def shard_files(fleet: Fleet, plan: Plan, source: Path, folder: Path, problems: list[str]) -> dict[str, str]:
    """Return the text of each file of a plan by its path in the folder, each accepted by the gateway's own reader.

    Args:
        fleet: the fleet.
        plan: the shards.
        source: the path of FLEET.yaml.
        folder: the folder that the files are to be written to.
        problems: takes what is wrong with a shard's configuration, each problem once.
    """
    found = places(fleet, plan, problems)
    if problems:
        return {}
    files: dict[str, str] = {}
    taken: dict[tuple[str, int], str] = {}
    unused = _unused_assets(fleet)
    for shard in plan.shards:
        place = found[shard.number]
        data = _data(fleet, shard, place, unused if shard is plan.shards[0] else frozenset(), problems)
        text = _HEAD.format(shard=place.name, source=source.name) + write_document(data)
        files[f"{place.name}.yaml"] = text
        problems += _refused(text, place.name, folder, taken)
        if place.cpus:
            files[f"systemd/{drop_in_name(place.name)}"] = drop_in_text(place.name, place.cpus)
    problems[:] = list(dict.fromkeys(problems))
    return files


def drop_in_name(shard: str) -> str:
    """Return the path of the file that gives a shard's unit its processors, below the folder of units."""
    return f"transcoder@{shard}.service.d/processors.conf"


def drop_in_text(shard: str, cpus: str) -> str:
    """Return the text of the file that gives a shard's unit its processors."""
    return _DROP_IN.format(shard=shard, cpus=cpus)


def _refused(text: str, name: str, folder: Path, taken: dict[tuple[str, int], str]) -> Iterator[str]:
    """Yield what keeps a gateway from starting with a text, and from listening beside the other shards."""
    try:
        config = parse(text, folder, os.environ)
    except ConfigError as error:
        yield from (f"{name}: {line}" for line in error.problems)
        return
    for endpoint in _listeners(config):
        other = taken.setdefault((endpoint.host.lower(), endpoint.port), name)
        if other != name and endpoint.port:
            yield f"{name}: listens at {endpoint}, and so does {other}: other ports in the base, or more addresses"


def _listeners(config: Config) -> Iterator[Endpoint]:
    for section in (config.rtsp, config.rtsp.tls, config.http, config.onvif):
        if section is not None:
            yield from section.listen


def _unused_assets(fleet: Fleet) -> frozenset[str]:
    """Return the assets that no stream names; one shard must keep their records."""
    return frozenset(fleet.config.assets) - {stream.asset for stream in fleet.config.streams.values()}


def _data(fleet: Fleet, shard: Shard, place: Place, unused: frozenset[str], problems: list[str]) -> dict[str, Any]:
    raw, config = fleet.raw, fleet.config
    names = [item.name for item in shard.items]
    used = {config.streams[name].asset for name in names} | unused
    data = {key: value for key, value in raw.items() if key not in {"streams", "assets"} and not key.startswith("x-")}
    data = merge({"node": place.name, **data}, _listening(fleet, shard, place, problems))
    if config.state_dir is not None:
        data["state_dir"] = f"{raw.get('state_dir', 'state')}/{place.name}"
    assets = _with_successors({key: value for key, value in (raw.get("assets") or {}).items() if key in used}, raw)
    return {**data, **({"assets": assets} if assets else {}), "streams": {name: raw["streams"][name] for name in names}}


def _with_successors(assets: dict[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return assets with those that follow upon them, which their keys name."""
    waiting = list(assets)
    while waiting:
        keys = assets[waiting.pop()]
        successor = keys.get("successor") if isinstance(keys, Mapping) else None
        if isinstance(successor, str) and successor in raw["assets"] and successor not in assets:
            assets[successor] = raw["assets"][successor]
            waiting.append(successor)
    return assets


def _listening(fleet: Fleet, shard: Shard, place: Place, problems: list[str]) -> dict[str, Any]:
    """Return the keys by which a shard listens: at its own address, and at ports of its own where that is shared.

    What only this machine may reach stays so; its ports differ for all shards, whichever machine has them.
    """
    config = fleet.config
    index = shard.number - 1
    at_address = index % fleet.file.shards_per_address * PORT_STEP

    def at(listen: Sequence[Endpoint]) -> list[str]:
        placed: dict[str, None] = {}
        for each in listen:
            step = index * PORT_STEP if each.is_loopback else at_address
            port = each.port + step if each.port else 0
            if port > MAX_PORT:
                problems.append(f"{place.name}: would need port {port}: smaller ports in the base, or more addresses")
            placed[str(Endpoint(host=each.host if each.is_loopback else place.address, port=port))] = None
        return list(placed)

    rtsp: dict[str, Any] = {"listen": at(config.rtsp.listen)}
    if config.rtsp.tls is not None:
        rtsp["tls"] = {"listen": at(config.rtsp.tls.listen)}
    if config.rtsp.udp_ports != (0, 0) and (step := index * PORT_STEP if _is_local(config) else at_address):
        rtsp["udp_ports"] = [port + step for port in config.rtsp.udp_ports]
    keys: dict[str, Any] = {"rtsp": rtsp}
    for name, section in (("http", config.http), ("onvif", config.onvif)):
        if section is not None:
            keys[name] = {"listen": at(section.listen)}
    return keys


def _is_local(config: Config) -> bool:
    return all(each.is_loopback for each in config.rtsp.listen)


def _as_ranges(numbers: Sequence[int]) -> str:
    """Return processors as systemd writes them: 0-7 16."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return " ".join("-".join(map(str, part)) for part in parts)
