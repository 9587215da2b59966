"""A probe asks a camera for its description, without taking anything of it."""

import asyncio
from collections.abc import Callable
from typing import Final

from transcoder.config import Config
from transcoder.config.source import SourceConfig, is_allowed
from transcoder.control import ProbeDocument, ProbeMediaDocument
from transcoder.control.stream_documents import MAX_PROBLEM, MAX_TEXT
from transcoder.errors import NotConnected, TranscoderError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.sockets import is_this_machine
from transcoder.net.source_options import SourceOptions
from transcoder.sdp import VideoSelection
from transcoder.source.events import Described, Event, VideoSelected
from transcoder.text import printable

PROBE_TIMEOUT_S: Final = 10.0
MAX_MEDIA: Final = 32
"""The largest number of media that are listed; a camera has two to five."""


class _Listener:
    """Takes the description of a session, and leaves all other events alone."""

    def __init__(self) -> None:
        self.document: asyncio.Future[ProbeDocument] = asyncio.get_running_loop().create_future()
        self._described: Described | None = None

    def on_event(self, event: Event) -> None:
        """Take an event of the session."""
        if isinstance(event, Described):
            self._described = event
        elif isinstance(event, VideoSelected) and self._described is not None and not self.document.done():
            self.document.set_result(_document(self._described, event.selection))


def _document(described: Described, selection: VideoSelection) -> ProbeDocument:
    media = tuple(
        ProbeMediaDocument(
            kind=printable(item.kind, MAX_TEXT),
            protocol=printable(item.protocol, MAX_TEXT),
            encodings=tuple(printable(form.encoding, MAX_TEXT) for form in item.formats[:MAX_MEDIA]),
            selected=index == selection.index,
        )
        for index, item in enumerate(described.description.media[:MAX_MEDIA])
    )
    return ProbeDocument(
        reachable=True,
        codec=selection.codec.value,
        server=printable(described.server, MAX_TEXT) or None,
        media=media,
    )


def probed_addresses(config: Config, source: SourceConfig, may_connect: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return what says whether a probe that was asked for from elsewhere may connect to an address.

    A writer elsewhere could find this machine's other servers by probes. So this machine is probed only where the file
    itself gives `sources.allow` and names loopback in it, and at the host and port of a stream that there is.

    Args:
        config: the configuration in force.
        source: the source that is to be probed.
        may_connect: says whether a camera may be at an address.
    """
    networks = config.sources.allow if "allow" in config.sources.model_fields_set else ()
    known = any((each.source.host, each.source.port) == (source.host, source.port) for each in config.streams.values())
    if known or any(is_allowed(address, networks) for address in ("127.0.0.1", "::1")):
        return may_connect

    def allowed(address: str) -> bool:
        if is_this_machine(address):
            raise NotConnected("this machine is probed only where the file gives sources.allow with a loopback network")
        return may_connect(address)

    return allowed


async def probe(options: SourceOptions) -> ProbeDocument:
    """Connect, ask for the description, leave.

    Args:
        options: the options of the camera's source.

    Returns:
        The camera's media, or the reason for which it could not be asked.
    """
    listener = _Listener()
    source = asyncio.get_running_loop().create_task(RtspSource(options, Ledger(), listener.on_event).run())
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await asyncio.wait((source, listener.document), return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        return ProbeDocument(reachable=False, reason=f"no description in {PROBE_TIMEOUT_S:g} s")
    finally:
        source.cancel()
        results = await asyncio.gather(source, return_exceptions=True)
    if listener.document.done():
        return listener.document.result()
    error = results[0]
    if isinstance(error, BaseException) and not isinstance(error, TranscoderError | asyncio.CancelledError):
        raise error
    return ProbeDocument(reachable=False, reason=printable(str(error), MAX_PROBLEM))
