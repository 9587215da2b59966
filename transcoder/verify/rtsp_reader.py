"""The reader reads a served stream as any RTSP client would, and hands everything to an inspector.

Every media that is offered is set up, except talk-back, so that nothing that a server would send stays unseen.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable

from typing_extensions import override

from transcoder import product
from transcoder.errors import TransportError
from transcoder.verify.client import Listener, RtspClient
from transcoder.verify.dialog import interleaved_channel
from transcoder.verify.inspector import Inspector
from transcoder.verify.messages import Message
from transcoder.verify.own_text import DescribedMedia, Description, shown
from transcoder.verify.rtp import is_rtcp
from transcoder.verify.target import Target

_HINTS = {
    401: "check user and password",
    404: "is the path right?",
    453: "too many readers",
    503: "it has no picture yet, or no room; try again",
}
LOOK_S = 0.2
"""The seconds between reports of progress."""


class Reader(Listener):
    """Reads one session.

    Args:
        target: the URL to read, and the user to log in as.
        inspector: takes everything that was read.
        udp: True for RTP over UDP instead of interleaved.
        challenge: the challenge that the first request answers, although the server has not sent one yet; "": none.
        on_connected: called when the connection stands, before anything is read from it.

    Attributes:
        read_s: for how long the stream was played so far, seconds.
        began: monotonic seconds when it began to play, None before.
    """

    def __init__(
        self,
        target: Target,
        inspector: Inspector,
        *,
        udp: bool,
        challenge: str = "",
        on_connected: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._target = target
        self._inspector = inspector
        self._udp = udp
        self.read_s = 0.0
        self.began: float | None = None
        self._on_connected = on_connected
        self._client = RtspClient(target, self)
        if challenge:
            self._client.dialog.login.accept([challenge])
        self._description: Description | None = None
        self._names: dict[int, str] = {}

    async def read(self, seconds: float, progress: Callable[[float], None]) -> None:
        """Play for some seconds.

        Args:
            seconds: counted from the answer to PLAY.
            progress: takes the seconds that are gone.

        Raises:
            TransportError: nothing could be read; the message says what to do.
        """
        await self._client.connect()
        if self._client.certificate:
            key = hashlib.sha256(self._client.certificate).hexdigest()
            self._inspector.notes[f"read over TLS; nobody checked the server's certificate, SHA-256 {key}"] += 1
        try:
            if self._on_connected is not None:
                await self._on_connected()
            await self._set_up()
            self._client.punch()
            await self._ask("PLAY", Range="npt=0.000-")
            await self._watch(seconds, progress)
        finally:
            await self._client.leave()

    # -- Listener ------------------------------------------------------------------------------------------------

    @override
    def message(self, message: Message) -> None:
        self._description = self._inspector.message(message) or self._description

    @override
    def packet(self, channel: int, data: bytes, at: float) -> None:
        name = self._names.get(channel)
        if name is None:
            self._inspector.unknown_channel(channel, data)
        elif is_rtcp(data):
            self._inspector.add_media(name).rtcp_packet(data)
        else:
            self._inspector.add_media(name).rtp(data, at)

    @override
    def stray(self, data: bytes) -> None:
        self._inspector.stray(data)

    # -- the conversation ----------------------------------------------------------------------------------------

    async def _set_up(self) -> None:
        await self._client.request("OPTIONS")
        await self._ask("DESCRIBE", Accept="application/sdp")
        description = self._description
        if description is None or not description.media:
            raise TransportError("the answer to DESCRIBE holds no session description with media")
        for index, media in enumerate(description.media):
            if not media.talk_back:
                await self._set_up_media(index, media)
        if not self._names:
            raise TransportError("no media could be set up; try the other transport (tcp, udp)")

    async def _set_up_media(self, index: int, media: DescribedMedia) -> None:
        name = f"{media.kind} {index}" if index else media.kind
        uri = self._client.dialog.control_uri(media.control)
        answer = await (self._client.set_up_udp if self._udp else self._client.set_up)(uri, 2 * index)
        if answer.status != 200:
            self._inspector.notes[f"SETUP of {name} is answered {answer.status}"] += 1
            return
        made = self._inspector.add_media(
            name, codec=media.codec, declared=media.payload_types, sets=media.parameter_sets
        )
        made.frame_rate = media.frame_rate
        told = None if self._udp else interleaved_channel(answer)
        first = told if told is not None else 2 * index
        self._names[first] = self._names[first + 1] = name

    async def _watch(self, seconds: float, progress: Callable[[float], None]) -> None:
        closed = self._client.closed
        self.began = started = time.monotonic()
        while not closed.is_set() and (gone := time.monotonic() - started) < seconds:
            self.read_s = gone
            progress(gone)
            await self._client.stay(min(LOOK_S, seconds - gone))
        self.read_s = min(time.monotonic() - started, seconds)
        if closed.is_set():
            self._inspector.notes["the server closed the connection before the time was over"] += 1

    async def _ask(self, method: str, **fields: str) -> None:
        answer = await self._client.request(method, **fields)
        if answer.status != 200:
            words = shown(answer.start.partition(" ")[2])
            raise TransportError(f"{method} is answered {words}: {self._hint(answer)}")

    def _hint(self, answer: Message) -> str:
        """Return what to do about an answer to DESCRIBE or PLAY."""
        user = self._target.username
        if answer.status in {401, 403} and not user:
            return "give a user and a password"
        if answer.status == 401 and not self._target.password:
            return "give the password, best in TRANSCODER_PASSWORD"
        if answer.status == 403:
            key = f": rtsp.users.{user}.streams" if answer.field("Server") == product.NAME else ""
            return f"this user may not read it{key}"
        return _HINTS.get(answer.status, "see the server's log")
