"""Commands are carried out here: in order of arrival for each stream, and for several streams at a time."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from transcoder import clock
from transcoder.control import Control, Writer
from transcoder.mqtt.asset_commands import carry_out
from transcoder.mqtt.commands import ASSET, Command, ReplyDocument, parse, refusal
from transcoder.mqtt.outbox import Outgoing
from transcoder.mqtt.topics import CHANNELS, Found, Topics
from transcoder.rejection import Code, Rejected
from transcoder.service.line_limit import LineLimit
from transcoder.text import printable

MAX_OUTSTANDING: Final = 512
"""The largest number of commands that were taken in and not answered; further commands are refused."""
REPLY_EXPIRY_S: Final = 60
"""The seconds after which nobody waits for an answer any more."""
MAX_NAME: Final = 64
"""The largest number of characters of a client's name in the audit log."""
MAX_SHOWN: Final = 200
"""The largest number of characters of a topic in the log."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Holds a message from the broker.

    Attributes:
        expires: monotonic seconds after which the command must not be carried out, None for never.
        response_topic, correlation: the properties of MQTT 5, None where absent.
    """

    topic: str
    payload: bytes
    retain: bool = False
    expires: float | None = None
    response_topic: str | None = None
    correlation: bytes | None = None


class Dispatcher:
    """Takes messages, carries the commands out, publishes answers.

    Args:
        control: carries out the verbs.
        topics: the topic tree.
        publish: takes answers and snapshots.

    Attributes:
        ignored_retained: the number of commands that were ignored because the broker had kept them.
        refused_topics: the number of response topics to which no answer was sent.
    """

    def __init__(self, control: Control, topics: Topics, publish: Callable[[Outgoing], None]) -> None:
        self._control = control
        self._topics = topics
        self._publish = publish
        self._last: dict[str, asyncio.Task[None]] = {}
        self._outstanding: set[asyncio.Task[None]] = set()
        self._lines = LineLimit[str](1)
        self.ignored_retained = 0
        self.refused_topics = 0

    def receive(self, message: Incoming) -> None:
        """Take a message in, and return at once."""
        found = self._topics.find(message.topic)
        if found is None or found.channel.name == "discovery_status":
            return
        if message.retain:
            # the broker kept an old command, which would be carried out again at each connection if it were taken
            self.ignored_retained += 1
            log.warning("a retained command is ignored", topic=printable(message.topic, MAX_SHOWN))
            return
        try:
            self._check_room()
            command = parse(found, message.payload)
        except Rejected as error:
            self._refuse(message, found, error)
            return
        subject = command.stream or (f"asset {command.asset}" if command.asset else "")  # no stream has a blank
        task = asyncio.get_running_loop().create_task(self._after(self._last.get(subject), message, command))
        self._outstanding.add(task)
        task.add_done_callback(self._outstanding.discard)
        if subject:
            self._last[subject] = task
            task.add_done_callback(lambda done: self._forget(subject, done))

    def _check_room(self) -> None:
        if len(self._outstanding) >= MAX_OUTSTANDING:
            raise Rejected(Code.BUSY, f"{MAX_OUTSTANDING} commands are waiting already")

    def _forget(self, stream: str, task: asyncio.Task[None]) -> None:
        if self._last.get(stream) is task:
            del self._last[stream]

    async def close(self) -> None:
        """Finish the commands that were begun."""
        if self._outstanding:
            await asyncio.wait(self._outstanding, timeout=2.0)
        for task in self._outstanding:
            task.cancel()

    def _refuse(self, message: Incoming, found: Found, error: Rejected) -> None:
        verb = found.verb or ("update" if found.channel.name in {"property_set", "rendition_set", "stream_set"} else "")
        if found.stream or verb in {"add", "update", "swap"}:
            self._control.note_rejected(found.stream or None, str(error), _writer(found.channel.name, None))
        self._answer(message, refusal(verb or found.channel.name, found.stream, None, error))

    async def _after(self, earlier: asyncio.Task[None] | None, message: Incoming, command: Command) -> None:
        if earlier is not None:
            await asyncio.wait({earlier})
        try:
            _check_expiry(message)
            data = await self._carry_out(command, _writer("", command.request))
            reply = ReplyDocument(
                ok=True,
                verb=command.verb,
                id=command.stream or command.asset or None,
                request=command.request,
                data=data,
            )
        except Rejected as error:
            reply = refusal(command.verb, command.stream or command.asset, command.request, error)
        self._answer(message, reply)

    async def _carry_out(self, command: Command, by: Writer) -> Any:
        control, stream = self._control, command.stream
        if command.verb.startswith(ASSET):
            return await carry_out(control.assets, command, by)
        match command.verb:
            case "list":
                return [{"id": name, "status": control.status(name)} for name in control.ids()]
            case "get":
                return control.stream(stream).model_dump(mode="json")
            case "add":
                return (await control.add(stream, command.keys, by)).model_dump(mode="json")
            case "update":
                if command.rendition and command.rendition not in control.properties(stream)["renditions"]:
                    raise Rejected(Code.INVALID, f"stream {stream} has no rendition {command.rendition[:40]!r}")
                changed = await control.update(stream, command.keys, by, command.if_match)
                return changed.model_dump(mode="json")
            case "remove":
                await control.remove(stream, by, command.if_match)
                return None
            case "swap":
                return (await control.swap(stream, command.keys, by, command.if_match)).model_dump(mode="json")
            case "swap_rollback":
                return (await control.swap_rollback(stream, by, command.if_match)).model_dump(mode="json")
            case "restart":
                return (await control.restart(stream, by)).model_dump(mode="json")
            case "accept_key":
                return (await control.accept_key(stream, by)).model_dump(mode="json")
            case "keyframe":
                control.keyframe(stream)
                return None
            case "snapshot":
                return await self._snapshot(stream)
            case "sessions":
                # a reply goes where whoever may read the broker sees it: no addresses of readers in it
                return control.sessions(stream or None, peers=False).model_dump(mode="json")
            case "end_session":
                await control.end_session(command.session, by)
                return None
            case _:
                return (await control.probe(command.source, stream)).model_dump(mode="json")

    async def _snapshot(self, stream: str) -> dict[str, Any]:
        picture = await self._control.snapshot(stream)
        topic = self._topics.topic("stream_snapshot", stream=stream)
        channel = CHANNELS["stream_snapshot"]
        self._publish(Outgoing(topic=topic, payload=picture, qos=channel.qos, retain=channel.retain))
        return {"topic": topic, "content_type": "image/jpeg", "base64": base64.b64encode(picture).decode()}

    def _answer(self, message: Incoming, reply: ReplyDocument) -> None:
        wanted = message.response_topic
        topic = self._topics.topic("reply")
        if wanted is not None and self._topics.may_answer(wanted):
            topic = wanted
        elif wanted is not None:
            self.refused_topics += 1
            if count := self._lines.take("response topic", clock.monotonic()):
                log.warning("no answer to this response topic", topic=printable(wanted, MAX_SHOWN), count=count)
        self._publish(
            Outgoing(
                topic=topic,
                payload=reply.model_dump_json().encode(),
                correlation=message.correlation,
                expiry_s=REPLY_EXPIRY_S,
            )
        )


def _check_expiry(message: Incoming) -> None:
    if message.expires is not None and clock.monotonic() > message.expires:
        raise Rejected(Code.EXPIRED, "the command's message expiry had passed before its turn came")


def _writer(channel: str, request: str | int | None) -> Writer:
    """Return the writer for the audit log.

    A broker doesn't say who published, so the client's own mark is all that is known.
    """
    return Writer(interface="mqtt", name=str(request)[:MAX_NAME] if request is not None else channel)
