"""The link keeps the connection to the broker, and makes it again when it is lost.

Nothing of the gateway waits for it.
"""

import asyncio
import contextlib
import random
import ssl
from typing import Any, Final

import aiomqtt
import structlog
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from transcoder import clock
from transcoder.config import MqttConfig
from transcoder.control import Control, EventFeed
from transcoder.mqtt.announcer import OFFLINE, Announcer
from transcoder.mqtt.commands import MAX_PAYLOAD
from transcoder.mqtt.dispatch import Dispatcher, Incoming
from transcoder.mqtt.leftovers import Leftovers
from transcoder.mqtt.outbox import Outbox, Outgoing
from transcoder.mqtt.topics import Topics
from transcoder.regular_file import check_regular

KEEP_ALIVE_S: Final = 20
WILL_DELAY_S: Final = 5
"""The seconds that the broker waits with the will: a gateway that is back within that time was never away."""
TIMEOUT_S: Final = 10.0
"""The seconds that each answer of the broker may take."""
FIRST_DELAY_S: Final = 0.5
MAX_DELAY_S: Final = 30.0
STEADY_S: Final = 10.0
"""The seconds after which a connection that held counts as a good one."""
IN_FLIGHT: Final = 20
"""The number of messages that wait for the broker's acknowledgement at a time."""
MAX_INCOMING: Final = 1024
MAX_PACKET: Final = MAX_PAYLOAD + 8192
"""Bytes of an MQTT packet at most: the largest payload, and room for topics and properties beside it. A broker drops
larger packets (MQTT 5.0, 3.1.2.11.4); a broker of MQTT 3.1.1 needs a limit in its own configuration."""
WATCH_S: Final = 1.0
DRAIN_S: Final = 2.0
UNSUPPORTED_VERSION: Final = 132
"""The reason code of MQTT 5.0, 3.2.2.2; paho also reports an older broker's refusal with this code."""

log = structlog.get_logger()


