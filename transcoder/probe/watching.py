"""A camera is watched for some seconds here, and what went wrong with it is explained in one line."""

import asyncio
from typing import Final

from transcoder.errors import NotConnected, ResponseError, SdpSyntaxError, Silent, TranscoderError
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.source_options import SourceOptions
from transcoder.probe.observation import Observation
from transcoder.rtsp.auth import Credentials
from transcoder.source.events import Event

_HINTS = {
    401: "check user and password",
    403: "this user may not see the stream",
    404: "check the path of the URL",
    453: "the camera has no bandwidth left: too many viewers",
    454: "try again: the camera lost the session",
    461: "try the other transport",
    503: "the camera is busy: too many viewers, or still starting",
}
LOGIN_BY_OPTIONS: Final = ("give --username and --password", "give the password, best in TRANSCODER_PASSWORD")
"""What to do about a refused login where no user, and where no password was given on the command line."""
LOGIN_BY_KEYS: Final = ("give source.username and source.password_file", "give source.password_file")
"""The same, where the login is in a configuration file."""
LOGIN_BY_CHANGE: Final = ("give source.username and source.password", "give source.password")
"""The same, where the login came with a change at runtime."""


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


def explain(error: Exception, credentials: Credentials | None, missing: tuple[str, str] = LOGIN_BY_OPTIONS) -> str:
    """Return in one line the failure and a way to mend it.

    Args:
        error: the failure.
        credentials: the login that was tried, None for none.
        missing: what to do about a refused login that has no user, and about one that has no password.
    """
    text = str(error)
    if isinstance(error, ResponseError):
        if error.own_words and error.own_words.lower() != error.reason.lower():
            text += f" (in the camera's words: {error.own_words})"
        hint = _HINTS.get(error.status, "see the camera's log")
        if error.status == 401 and (credentials is None or not credentials.password):
            hint = missing[credentials is not None]
    elif isinstance(error, SdpSyntaxError):
        hint = "choose another stream of the camera, or another codec in its settings"
    elif isinstance(error, Silent):
        hint = "a firewall may be in the way; try the other transport"
    elif isinstance(error, NotConnected):
        hint = "check host and port, and that this machine may reach the camera's network"
    else:
        hint = "try again; if it stays, try the other transport"
    return f"{text}; {hint}"
