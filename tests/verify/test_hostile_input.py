"""Damaged recordings of every kind: a verdict or one documented error, in bounded time and memory."""

import contextlib
import io
import random
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests.verify.test_capture import pcap
from tests.verify.test_command import CLEAN, captured, stream
from transcoder.errors import TransportError
from transcoder.verify.inspector import Inspector, Problems
from transcoder.verify.messages import Splitter
from transcoder.verify.recording import inspect_file
from transcoder.verify.report import render, verdict

FRAMES = b"".join(b"$\x00" + len(data).to_bytes(2) + data for data in stream())
ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 60\r\n\r\n"
SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=x:1\r\n\r\n"
SEEDS = {
    "capture": pcap(*captured(stream()), *captured([b"\x81\xca\x00\x02\x01\x02\x03\x04\x01\x02ab"], to=6001)),
    "byte stream": CLEAN,
    "connection": ANSWER + SDP + FRAMES,
}


def damaged(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 20)):
        at = rng.randrange(len(changed) or 1)
        kind = rng.random()
        if kind < 0.6 and changed:
            changed[at] = rng.randrange(256)
        elif kind < 0.8:
            del changed[at : at + rng.randint(1, 9)]
        else:
            changed[at:at] = rng.randbytes(rng.randint(1, 9))
    return bytes(changed)


@pytest.mark.parametrize("kind", SEEDS)
def test_damaged_recordings(tmp_path: Path, kind: str) -> None:
    rng = random.Random(kind)
    path = tmp_path / "recording"
    for _ in range(150):
        path.write_bytes(damaged(SEEDS[kind], rng))
        inspector = Inspector([])
        with contextlib.suppress(TransportError):
            inspect_file(path, inspector)
        inspector.finish()
        verdict(inspector)
        render(inspector, Console(file=io.StringIO()))


def test_problems_have_an_end() -> None:
    problems = Problems()
    for number in range(5000):
        problems[f"text {number}"] += 1
    assert len(problems) <= 1001
    assert sum(problems.values()) == 5000
    assert problems["text 7"] == 1


@pytest.mark.parametrize("piece", [b"x$\x00\x00\x00", b"A$\x00\x00\x00", b"RTSP/", b"RTSP/ x\r\n", b"\x00", b"Z\n"])
def test_splitting_is_bounded(piece: bytes) -> None:
    started = time.thread_time()
    splitter = Splitter()
    for _ in range(8):
        splitter.feed(piece * (65_536 // len(piece)))
    assert time.thread_time() - started < 1.5
    assert splitter.rest < 1 << 20
