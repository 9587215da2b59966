"""Both halves of a worker in this process, linked by the memory and the socket that two processes share."""

import itertools
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import (
    RANDOM_ACCESS,
    CodedMessage,
    MessageParser,
    MessageType,
    parse_coded,
    parse_json,
    serialize_access_unit,
    serialize_announcement,
    serialize_audio,
    serialize_decoding_process,
    serialize_message,
)
from transcoder.worker.decoding_process import DecodingWork
from transcoder.worker.encoding_process import EncodingWork
from transcoder.worker.shared_planes import StreamLink
from transcoder.worker_options import AudioFormat, WorkerOptions


@dataclass
class LinkedHalves:
    """The service's side: it feeds both halves and keeps what they say."""

    options: WorkerOptions = field(default_factory=WorkerOptions)
    coded: list[CodedMessage] = field(default_factory=list)
    told: list[tuple[MessageType, bytes]] = field(default_factory=list)
    waits: int = 0

    def __post_init__(self) -> None:
        self.link = StreamLink()
        self._numbers = itertools.count(1)
        self.generation = 0
        self.encoding = EncodingWork(self.options, self.link.encoding, self.link.read_only())
        self.start_decoding()

    def start_decoding(self) -> None:
        """Put another decoding process in the place of the last one."""
        self.generation += 1
        self.link.drain()
        self.decoding = DecodingWork(self, self.link.decoding, self.link.writable(), self.generation)  # type: ignore[arg-type]
        self.introduce()

    def start_encoding(self, *announced: int) -> None:
        """Put another encoding process in the place of the last one.

        Args:
            announced: the times of access units that the decoding process has been sent.
        """
        self.encoding = EncodingWork(self.options, self.link.encoding, self.link.read_only())
        self.introduce()
        for pts in announced:
            self.tell(serialize_announcement(0, pts, time.monotonic()))
        self.settle()

    def introduce(self) -> None:
        self.tell(serialize_decoding_process(self.generation, next(self._numbers)))

    def await_link(self) -> bool:
        """Stand in for the decoding process's connection to the service: while it waits, the encoding process works."""
        self.waits += 1
        assert self.waits < 10_000
        self.encode()
        return True

    def report_if_due(self) -> None:
        pass

    def take(self, messages: Iterable[bytes]) -> None:
        parser = MessageParser()
        for message in messages:
            parser.receive_data(message)
        while (read := parser.next_message()) is not None:
            kind, body = read
            self.told.append((kind, bytes(body)))
            if kind is MessageType.CODED:
                self.coded.append(parse_coded(body, len(self.options.outputs)))

    def tell(self, message: bytes) -> None:
        """Give the encoding process a message of the service."""
        self.take(self.encoding.results(*parsed(message)))

    def encode(self) -> None:
        """Let the encoding process take what lies in its socket."""
        while readable(self.link.encoding):
            self.take(self.encoding.link_results())

    def settle(self) -> None:
        """Let both take everything that lies in their sockets."""
        while readable(self.link.encoding) or readable(self.link.decoding):
            self.encode()
            if readable(self.link.decoding):
                self.take(self.decoding.link_results())

    def feed(self, unit: bytes, pts: int, flags: int = 0, *, announced: bool = True) -> None:
        """Send an access unit."""
        now = time.monotonic()
        if announced:
            self.tell(serialize_announcement(flags, pts, now))
        self.take(self.decoding.results(*parsed(serialize_access_unit(Codec.H264, flags, pts, now, unit))))
        self.settle()

    def feed_all(self, units: list[bytes], first: int = 0) -> None:
        for index, unit in enumerate(units):
            self.feed(unit, first + 3600 * index, 0 if index else RANDOM_ACCESS)

    def set_audio(self, audio: AudioFormat) -> None:
        """Tell both the format of the camera's audio."""
        self.tell(audio_format(AudioFormat(encoding="", clock_rate=audio.clock_rate, served=audio.served)))
        self.take(self.decoding.results(*parsed(audio_format(audio))))

    def feed_audio(self, data: bytes, pts: int) -> None:
        """Send an audio unit."""
        self.take(self.decoding.results(*parsed(serialize_audio(MessageType.AUDIO, pts, data))))
        self.settle()

    def kinds(self) -> list[MessageType]:
        return [kind for kind, _ in self.told]

    def broken(self) -> list[str]:
        """The rules that the decoding process broke."""
        reports = [body for kind, body in self.told if kind is MessageType.LINK_BROKEN]
        return [str(report(body)["reason"]) for body in reports]

    def close(self) -> None:
        self.link.decoding.close()
        self.link.encoding.close()


def audio_format(audio: AudioFormat) -> bytes:
    return serialize_message(MessageType.AUDIO_FORMAT, audio.to_json())


def report(body: bytes) -> dict[str, Any]:
    return parse_json(memoryview(body))


def parsed(message: bytes) -> tuple[MessageType, memoryview]:
    parser = MessageParser()
    parser.receive_data(message)
    read = parser.next_message()
    assert read is not None
    return read


def readable(end: socket.socket) -> bool:
    try:
        end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    return True
