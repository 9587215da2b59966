"""`python -m transcoder.worker.push_process` muxes one output and sends it to one target, for the service.

Standard input is the socket to the service (`ipc/push_messages.py`); where the target takes datagrams, standard output
is a socket that is connected to it. The process never sees a byte of a camera: only what our encoders made and the
service checked.
"""

import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator

from transcoder import kernel
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.errors import TranscoderError, WorkerError
from transcoder.ipc.push_messages import LEFT, SENDS, PushHead, PushKind, PushParser, PushUnit, problem_line
from transcoder.media.muxer import DATAGRAM, START_CODE, Muxer
from transcoder.media.processors import use_one
from transcoder.worker import push_sandbox, sandbox

READ_SIZE = 256 << 10


class Datagrams:
    """Sends what is muxed to the target of a connected socket, in datagrams.

    Args:
        sock: the socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def write(self, data: bytes) -> int:
        """Send bytes; a datagram that nobody takes is lost, as on the way.

        Raises:
            OSError: nobody listens at the target, or there is no way to it.
        """
        for start in range(0, len(data), DATAGRAM):
            self._sock.send(data[start : start + DATAGRAM])
        return len(data)


class _Nowhere:
    """Takes bytes and keeps none."""

    def write(self, data: bytes) -> int:
        return len(data)


def received(service: socket.socket) -> Iterator[PushUnit]:
    """Yield the records of the service until it hangs up."""
    parser = PushParser()
    while data := service.recv(READ_SIZE):
        parser.receive_data(data)
        while (unit := parser.next_unit()) is not None:
            yield unit


def run(service: socket.socket, datagrams: socket.socket | None) -> None:
    """Send what the service gives until it hangs up.

    Raises:
        TranscoderError: the target is gone, or a measure of the sandbox is missing.
    """
    units = received(service)
    first = next(units, None)
    if first is None or first.kind is not PushKind.HEAD:
        return
    head = PushHead.parse(first.body)
    rehearse(head)
    missing = push_sandbox.enter(head.port)
    if missing and head.is_required:
        raise WorkerError(f"sandbox is required, and the process that sends lacks {', '.join(missing)}")
    target = head.url if datagrams is None else Datagrams(datagrams)
    muxer = Muxer(target, head.container, head.codec, head.parameter_sets, head.audio_rate)
    if head.port:
        close_doors(is_required=head.is_required)
    service.send(f"{SENDS}\n".encode())
    for unit in units:
        write(muxer, unit, service)
    muxer.close()


def close_doors(*, is_required: bool) -> None:
    """Make no other connection.

    Raises:
        WorkerError: the kernel refuses, and all measures are required.
    """
    try:
        push_sandbox.close_doors()
    except OSError as error:
        if is_required:
            raise WorkerError(f"sandbox is required, and the process can't be kept from connecting: {error}") from None


def write(muxer: Muxer, unit: PushUnit, service: socket.socket) -> None:
    """Send one unit, and say so."""
    if unit.kind is PushKind.VIDEO:
        muxer.video(unit.body, unit.pts, random_access=unit.random_access)
    elif unit.kind is PushKind.AUDIO:
        muxer.audio(unit.body, unit.pts)
    service.send(f"{LEFT}\n".encode())


def rehearse(head: PushHead) -> None:
    """Have everything loaded that muxing needs: afterwards no file can be read."""
    muxer = Muxer(_Nowhere(), head.container, head.codec, head.parameter_sets, head.audio_rate)
    muxer.video(b"".join(START_CODE + unit for unit in head.parameter_sets), 0, random_access=True)
    muxer.audio(AudioCodec.AAC.silent_frame, 0)
    muxer.close()


def main() -> None:
    """Serve the socket on standard input."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    sandbox.set_name("transcoder push")
    use_one()
    service = socket.socket(fileno=0)
    with_datagrams = len(sys.argv) > 1 and sys.argv[1] == "datagrams"
    datagrams = socket.socket(fileno=1) if with_datagrams else None
    try:
        run(service, datagrams)
    except TranscoderError as error:
        service.send(problem_line(str(error)))
    except Exception as error:  # noqa: BLE001  # the process ends here, and the service is told
        traceback.print_exc()
        service.send(problem_line(f"a fault of the gateway: {type(error).__name__}"))
    finally:
        os._exit(0)  # what is left of FFmpeg may wait for the network


if __name__ == "__main__":
    main()
