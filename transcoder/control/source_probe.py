"""A probe asks a camera for its description, without taking anything of it."""

import asyncio
from typing import Final

from transcoder.control import ProbeDocument, ProbeMediaDocument
from transcoder.control.stream_documents import MAX_PROBLEM, MAX_TEXT
from transcoder.errors import TranscoderError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.source_options import SourceOptions
from transcoder.probe.observation import Observation
from transcoder.probe.report import shown_text, summary
from transcoder.sdp import VideoSelection
from transcoder.source.events import Described, Event, VideoSelected
from transcoder.text import printable

PROBE_TIMEOUT_S: Final = 10.0
MAX_MEDIA: Final = 32
"""The largest number of media that are listed; a camera has two to five."""


MAX_METADATA: Final = 64
"""The largest number of metadata channels that are listed; what a description tells is about twenty."""


class _Listener:
    """Takes the description of a session, with everything before it.

    Args:
        password: the camera's password, which stands in no finding; None for none.
        url: the path and the query of the camera's URL.
    """

    def __init__(self, password: str | None, url: str) -> None:
        self._observation = Observation()
        self._observation.url = url
        self._shown = shown_text(password)
        self.document: asyncio.Future[ProbeDocument] = asyncio.get_running_loop().create_future()
        self._described: Described | None = None

    def on_event(self, event: Event) -> None:
        """Take an event of the session."""
        self._observation.on_event(event)
        if isinstance(event, Described):
            self._described = event
        elif isinstance(event, VideoSelected) and self._described is not None and not self.document.done():
            found = summary(self._observation, self._shown)
            self.document.set_result(_document(self._described, event.selection, _bounded(found)))


def _bounded(found: dict[str, object]) -> dict[str, object]:
    limits = {"media": MAX_MEDIA, "metadata": MAX_METADATA}
    return {
        name: value[: limits[name]] if isinstance(value, list) and name in limits else value
        for name, value in found.items()
    }


def _document(described: Described, selection: VideoSelection, findings: dict[str, object]) -> ProbeDocument:
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
        findings=findings,
    )


async def probe(options: SourceOptions) -> ProbeDocument:
    """Connect, ask for the description, leave.

    Args:
        options: the options of the camera's source.

    Returns:
        The camera's media, or the reason for which it could not be asked.
    """
    password = options.credentials.password if options.credentials is not None else None
    listener = _Listener(password, options.url.target)
    source = asyncio.get_running_loop().create_task(
        RtspSource(options, Ledger(), listener.on_event, keep_everything=True).run()
    )
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
