"""The encoding process of a stream: pictures out of shared memory in, coded pictures, snapshots and reports out.

This process never sees a byte of the camera. Whatever the decoding process does, a picture is copied before masks are
laid on it, and only pictures of times that the service announced are taken, each once.
"""

import select
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any

from typing_extensions import override

from transcoder.errors import RemoteProtocolError
from transcoder.ipc.messages import (
    DECODE_ONLY,
    RANDOM_ACCESS,
    MessageType,
    parse_announcement,
    parse_decoding_process,
    parse_output_number,
    parse_repeat,
    serialize_json,
)
from transcoder.ipc.planes import RECORD_SIZE, Record, RecordKind, RecordReader
from transcoder.ipc.thumbnails import parse_thumbnail_request
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.encoders import needs_threads
from transcoder.worker.announcements import Announcements
from transcoder.worker.encoding import Encoding
from transcoder.worker.process import SandboxOutgrownError, Work, run_and_exit
from transcoder.worker.shared_planes import SharedPlanes
from transcoder.worker.sound import SoundEncoding
from transcoder.worker_options import AudioFormat, Role, WorkerOptions


def steer(encoding: Encoding, kind: MessageType, body: memoryview, *, threads: bool) -> Iterable[bytes]:
    """Carry out a message of the service that concerns the encoding half.

    Args:
        encoding: the encoding half.
        kind: the type of the message.
        body: the rest of the message.
        threads: whether the sandbox of this process allows threads.

    Raises:
        SandboxOutgrownError: another process has to take these settings.
    """
    if kind is MessageType.REPEAT:
        return encoding.repeat(*parse_repeat(body), time.monotonic())
    if kind is MessageType.SNAPSHOT:
        return encoding.snapshot(parse_output_number(body))
    if kind is MessageType.THUMBNAIL:
        return encoding.thumbnail(*parse_thumbnail_request(body))
    if kind is MessageType.KEYFRAME:
        encoding.force_idr(parse_output_number(body))
    elif kind is MessageType.UNREAD:
        encoding.note_unread(parse_output_number(body))
    elif kind is MessageType.BANNER:
        encoding.set_banner(str(body, "ascii"))
    elif kind is MessageType.CONFIGURE:
        options = WorkerOptions.from_json(body)
        if needs_threads(options.outputs) and not threads:
            raise SandboxOutgrownError
        encoding.configure(options)
    return ()


class EncodingWork(Work):
    """Takes pictures from the decoding process and encodes them.

    Args:
        options: the settings of the stream.
        link: the socket for records.
        planes: the memory, read only.
    """

    def __init__(self, options: WorkerOptions, link: socket.socket, planes: SharedPlanes) -> None:
        self.link: socket.socket | None = link
        self._link = link
        self._planes = planes
        self._threads = needs_threads(options.outputs)
        self._encoding = Encoding(options)
        self._sound = SoundEncoding()
        self._reader = RecordReader()
        self._announced = Announcements()
        self._last_pts: int | None = None
        self._more = select.poll()
        self._more.register(link, select.POLLIN)

    @override
    def results(self, kind: MessageType, body: memoryview) -> Iterable[bytes]:
        if kind is MessageType.ANNOUNCE:
            self._announced.add(*parse_announcement(body))
        elif kind is MessageType.AUDIO_FORMAT:
            self._sound.use_format(AudioFormat.from_json(body))
        elif kind is MessageType.DECODING_PROCESS:
            self._announced.clear()
            return self._tell(self._reader.begin(*parse_decoding_process(body)))
        else:
            return steer(self._encoding, kind, body, threads=self._threads)
        return ()

    @override
    def link_results(self) -> Iterator[bytes]:
        data = self._link.recv(RECORD_SIZE + 1, socket.MSG_DONTWAIT)
        if self._reader.is_closed:
            return  # until the service has replaced the decoding process
        try:
            record = self._reader.receive(data, time.monotonic())
            if record is None:
                return
            if record.kind is RecordKind.PICTURE:
                yield from self._picture(record)
            elif record.kind is RecordKind.AUDIO:
                yield from self._audio(record)
            else:
                yield from self._answer()
        except RemoteProtocolError as error:
            yield self._broken(str(error))

    @override
    def stats(self) -> dict[str, Any]:
        return self._encoding.stats() | {
            "counters": dict(self._encoding.counters + self._sound.counters),
            "decode_errors": {},
            "audio_errors": {},
        }

    def _picture(self, record: Record) -> Iterator[bytes]:
        announced = self._announced.take(record.pts)
        if announced is None:
            raise RemoteProtocolError("a picture of a time that the service did not announce")
        changed = self._planes.read_changed(record.width, record.height)
        flags, own_arrival = announced
        # pictures that are shown in another order than they are sent are completed by a later access unit
        arrival = self._announced.arrival(record.cause) or own_arrival
        if self._last_pts is not None and record.pts <= self._last_pts:
            # another decoding process begins with pictures that this one has encoded
            self._encoding.skip(changed)
            yield from self._answer()
            return
        preroll = bool(flags & DECODE_ONLY)
        if not preroll:
            self._last_pts = record.pts
        picture = DecodedPicture(
            planes=self._planes.planes(record.width, record.height),
            width=record.width,
            height=record.height,
            matrix=record.matrix,
            aspect=record.aspect,
            pts=record.pts,
            arrival=arrival,
            random_access=bool(flags & RANDOM_ACCESS),  # the service's word, not the decoding process's
            preroll=preroll,
            is_compared=True,
            changed=changed,
        )
        yield from self._encoding.take(picture, time.monotonic())
        yield from self._answer()
        yield from self._encoding.encode_taken()

    def _audio(self, record: Record) -> Iterator[bytes]:
        samples = self._planes.samples[: record.width].copy()
        yield from self._answer()
        yield from self._sound.samples(record.pts, record.height, samples)

    def _answer(self) -> Iterator[bytes]:
        """Give the memory back to the decoding process.

        Raises:
            RemoteProtocolError: it did not wait for that.
        """
        if self._more.poll(0):
            raise RemoteProtocolError("a record before the answer to the last one")
        return self._tell(self._reader.answer())

    def _tell(self, record: bytes) -> Iterator[bytes]:
        try:
            self._link.send(record, socket.MSG_DONTWAIT)
        except BlockingIOError:
            yield self._broken("answers are not read")

    def _broken(self, reason: str) -> bytes:
        """Take no record until there is another decoding process; return the message that asks for one."""
        self._reader.close()
        return serialize_json(MessageType.LINK_BROKEN, {"reason": reason, "generation": self._reader.generation})


def run(connection: socket.socket, link: socket.socket, planes: SharedPlanes) -> None:
    """Encode; this does not return.

    Args:
        connection: the socket to the service.
        link: the socket for records.
        planes: the memory, read only.
    """
    run_and_exit(connection, Role.ENCODING, lambda options, _: EncodingWork(options, link, planes))
