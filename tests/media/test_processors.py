"""FFmpeg starts no threads of its own accord: the sandbox and the watch over a worker count them."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

TEXT = """
import os, sys
from transcoder.media.audio import AudioTranscoder
from transcoder.media.processors import use_one
from transcoder.worker_options import AudioFormat
if sys.argv[1] == "one":
    assert use_one()
before = len(os.listdir("/proc/self/task"))
transcoder = AudioTranscoder(AudioFormat(encoding="PCMU", clock_rate=8000))
frames = [frame for number in range(8) for frame in transcoder.process(bytes(480), 5400 * number)]
assert frames
print(len(os.listdir("/proc/self/task")) - before)
"""


def threads(how: str) -> int:
    output = subprocess.run([sys.executable, "-c", TEXT, how], check=True, timeout=60, stdout=subprocess.PIPE).stdout
    return int(output)


def test_sound_takes_no_thread() -> None:
    assert threads("one") == 0
