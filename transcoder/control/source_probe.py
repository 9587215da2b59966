"""A probe asks a camera for its description, without taking anything of it."""

import asyncio
from dataclasses import dataclass
from typing import Final

from transcoder.control import ProbeDocument, ProbeMediaDocument
from transcoder.control.stream_documents import MAX_PROBLEM, MAX_TEXT
from transcoder.errors import ResponseError, TranscoderError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.source_options import SourceOptions
from transcoder.probe.observation import Observation
from transcoder.probe.report import shown_text, summary
from transcoder.rtsp.fingerprint import guess_family
from transcoder.sdp import VideoSelection
from transcoder.source.events import Described, Event, VideoSelected
from transcoder.source.problems import problem_code
from transcoder.text import printable

PROBE_TIMEOUT_S: Final = 10.0
MAX_MEDIA: Final = 32
"""The largest number of media that are listed; a camera has two to five."""


MAX_METADATA: Final = 64
"""The largest number of metadata channels that are listed; what a description tells is about twenty."""


_LOGIN: Final = frozenset({401, 403})
"""The statuses that refuse a login, and not a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Holds what one question for a description brought.

    Attributes:
        document: what the camera described, or the reason for which it did not.
        maker: the maker of the camera's software, guessed by its marks; "" where none speaks clearly.
        is_path_refused: whether the camera answered, and refused neither the login nor the connection, but the path.
    """

    document: ProbeDocument
    maker: str
    is_path_refused: bool = False


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

    @property
    def maker(self) -> str:
        """Return the maker of the camera's software, as far as its answers tell."""
        return guess_family(self._observation.marks()).maker

    def on_event(self, event: Event) -> None:
        """Take an event of the session."""
        self._observation.on_event(event)
        if isinstance(event, Described):
            self._described = event
        elif isinstance(event, VideoSelected) and self._described is not None and not self.document.done():
            found = summary(self._observation, self._shown)
            size = self._size(event.selection)
            self.document.set_result(_document(self._described, event.selection, size, _bounded(found)))

    def _size(self, selection: VideoSelection) -> str | None:
        """Return the size of the pictures as far as the description tells it; its parameter sets count most."""
        slices = self._observation.slices
        told = selection.picture_size
        if slices is not None and slices.sps is not None:
            told = slices.sps.width, slices.sps.height
        return None if told is None else f"{told[0]}x{told[1]}"


def _bounded(found: dict[str, object]) -> dict[str, object]:
    limits = {"media": MAX_MEDIA, "metadata": MAX_METADATA}
    return {
        name: value[: limits[name]] if isinstance(value, list) and name in limits else value
        for name, value in found.items()
    }


def _document(
    described: Described, selection: VideoSelection, size: str | None, findings: dict[str, object]
) -> ProbeDocument:
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
        size=size,
        server=printable(described.server, MAX_TEXT) or None,
        media=media,
        findings=findings,
    )


async def probe(options: SourceOptions) -> Answer:
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
        reason = f"no description in {PROBE_TIMEOUT_S:g} s"
        return Answer(document=ProbeDocument(reachable=False, reason=reason, code="silent"), maker=listener.maker)
    finally:
        source.cancel()
        results = await asyncio.gather(source, return_exceptions=True)
    if listener.document.done():
        return Answer(document=listener.document.result(), maker=listener.maker)
    error = results[0]
    if isinstance(error, BaseException) and not isinstance(error, TranscoderError | asyncio.CancelledError):
        raise error
    code = problem_code(error) if isinstance(error, TranscoderError) else None
    return Answer(
        document=ProbeDocument(reachable=False, reason=printable(str(error), MAX_PROBLEM), code=code),
        maker=listener.maker,
        is_path_refused=isinstance(error, ResponseError) and error.status not in _LOGIN,
    )
