"""The command `transcoder discover` goes from its arguments to its exit code here."""

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from transcoder import clock
from transcoder.config import Config, Network, is_allowed, load
from transcoder.config.source import SourcesConfig
from transcoder.discover.found import Device, Seems, seems
from transcoder.discover.networks import networks_to_look_at, number_of_targets, ports_to_look_at, targets
from transcoder.discover.pace import MAX_RATE, RATE, Pace
from transcoder.discover.render import render, render_json
from transcoder.discover.rtsp_look import RtspSeen
from transcoder.discover.sweep import ask_everybody, sweep
from transcoder.discover.written import as_yaml
from transcoder.discover.ws_discovery import Announced
from transcoder.errors import ConfigError, NotConnected
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.net.names import look_up
from transcoder.net.neighbours import neighbours
from transcoder.net.sockets import Binding

PROGRESS_S: Final = 5.0
"""Seconds between lines of progress where there is no terminal."""
MAX_DEVICES: Final = 4096
"""Devices that are kept: one at each address of the largest network."""
MAX_ANNOUNCED: Final = 16
"""Announcements of one address; a recorder announces itself once, or once for each channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverOptions:
    """Holds where is looked for cameras, and what becomes of them.

    Attributes:
        networks: the networks, such as 192.168.10.0/24.
        interface: the interface, "" for that which the kernel takes.
        config: a configuration, whose `sources.allow` holds and whose streams are known; None: the default of the
            former, and no streams.
        ports: the ports of RTSP, separated by commas.
        rate: connections a second.
        write: a file that is written, which there must not be yet; None for none.
        as_json: whether JSON is written.
    """

    networks: tuple[str, ...]
    interface: str = ""
    config: Path | None = None
    ports: str = "554,8554"
    rate: float = RATE
    write: Path | None = None
    as_json: bool = False


@dataclass(slots=True)
class _Found:
    """Holds what was found so far, also when the search is cut short."""

    total: int
    devices: dict[str, Device] = field(default_factory=dict)
    streams: dict[str, list[str]] = field(default_factory=dict)
    looked: int = 0
    problem: str = ""

    def device(self, address: str) -> Device | None:
        """Return the device at an address, None where there are too many already."""
        if address not in self.devices and len(self.devices) >= MAX_DEVICES:
            return None
        return self.devices.setdefault(address, Device(address))

    def on_looked(self) -> None:
        self.looked += 1

    def on_seen(self, address: str, seen: RtspSeen) -> None:
        device = self.device(address)
        if device is not None:
            device.seen[seen.port] = seen

    def on_announced(self, address: str, announced: Announced) -> None:
        device = self.device(address)
        if device is not None and announced not in device.announced and len(device.announced) < MAX_ANNOUNCED:
            device.announced.append(announced)


def discover(options: DiscoverOptions, console: Console, errors: Console) -> int:
    """Look for cameras and report.

    Args:
        options: the options from the command line.
        console: what was found is written here.
        errors: progress and errors are written here.

    Returns:
        The exit code: 0 something was found, 1 nothing, or cut short, 2 usage.
    """
    try:
        config = load(options.config) if options.config is not None else None
        allowed = (config.sources if config is not None else SourcesConfig()).allow
        networks = networks_to_look_at(options.networks, allowed)
        ports = ports_to_look_at(options.ports)
        if not 0 < options.rate <= MAX_RATE:
            raise ValueError(f"--rate: more than 0 and at most {MAX_RATE:g}")  # noqa: TRY301  # as other bad options
        _check_free(options.write)
    except (ValueError, ConfigError) as error:
        errors.print(f"discover: {error}", markup=False, highlight=False, soft_wrap=True)
        return USAGE
    found = _Found(total=number_of_targets(networks, ports))
    is_cut_short = False
    try:
        uvloop.run(_search(options, networks, ports, config, found, errors))
    except KeyboardInterrupt:
        is_cut_short = True
    table = neighbours()
    for device in found.devices.values():
        device.mac = table.get(device.address, "")
    return _report(options, found, config, is_cut_short, console, errors)


async def _search(
    options: DiscoverOptions,
    networks: Sequence[Network],
    ports: Sequence[int],
    config: Config | None,
    found: _Found,
    errors: Console,
) -> None:
    loop = asyncio.get_running_loop()
    progress = loop.create_task(_show_progress(found, errors))
    known = loop.create_task(_known_streams(config, found.streams)) if config is not None else None
    asked = [loop.create_task(_ask(options, network, found)) for network in networks]
    try:
        pace, binding = Pace(options.rate), Binding(interface=options.interface)
        await sweep(targets(networks, ports), pace, binding, found.on_looked, found.on_seen)
        await asyncio.gather(*asked)
        if known is not None:
            await known
    finally:
        progress.cancel()
        for task in asked:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await progress


async def _ask(options: DiscoverOptions, network: Network, found: _Found) -> None:
    """Ask everybody on a network; one that has no multicast is looked at all the same."""
    if not isinstance(network, ipaddress.IPv4Network):
        return
    near = str(next(iter(network.hosts())))
    try:
        await ask_everybody(
            options.interface, near, lambda address: is_allowed(address, (network,)), found.on_announced
        )
    except OSError as error:
        found.problem = f"nobody was asked by WS-Discovery: {error.strerror or error}"


async def _known_streams(config: Config, streams: dict[str, list[str]]) -> None:
    """Note which streams pull from which addresses."""
    for name, stream in config.streams.items():
        try:
            addresses = await look_up(stream.source.host, stream.source.port)
        except NotConnected:
            continue
        for address in addresses:
            streams.setdefault(address, []).append(name)


async def _show_progress(found: _Found, errors: Console) -> None:
    if not errors.is_terminal:
        while True:
            _progress_line(found, errors)
            await asyncio.sleep(PROGRESS_S)
    with errors.status("looking") as status:
        while True:
            await asyncio.sleep(0.2)
            status.update(f"looked at {found.looked} of {found.total}, found {len(found.devices)}; Ctrl-C keeps them")


def _progress_line(found: _Found, errors: Console) -> None:
    errors.print(f"looked at {found.looked} of {found.total}, found {len(found.devices)}", highlight=False)


def _report(
    options: DiscoverOptions,
    found: _Found,
    config: Config | None,
    is_cut_short: bool,
    console: Console,
    errors: Console,
) -> int:
    now = datetime.fromtimestamp(clock.wall_clock(), UTC)
    seen_at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    order = sorted(found.devices.values(), key=lambda device: _order(device.address))
    devices = [seems(device, found.streams, seen_at) for device in order]
    (render_json if options.as_json else render)(devices, config is not None, is_cut_short, console)
    if found.problem:
        errors.print(f"discover: {found.problem}", markup=False, highlight=False, soft_wrap=True)
    if is_cut_short:
        text = f"cut short after {found.looked} of {found.total}: there may be more"
        errors.print(f"discover: {text}", markup=False, highlight=False, soft_wrap=True)
    if options.write is not None and not _write(options.write, devices, config, now.date().isoformat(), errors):
        return NO
    return OK if devices and not is_cut_short else NO


def _check_free(file: Path | None) -> None:
    """Raise ValueError where a file can't be made, before minutes are spent on what is to stand in it."""
    if file is None:
        return
    try:
        file.lstat()  # a link that leads nowhere is there, too
    except FileNotFoundError:
        if os.access(file.parent, os.W_OK | os.X_OK):
            return
        raise ValueError(f"--write: {file.parent} is no folder that can be written to") from None
    except OSError as error:
        raise ValueError(f"--write: {file} can't be written: {error.strerror}") from None
    raise ValueError(f"--write: there is a file {file} already")


def _write(file: Path, devices: Sequence[Seems], config: Config | None, day: str, errors: Console) -> bool:
    taken = {*config.streams, *config.assets} if config is not None else set[str]()
    text = as_yaml(devices, taken, day)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        errors.print(f"discover: {file} can't be written: {error.strerror}", markup=False, highlight=False)
        return False
    errors.print(f"{file} is written; then: transcoder check {file}", markup=False, highlight=False, soft_wrap=True)
    return True


def _order(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)
