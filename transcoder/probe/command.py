"""The command `transcoder probe` goes from its arguments to its exit code here."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field

import uvloop
from rich.console import Console

from transcoder import clock
from transcoder.errors import (
    ProtocolError,
    RemoteProtocolError,
    ResponseError,
    SdpSyntaxError,
    Silent,
    TransportError,
)
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.net.source_options import SourceOptions
from transcoder.probe.observation import Observation
from transcoder.probe.render import render, render_cut_short, render_snippet
from transcoder.probe.report import shown_text, summary
from transcoder.probe.snippet import snippet
from transcoder.probe.watching import explain, watch
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import PORTS, parse_url
from transcoder.source.camera_keys import TlsOptions
from transcoder.url import Url, split_url

MAX_SECONDS = 3600.0
TRANSPORTS = frozenset({"auto", "tcp", "udp", "http"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOptions:
    """Holds which camera is probed, and how.

    Attributes:
        url: rtsp:// or rtsps://, with or without credentials.
        transport: "auto" (TCP, then UDP), "tcp", "udp" or "http" (RTSP and RTP in a tunnel).
        seconds: seconds of watching after the answer to PLAY.
    """

    url: str
    username: str | None = None
    password: str | None = None
    transport: str = "auto"
    seconds: float = 10.0
    as_json: bool = False


def probe(options: ProbeOptions, console: Console, errors: Console) -> int:
    """Visit a camera and report.

    Args:
        options: the options from the command line.
        console: the findings are written here.
        errors: progress and errors are written here.

    Returns:
        The exit code: 0 done, 1 not reachable, nothing to read or cut short, 2 usage.
    """
    try:
        url = split_url(options.url, PORTS)
        if options.transport not in TRANSPORTS:
            raise ValueError("--transport: auto, tcp, udp or http")  # noqa: TRY301  # reported like other bad options
        if url.scheme == "rtsps" and options.transport in {"udp", "http"}:
            raise ValueError(f"--transport: rtsps:// is not encrypted over {options.transport}")  # noqa: TRY301
        if not 0 < options.seconds <= MAX_SECONDS:
            raise ValueError(f"--seconds: more than 0 and at most {MAX_SECONDS:g}")  # noqa: TRY301  # likewise
    except ValueError as error:
        errors.print(
            f"probe: the URL or an option can't be used: {error}", markup=False, highlight=False, soft_wrap=True
        )
        return USAGE
    credentials = _credentials(options, url)
    shown = shown_text(credentials.password if credentials is not None else None)
    seen = _Seen()
    try:
        failure = uvloop.run(_visit(options, url, credentials, seen, errors))
    except KeyboardInterrupt:
        failure, seen.cut_short = "", _cut_short(seen.observation, options.seconds)
    if seen.observation.description is not None:
        _report(options, url, credentials, seen, failure, console)
    if failure or seen.cut_short:
        errors.print(f"probe: {shown(failure) or seen.cut_short}", markup=False, highlight=False, soft_wrap=True)
        return NO
    return OK


@dataclass(slots=True)
class _Seen:
    """Holds the observation of the latest session, also when the visit is cut short."""

    observation: Observation = field(default_factory=Observation)
    cut_short: str = ""


def _cut_short(observation: Observation, seconds: float) -> str:
    if observation.description is None:
        return "cut short before the camera described itself"
    watched_s = observation.span[1] - observation.span[0] if observation.span else 0.0
    return f"cut short after {watched_s:.1f} of {seconds:g} s: there may be more than was seen"


def _report(
    options: ProbeOptions,
    url: Url,
    credentials: Credentials | None,
    seen: _Seen,
    failure: str,
    console: Console,
) -> None:
    """Write what was seen, and, where there is a video, the lines for the configuration file."""
    observation = seen.observation
    shown = shown_text(credentials.password if credentials is not None else None)
    findings = summary(observation, shown)
    config = snippet(url, credentials, options.transport) if observation.selection is not None else None
    if options.as_json:
        found = {"url": shown(url.text), "complete": not seen.cut_short, **findings, "problem": failure or None}
        console.out(json.dumps(found | {"config": config}, indent=2), highlight=False)
        return
    if seen.cut_short:
        render_cut_short(seen.cut_short, console)
    render(findings, console)
    if config is not None:
        render_snippet(config, console)
    if seen.cut_short:
        render_cut_short(seen.cut_short, console)


def _credentials(options: ProbeOptions, url: Url) -> Credentials | None:
    username = options.username if options.username is not None else url.username
    password = options.password if options.password is not None else url.password
    return None if username is None else Credentials(username=username, password=password or "")


async def _visit(options: ProbeOptions, url: Url, credentials: Credentials | None, seen: _Seen, errors: Console) -> str:
    """Hold a session, with another transport where the first one doesn't work; return the failure, or ""."""
    transports = ["tcp", "udp"] if options.transport == "auto" and url.scheme == "rtsp" else [options.transport]
    transports = ["tcp" if each == "auto" else each for each in transports]
    failure = ""
    for transport in transports:
        seen.observation = Observation()
        try:
            await _session(options, url, credentials, transport, seen.observation, errors)
        except (Silent, RemoteProtocolError, ResponseError) as error:
            failure = explain(error, credentials)
            if isinstance(error, SdpSyntaxError) or (isinstance(error, ResponseError) and error.status != 461):
                break
            continue
        except (TransportError, ProtocolError) as error:
            failure = explain(error, credentials)
            if transport == "http":
                failure += "; or it has no tunnel over HTTP: try tcp"
            break
        return ""
    return failure


async def _session(
    options: ProbeOptions,
    url: Url,
    credentials: Credentials | None,
    transport: str,
    observation: Observation,
    errors: Console,
) -> None:
    source = SourceOptions(
        url=parse_url(url.text),
        credentials=credentials,
        transport=transport,
        allowed=lambda _: True,
        tls=TlsOptions(verify="none", old_ciphers=True),  # whatever is there is looked at
        keys=observation.keys,
    )
    progress = asyncio.get_running_loop().create_task(_show_progress(observation, options.seconds, transport, errors))
    try:
        ended_early = await watch(source, options.seconds, observation)
    finally:
        progress.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await progress
    if not observation.payload_types and not observation.unassigned:
        reason = f": {ended_early}" if ended_early else ""
        raise Silent(f"PLAY was answered and no packet came in {options.seconds:g} s over {transport}{reason}")


async def _show_progress(observation: Observation, seconds: float, transport: str, errors: Console) -> None:
    if not errors.is_terminal:
        errors.print(f"connecting over {transport}, watching for {seconds:g} s", highlight=False)
        return
    started = 0.0
    with errors.status(f"connecting over {transport}") as status:
        while True:
            await asyncio.sleep(0.2)
            if observation.playing:
                started = started or clock.monotonic()
                gone = min(clock.monotonic() - started, seconds)
                status.update(f"watching, {gone:.0f} of {seconds:g} s: {observation.pictures} pictures")
