"""A process in which twins stand in for kernels loads no compiler, and shows slates."""

import os
import subprocess
import sys

import pytest

from transcoder.service.forkserver_process import worker_environment

pytestmark = pytest.mark.process

_SLATE = """
import sys
from collections import Counter
from transcoder.worker import preload
preload.load_twins()
from transcoder.worker.output_chain import OutputChain
from transcoder.worker_options import WorkerOptions
chain = OutputChain(0, WorkerOptions(), Counter())
chain.banner = "Front door"
format, coded = chain.repeat(90_000, 1.0)
print(preload.thread_count(), "numba" in sys.modules, len(coded) > 200, chain.dropped)
"""


def test_a_slate_is_coded_without_a_compiler() -> None:
    environment = worker_environment(os.environ)
    output = subprocess.run([sys.executable, "-c", _SLATE], check=True, capture_output=True, text=True, env=environment)
    assert output.stdout.split()[:3] == ["1", "False", "True"]
