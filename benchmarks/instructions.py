"""Count the machine instructions of reception and serving: a figure that is the same on a noisy machine.

Processor time of the same code differs by a fifth from one process to the next on a shared machine, which is more than
most changes to the hot paths cost. Valgrind's callgrind counts instructions instead; kernel and sockets are not in it.
Two commits are compared by running this program in a checkout of each. Both paths begin and end at the sockets:
`reception` feeds the bytes of a camera's RTSP connection, so many packets a read, to the asyncio shell of a source;
`fanout` gives pictures to readers over TCP.
"""

import argparse
import asyncio
import gc
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from benchmarks import report
from benchmarks.fanout import access_unit
from benchmarks.ingest import connection_bytes
from transcoder import clock
from transcoder.codecs.nal import Codec
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.source_options import SourceOptions
from transcoder.net.tcp_outlet import TcpOutlet
from transcoder.output.fanout import Fanout, Reader, Track
from transcoder.rtsp.urls import parse_url

PACKETS_A_READ = (1, 3, 15, 45)
"""A camera that sends slowly, and one whose whole picture, or three, come in a read."""
SECONDS = 8.0
READERS = 200
PICTURES = 20
SOME, MORE = 1, 3
"""Two numbers of rounds: the difference of their counts is free of the interpreter's start."""

_SDP = (
    b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    b"a=control:t\r\n"
)
_DIALOG = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: %d\r\n\r\n%s" % (len(_SDP), _SDP),
    b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1\r\n\r\n",
)


class _Transport:
    """Takes what is written and keeps none of it."""

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        del data

    def get_write_buffer_size(self) -> int:
        return 0


def _reads(packets: int) -> tuple[list[bytes], int]:
    """Return the reads of a camera's connection, so many packets each, and how many packets they hold."""
    data = b"".join(connection_bytes(SECONDS, 4000))
    frames, position = [], 0
    while position < len(data):
        (length,) = struct.unpack_from(">H", data, position + 2)
        frames.append(data[position : position + 4 + length])
        position += 4 + length
    return [b"".join(frames[start : start + packets]) for start in range(0, len(frames), packets)], len(frames)


async def _receive(rounds: int, packets: int) -> None:
    reads, _ = _reads(packets)
    options = SourceOptions(url=parse_url("rtsp://camera/x"), credentials=None, transport="tcp", allowed=lambda _: True)
    for _ in range(rounds):
        source = RtspSource(options, Ledger(), lambda _: None)
        source.session.begin(clock.monotonic())
        source.connection_made(cast(asyncio.Transport, _Transport()))
        for data in (*_DIALOG, *reads):
            source.data_received(data)
        assert source.session.video is not None, "the dialogue does not lead to PLAY any more"
        assert source.session.video.receiver.received > 0, "no packet was taken"


def _send(rounds: int) -> None:
    fanout = Fanout("bench", lambda: None)
    fanout.set_cap(20_000)
    transport = cast(asyncio.Transport, _Transport())
    for _ in range(READERS):
        track = Track(outlet=TcpOutlet(transport, (0, 1)), sender=fanout.new_sender(30.0))
        fanout.add(Reader({0: track}, lambda _: None))
    for number in range(rounds * PICTURES):
        units, random_access = access_unit(number, 4000)
        fanout.send(Codec.H264, units, number * 3600, random_access=random_access)


def _count(*arguments: str) -> int:
    """Return the instructions that the child process with these arguments takes."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-m"]
    done = subprocess.run(
        [*command, "benchmarks.instructions", "--child", *arguments],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stderr.splitlines():
        if "Collected" in line:
            return int(line.split()[-1])
    raise SystemExit(f"valgrind counted nothing: {done.stderr[-500:]}")


def _per_round(*arguments: str) -> float:
    return (_count(str(MORE), *arguments) - _count(str(SOME), *arguments)) / (MORE - SOME)


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["--child"]:
        gc.disable()  # when the collector runs depends on everything else that was made
        rounds = int(sys.argv[2])
        if sys.argv[3] == "fanout":
            _send(rounds)
        else:
            asyncio.run(_receive(rounds, int(sys.argv[3])))
        return
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--packets", default=",".join(map(str, PACKETS_A_READ)), help="a read, separated by commas")
    report.add_options(parser)
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not here: install the package valgrind")
    result: dict[str, Any] = {"reception": {}}
    table = report.Table("Instructions of the process, without kernel and sockets", "path", "instructions")
    for packets in map(int, arguments.packets.split(",")):
        cost = _per_round(str(packets)) / _reads(packets)[1]
        result["reception"][packets] = cost
        table.add(f"reception, {packets} packets a read: a packet", f"{cost:.0f}")
    result["fanout"] = _per_round("fanout") / PICTURES / READERS
    table.add(f"fan-out to {READERS} readers: a picture and reader", f"{result['fanout']:.0f}")
    report.finish(arguments, "instructions", result, [table])


if __name__ == "__main__":
    main()
