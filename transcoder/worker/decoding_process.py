"""The decoding process of a stream: camera bytes in, pictures into memory that the encoding process reads.

This process knows neither outputs nor masks, and nothing that it says reaches readers but the samples of pictures.
"""

import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from typing_extensions import override

from transcoder.ipc.messages import MessageType, parse_access_unit, parse_audio, serialize_json
from transcoder.ipc.planes import RECORD_SIZE, UNKNOWN, RecordWriter
from transcoder.media.common_picture import CommonLayout, common_size
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.worker.decoding import Decoding, SourceFormat
from transcoder.worker.process import ServiceConnection, Work, run_and_exit
from transcoder.worker.shared_planes import SharedPlanes
from transcoder.worker.sound import SoundDecoding
from transcoder.worker_options import AudioFormat, Role


class DecodingWork(Work):
    """Decodes, and hands pictures over one at a time.

    Args:
        service: is sent reports while this process waits for the encoding process.
        link: the socket for records.
        planes: the memory, writable.
        generation: counts the decoding processes of the stream.
    """

    def __init__(self, service: ServiceConnection, link: socket.socket, planes: SharedPlanes, generation: int) -> None:
        self.link: socket.socket | None = link
        self._link = link
        self._service = service
        self._planes = planes
        self._writer = RecordWriter(generation)
        self._decoding = Decoding()
        self._sound = SoundDecoding()
        self._layout = CommonLayout()
        self._counters: Counter[str] = Counter()
        self._last_pts: int | None = None
        self._is_waiting = False

    @override
    def results(self, kind: MessageType, body: memoryview) -> Iterable[bytes]:
        if kind is MessageType.ACCESS_UNIT:
            return self._access_unit(body)
        if kind is MessageType.AUDIO:
            self._audio_unit(*parse_audio(body))
        elif kind is MessageType.AUDIO_FORMAT:
            self._sound.use_format(AudioFormat.from_json(body))
        return ()

    @override
    def link_results(self) -> Iterable[bytes]:
        self._take_answer(self._link.recv(RECORD_SIZE))
        return ()

    @override
    def stats(self) -> dict[str, Any]:
        return {
            "counters": dict(self._decoding.counters + self._counters),
            "decode_errors": self._decoding.errors,
            "encoder_dropped": {},
            "audio_errors": self._sound.errors,
            "waiting": self._is_waiting,
        }

    def _access_unit(self, body: memoryview) -> Iterator[bytes]:
        unit = parse_access_unit(body)
        for item in self._decoding.access_unit(unit, time.monotonic()):
            if isinstance(item, SourceFormat):
                yield serialize_json(MessageType.SOURCE_FORMAT, item.to_fields())
            else:
                self._hand_over(item, unit.pts)

    def _hand_over(self, picture: DecodedPicture, cause: int) -> None:
        width, height = common_size(picture)
        pts = picture.pts
        if self._last_pts is not None and pts <= self._last_pts:
            pts = cause  # a camera that dates pictures in the order in which it sends them
        if not width or not height or (self._last_pts is not None and pts <= self._last_pts):
            self._counters["unordered_pictures"] += 1  # the encoding process takes each time once, in order
            return
        self._await_memory()
        self._last_pts = pts
        said = self._planes.changed(width, height)
        if picture.preroll:  # only its times are of interest
            said[:] = 0
        else:
            changed = self._layout.write(picture, self._planes.planes(width, height))
            said[:] = UNKNOWN if changed is None else changed
        record = self._writer.picture(
            pts, width, height, picture.matrix, picture.aspect, cause=cause, kept=not picture.preroll
        )
        self._link.send(record)

    def _audio_unit(self, pts: int, data: bytes) -> None:
        for piece_pts, samples in self._sound.unit(pts, data):
            self._await_memory()
            self._planes.samples[: len(samples)] = samples
            self._link.send(self._writer.audio(piece_pts, self._sound.rate))

    def _await_memory(self) -> None:
        """Wait for the answer to the last record; there may be no encoding process for a while."""
        while not self._writer.may_write:
            self._is_waiting = True
            if not self._service.await_link():
                os._exit(0)
            self._is_waiting = False
            self._take_answers()

    def _take_answers(self) -> None:
        while not self._writer.may_write:
            try:
                data = self._link.recv(RECORD_SIZE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            self._take_answer(data)

    def _take_answer(self, data: bytes) -> None:
        if (record := self._writer.receive(data)) is not None:
            # another encoding process asks: what was sent meanwhile is late for want of one, and all is new to it
            self._planes.mark_unknown()
            self._link.send(record)
            self._decoding.catch_up(time.monotonic())


def run(connection: socket.socket, link: socket.socket, planes: SharedPlanes, generation: int) -> None:
    """Decode; this does not return.

    Args:
        connection: the socket to the service.
        link: the socket for records.
        planes: the memory, writable.
        generation: counts the decoding processes of the stream.
    """
    run_and_exit(connection, Role.DECODING, lambda _, service: DecodingWork(service, link, planes, generation))
