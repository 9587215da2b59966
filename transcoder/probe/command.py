"""The command `transcoder probe` goes from its arguments to its exit code here."""

import asyncio
import contextlib
import json
from dataclasses import dataclass

import uvloop
from rich.console import Console

from transcoder import clock
from transcoder.errors import (
    NotConnected,
    ProtocolError,
    RemoteProtocolError,
    ResponseError,
    SdpSyntaxError,
    Silent,
    TranscoderError,
    TransportError,
)
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.source_options import SourceOptions
from transcoder.probe.observation import Observation
from transcoder.probe.render import render
from transcoder.probe.report import shown_text, summary
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import PORTS, parse_url
from transcoder.source.camera_keys import TlsOptions
from transcoder.source.events import Event
from transcoder.url import Url, split_url

MAX_SECONDS = 3600.0
_HINTS = {
    401: "check user and password",
    403: "this user may not see the stream",
    404: "check the path of the URL",
    453: "the camera has no bandwidth left: too many viewers",
    454: "try again: the camera lost the session",
    461: "try the other transport",
    503: "the camera is busy: too many viewers, or still starting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOptions:
    """Holds which camera is probed, and how.

    Attributes:
        url: rtsp:// or rtsps://, with or without credentials.
        transport: "auto" (TCP, then UDP), "tcp" or "udp".
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
        The exit code: 0 done, 1 not reachable or nothing to read, 2 usage.
    """
    try:
        url = split_url(options.url, PORTS)
        if options.transport not in {"auto", "tcp", "udp"}:
            raise ValueError("--transport: auto, tcp or udp")  # noqa: TRY301  # reported like every other bad option
        if not 0 < options.seconds <= MAX_SECONDS:
            raise ValueError(f"--seconds: more than 0 and at most {MAX_SECONDS:g}")  # noqa: TRY301  # likewise
    except ValueError as error:
        errors.print(
            f"probe: the URL or an option can't be used: {error}", markup=False, highlight=False, soft_wrap=True
        )
        return USAGE
    credentials = _credentials(options, url)
    shown = shown_text(credentials.password if credentials is not None else None)
    observation, failure = uvloop.run(_visit(options, url, credentials, errors))
    if observation.description is not None:
        findings = summary(observation, shown)
        if options.as_json:
            console.out(
                json.dumps({"url": shown(url.text), **findings, "problem": failure or None}, indent=2), highlight=False
            )
        else:
            render(findings, console)
    if failure:
        errors.print(f"probe: {shown(failure)}", markup=False, highlight=False, soft_wrap=True)
        return NO
    return OK


def _credentials(options: ProbeOptions, url: Url) -> Credentials | None:
    username = options.username if options.username is not None else url.username
    password = options.password if options.password is not None else url.password
    return None if username is None else Credentials(username=username, password=password or "")


async def _visit(
    options: ProbeOptions, url: Url, credentials: Credentials | None, errors: Console
) -> tuple[Observation, str]:
    """Hold a session, with another transport where the first one doesn't work; return it and the failure, or ""."""
    transports = ["tcp", "udp"] if options.transport == "auto" and url.scheme == "rtsp" else [options.transport]
    transports = ["tcp" if each == "auto" else each for each in transports]
    observation = Observation()
    failure = ""
    for transport in transports:
        observation = Observation()
        try:
            await _session(options, url, credentials, transport, observation, errors)
        except (Silent, RemoteProtocolError, ResponseError) as error:
            failure = explain(error, credentials)
            if isinstance(error, SdpSyntaxError) or (isinstance(error, ResponseError) and error.status != 461):
                break
            continue
        except (TransportError, ProtocolError) as error:
            failure = explain(error, credentials)
            break
        return observation, ""
    return observation, failure


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


async def watch(source: SourceOptions, seconds: float, observation: Observation) -> str:
    """Play for some seconds, counted from the answer to PLAY, and leave.

    Returns:
        The reason for which the session ended before its time, or "".

    Raises:
        TranscoderError: the session ended before the camera played.
    """
    playing = asyncio.Event()

    def on_event(event: Event) -> None:
        observation.on_event(event)
        if observation.playing:
            playing.set()

    connection = RtspSource(source, observation.ledger, on_event, keep_everything=True)
    observation.session = connection.session
    loop = asyncio.get_running_loop()
    running, started = loop.create_task(connection.run()), loop.create_task(playing.wait())
    try:
        await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.is_set():
            await running
        await asyncio.wait({running}, timeout=seconds)
    finally:
        started.cancel()
        running.cancel()  # the session leaves with TEARDOWN
        [end, _] = await asyncio.gather(running, started, return_exceptions=True)
    return str(end) if isinstance(end, TranscoderError) else ""


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


def explain(error: Exception, credentials: Credentials | None) -> str:
    """Return in one line the failure and a way to mend it."""
    text = str(error)
    if isinstance(error, ResponseError):
        if error.own_words and error.own_words.lower() != error.reason.lower():
            text += f" (in the camera's words: {error.own_words})"
        hint = _HINTS.get(error.status, "see the camera's log")
        if error.status == 401 and credentials is None:
            hint = "give --username and --password"
    elif isinstance(error, SdpSyntaxError):
        hint = "choose another stream of the camera, or another codec in its settings"
    elif isinstance(error, Silent):
        hint = "a firewall may be in the way; try the other transport"
    elif isinstance(error, NotConnected):
        hint = "check host and port, and that this machine may reach the camera's network"
    else:
        hint = "try again; if it stays, try the other transport"
    return f"{text}; {hint}"