class MqttLink:
    """Speaks to the broker.

    Args:
        control: carries out the verbs.
        config: the configuration of the broker.
        node: the gateway's name.
    """

    def __init__(self, control: Control, config: MqttConfig, node: str) -> None:
        self._control = control
        self._config = config
        self._client_id = config.client_id or f"transcoder-{node}"
        self._topics = Topics(config.base_topic, node, config.discovery_prefix)
        self._outbox = Outbox()
        self._filled = asyncio.Event()
        self._dispatcher = Dispatcher(control, self._topics, self._publish)
        self._announcer = Announcer(control, self._topics, self._publish)
        self._leftovers = Leftovers(control, self._topics, self._announcer)
        self._version = aiomqtt.ProtocolVersion.V5
        self._tasks: list[asyncio.Task[None]] = []
        self._feed: EventFeed = control.events()  # from now on: what happens while the gateway starts is told too
        self._in_flight: set[asyncio.Task[None]] = set()
        self.connected = False

    @property
    def dropped(self) -> int:
        """Return the number of messages that were dropped because too many waited for the broker."""
        return self._outbox.dropped

    @property
    def ignored(self) -> int:
        """Return the number of commands that were ignored because the broker had kept them."""
        return self._dispatcher.ignored_retained

    @property
    def refused_topics(self) -> int:
        """Return the number of response topics to which no answer was sent."""
        return self._dispatcher.refused_topics

    def start(self) -> None:
        """Begin to connect, and return at once."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep_connected()), loop.create_task(self._watch())]
        self._tasks.append(loop.create_task(self._hear(self._feed)))

    async def stop(self) -> None:
        """Say that the gateway goes, and disconnect."""
        await self._dispatcher.close()
        if self.connected:
            self._announcer.leave()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    while self.connected and (len(self._outbox) or self._in_flight):  # noqa: ASYNC110  # once, at the end
                        await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._feed.close()

    def _publish(self, message: Outgoing) -> None:
        # without a connection values would pile up for nothing: all of them are said again with the next one
        if self.connected or not message.retain:
            self._outbox.put(message)
            self._filled.set()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            if self.connected:
                self._announcer.watch(clock.monotonic())

    async def _hear(self, feed: EventFeed) -> None:
        async for event in feed:
            self._announcer.event(event, clock.monotonic())

    # -- connection ----------------------------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        delay_s = FIRST_DELAY_S
        told = False
        while True:
            started = clock.monotonic()
            try:
                await self._connect()
                reason = "the connection was closed"
            except MqttConnectError as error:
                reason = f"the broker refused: {error}"
                if getattr(error.rc, "value", error.rc) == UNSUPPORTED_VERSION and self._speaks_5:
                    self._version = aiomqtt.ProtocolVersion.V311
                    log.info("the broker speaks MQTT 3.1.1 only", broker=self._config.url)
                    continue
            except (aiomqtt.MqttError, OSError, ValueError) as error:  # ValueError: a certificate that can't be read
                reason = str(error) or type(error).__name__
            if clock.monotonic() - started > STEADY_S:
                delay_s, told = FIRST_DELAY_S, False
            if not told:
                log.warning("no MQTT broker; it is tried again and again", broker=self._config.url, reason=reason)
                told = True
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))
            delay_s = min(delay_s * 2, MAX_DELAY_S)

    @property
    def _speaks_5(self) -> bool:
        return self._version is aiomqtt.ProtocolVersion.V5

    async def _connect(self) -> None:
        config = self._config
        tls = None
        if config.tls:
            tls = await asyncio.get_running_loop().run_in_executor(None, _tls_context, config)
        client = aiomqtt.Client(
            config.host,
            config.port,
            identifier=self._client_id,
            username=config.username,
            password=config.password.get_secret_value() if config.password is not None else None,
            protocol=self._version,
            clean_session=None if self._speaks_5 else config.session_expiry_s == 0,
            clean_start=config.session_expiry_s == 0 if self._speaks_5 else MQTT_CLEAN_START_FIRST_ONLY,
            keepalive=KEEP_ALIVE_S,
            timeout=TIMEOUT_S,
            will=self._will(),
            properties=self._connect_properties(),
            max_queued_incoming_messages=MAX_INCOMING,
            max_inflight_messages=IN_FLIGHT,
            tls_context=tls,
        )
        client.pending_calls_threshold = IN_FLIGHT + 10
        async with client:
            await self._serve(client)

    def _will(self) -> aiomqtt.Will:
        properties = None
        if self._speaks_5:
            properties = _properties(PacketTypes.WILLMESSAGE)
            properties.WillDelayInterval = WILL_DELAY_S
        topic = self._topics.topic("status")
        return aiomqtt.Will(topic=topic, payload=OFFLINE, qos=1, retain=True, properties=properties)

    def _connect_properties(self) -> Properties | None:
        if not self._speaks_5:
            return None
        properties = _properties(PacketTypes.CONNECT)
        properties.MaximumPacketSize = MAX_PACKET
        # the session has to outlive the will's delay, which ends with it (MQTT 5.0, 3.1.3.2.2)
        properties.SessionExpiryInterval = max(self._config.session_expiry_s, WILL_DELAY_S)
        return properties

    async def _serve(self, client: aiomqtt.Client) -> None:
        for topic, qos in self._topics.subscriptions():
            await client.subscribe(topic, **self._options(qos))
        for topic in self._leftovers.filters():
            await client.subscribe(topic, **self._options(1))
        log.info("MQTT broker", broker=self._config.url, version=self._version.name)
        self._outbox.forget()
        self.connected = True
        try:
            self._announcer.announce(clock.monotonic())
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(client))
                group.create_task(self._receive(client))
        except* (aiomqtt.MqttError, OSError) as errors:
            raise aiomqtt.MqttError(_first(errors)) from None
        finally:
            self.connected = False
            self._in_flight.clear()

    def _options(self, qos: int) -> dict[str, Any]:
        if not self._speaks_5:
            return {"qos": qos}
        return {"options": SubscribeOptions(qos=qos, noLocal=True)}

    # -- messages ------------------------------------------------------------------------------------------------

    async def _send(self, client: aiomqtt.Client) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                while len(self._in_flight) < IN_FLIGHT and (message := self._outbox.take()) is not None:
                    task = group.create_task(self._send_one(client, message))
                    self._in_flight.add(task)
                    task.add_done_callback(self._in_flight.discard)
                if self._in_flight and len(self._in_flight) >= IN_FLIGHT:
                    await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
                    continue
                self._filled.clear()
                if not len(self._outbox):
                    await self._filled.wait()

    async def _send_one(self, client: aiomqtt.Client, message: Outgoing) -> None:
        try:
            await client.publish(
                message.topic, message.payload, message.qos, message.retain, self._publish_properties(message)
            )
        except BaseException:
            self._outbox.put_back(message)
            raise

    def _publish_properties(self, message: Outgoing) -> Properties | None:
        if not self._speaks_5 or (message.correlation is None and message.expiry_s is None):
            return None
        properties = _properties(PacketTypes.PUBLISH)
        if message.correlation is not None:
            properties.CorrelationData = message.correlation
        if message.expiry_s is not None:
            properties.MessageExpiryInterval = message.expiry_s
        return properties

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            topic = str(message.topic)
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if self._leftovers.take(topic, payload, retain=message.retain):
                continue
            if self._topics.discovers and topic == self._topics.topic("discovery_status"):
                if payload == b"online":
                    self._outbox.forget()
                    self._announcer.announce(clock.monotonic())
                continue
            properties = message.properties
            expiry = getattr(properties, "MessageExpiryInterval", None)
            self._dispatcher.receive(
                Incoming(
                    topic=topic,
                    payload=payload,
                    retain=message.retain,
                    expires=clock.monotonic() + expiry if expiry is not None else None,
                    response_topic=getattr(properties, "ResponseTopic", None),
                    correlation=getattr(properties, "CorrelationData", None),
                )
            )


def _first(errors: BaseException) -> str:
    """Return the first error of a group of errors, in words."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return str(errors)


def _properties(kind: int) -> Properties:
    return Properties(kind)  # type: ignore[no-untyped-call]  # paho has no annotation there


def _tls_context(config: MqttConfig) -> ssl.SSLContext:
    check_regular(*(file for file in (config.ca_file, config.cert_file, config.key_file) if file is not None))
    context = ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file is not None else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.cert_file is not None:
        context.load_cert_chain(config.cert_file, config.key_file)
    return context
