"""Ask a camera what it has, without taking anything of it."""

import asyncio
from typing import Final

from transcoder.codecs.access_unit import AccessUnit
from transcoder.control import ProbeDocument, ProbeMediaDocument
from transcoder.control.stream_documents import MAX_PROBLEM, MAX_TEXT
from transcoder.errors import TranscoderError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource, SourceOptions
from transcoder.rtp.audio import AudioUnit
from transcoder.sdp import AudioSelection, SessionDescription, VideoSelection
from transcoder.text import printable

PROBE_TIMEOUT_S: Final = 10.0
MAX_MEDIA: Final = 32
"""Media that are listed; a camera has two to five."""


class _Listener:
    """Takes the description; nothing else is of interest."""

    def __init__(self) -> None:
        self.found: asyncio.Future[ProbeDocument] = asyncio.get_running_loop().create_future()

    def on_described(self, description: SessionDescription, selection: VideoSelection, server: str) -> None:
        if self.found.done():
            return
        media = tuple(
            ProbeMediaDocument(
                kind=printable(item.kind, MAX_TEXT),
                protocol=printable(item.protocol, MAX_TEXT),
                encodings=tuple(printable(form.encoding, MAX_TEXT) for form in item.formats[:MAX_MEDIA]),
                selected=index == selection.index,
            )
            for index, item in enumerate(description.media[:MAX_MEDIA])
        )
        self.found.set_result(
            ProbeDocument(
                reachable=True,
                codec=selection.codec.value,
                server=printable(server, MAX_TEXT) or None,
                media=media,
            )
        )

    def on_playing(self) -> None:
        pass

    def on_access_unit(self, access_unit: AccessUnit) -> None:
        pass

    def on_restart(self) -> None:
        pass

    def on_audio_set_up(self, selection: AudioSelection) -> None:
        pass

    def on_audio(self, unit: AudioUnit, *, restarted: bool) -> None:
        pass


async def probe(options: SourceOptions) -> ProbeDocument:
    """Connect, ask for the description, leave.

    Args:
        options: of the camera.

    Returns:
        What it has, or why it could not be asked.
    """
    listener = _Listener()
    source = asyncio.get_running_loop().create_task(RtspSource(options, Ledger(), listener).run())
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await asyncio.wait((source, listener.found), return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        return ProbeDocument(reachable=False, reason=f"no description in {PROBE_TIMEOUT_S:g} s")
    finally:
        source.cancel()
        results = await asyncio.gather(source, return_exceptions=True)
    if listener.found.done():
        return listener.found.result()
    error = results[0]
    if isinstance(error, BaseException) and not isinstance(error, TranscoderError | asyncio.CancelledError):
        raise error
    return ProbeDocument(reachable=False, reason=printable(str(error), MAX_PROBLEM))
