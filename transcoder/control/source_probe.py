"""A probe asks a camera for its description, without taking anything of it."""

import asyncio
from typing import Final

from transcoder.control import ProbeDocument, ProbeMediaDocument
from transcoder.control.stream_documents import MAX_PROBLEM, MAX_TEXT
from transcoder.errors import TranscoderError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
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
