"""Where the work is not split, one process does all of it: it takes camera bytes and gives coded pictures."""

import socket
import time
from collections.abc import Iterable
from typing import Any

from typing_extensions import override

from transcoder.ipc.messages import MessageType, parse_access_unit, parse_audio
from transcoder.media.encoders import needs_threads
from transcoder.worker.encoding_process import steer
from transcoder.worker.pipeline import Pipeline
from transcoder.worker.process import Work, run_and_exit
from transcoder.worker_options import AudioFormat, Role, WorkerOptions


class WholeWork(Work):
    """Carries out the messages of the service on one pipeline.

    Args:
        options: the settings of the stream.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self.link: socket.socket | None = None
        self._threads = needs_threads(options.outputs)
        self._pipeline = Pipeline(options)

    @override
    def results(self, kind: MessageType, body: memoryview) -> Iterable[bytes]:
        pipeline = self._pipeline
        if kind is MessageType.ACCESS_UNIT:
            return pipeline.access_unit(parse_access_unit(body), time.monotonic())
        if kind is MessageType.AUDIO:
            return pipeline.sound.unit(*parse_audio(body))
        if kind is MessageType.AUDIO_FORMAT:
            return pipeline.sound.use_format(AudioFormat.from_json(body))
        return steer(pipeline.encoding, kind, body, threads=self._threads)

    @override
    def link_results(self) -> Iterable[bytes]:
        return ()

    @override
    def stats(self) -> dict[str, Any]:
        return self._pipeline.stats()


def run(connection: socket.socket) -> None:
    """Do all of a stream's work; this does not return.

    Args:
        connection: the socket to the service, the only descriptor that this process needs.
    """
    run_and_exit(connection, Role.WHOLE, lambda options, _: WholeWork(options))
