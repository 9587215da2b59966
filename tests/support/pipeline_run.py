"""This module runs a pipeline on a clock of its own: it feeds access units and collects the coded pictures."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import av

from tests.support.coded_video import byte_stream, decode
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import (
    RANDOM_ACCESS,
    AccessUnitMessage,
    CodedMessage,
    MessageParser,
    MessageType,
    parse_coded,
)
from transcoder.worker.pipeline import Pipeline
from transcoder.worker_options import WorkerOptions

TICKS = 3600
"""90 kHz ticks between pictures at 25 fps."""


def messages_of(messages: Iterable[bytes], wanted: MessageType) -> list[tuple[memoryview, dict]]:
    """Return the bodies of the messages of one type, the bodies of FORMAT parsed as well."""
    parser = MessageParser()
    for message in messages:
        parser.receive_data(message)
    found = []
    while (received := parser.next_message()) is not None:
        kind, body = received
        if kind is wanted:
            found.append((body, json.loads(bytes(body)) if wanted is MessageType.FORMAT else {}))
    return found


@dataclass
class Run:
    """Feeds a pipeline at 25 pictures a second; `now` is seconds, each access unit arrives at its presentation time."""

    options: WorkerOptions = field(default_factory=WorkerOptions)
    codec: Codec = Codec.H264
    now: float = 100.0
    coded: list[CodedMessage] = field(default_factory=list)
    formats: list[dict] = field(default_factory=list)
    sources: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self.options)
        self.parser = MessageParser()

    def take(self, messages: Iterable[bytes]) -> list[CodedMessage]:
        """Keep all messages that came out, and return the coded pictures."""
        new = []
        for message in messages:
            self.parser.receive_data(message)
        while (read := self.parser.next_message()) is not None:
            kind, body = read
            if kind is MessageType.CODED:
                new.append(parse_coded(body, len(self.options.outputs)))
            elif kind is MessageType.FORMAT:
                self.formats.append(json.loads(bytes(body)))
            elif kind is MessageType.SOURCE_FORMAT:
                self.sources.append(json.loads(bytes(body)))
        self.coded += new
        return new

    def feed(self, units: list[bytes], *, late: float = 0.0, flags: int = 0, step: float = 0.04) -> list[CodedMessage]:
        """Feed access units, of which the first is a random access point, each `late` seconds after it arrived."""
        new = []
        for index, unit in enumerate(units):
            new += self.one(unit, random_access=index == 0, late=late, flags=flags)
            self.now += step
        return new

    def one(self, unit: bytes, *, random_access: bool, late: float = 0.0, flags: int = 0) -> list[CodedMessage]:
        message = AccessUnitMessage(
            codec=self.codec,
            flags=flags | (RANDOM_ACCESS if random_access else 0),
            pts=round(self.now * 90_000),
            arrival=self.now,
            data=memoryview(unit),
        )
        return self.take(self.pipeline.access_unit(message, self.now + late))

    def repeat(self, output: int = 0) -> list[CodedMessage]:
        return self.take(self.pipeline.encoding.repeat(output, round(self.now * 90_000), self.now))

    def streams(self) -> Iterator[bytes]:
        for message in self.coded:
            yield byte_stream(message.nal_units)

    def frames(self) -> list[av.VideoFrame]:
        """Decode all coded pictures with an independent decoder."""
        return decode(self.options.outputs[0].codec.value, list(self.streams()))


def frames_of(run: Run, number: int) -> list:
    """What an independent decoder makes of one output."""
    codec = run.options.outputs[number].codec.value
    return decode(codec, [byte_stream(message.nal_units) for message in run.coded if message.output_number == number])
