"""The first signal ends a program in order, the second one at once."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from transcoder.net.stop_signals import STOP_SIGNALS, stop_signals

STUCK = """
import asyncio, time
from transcoder.net.stop_signals import stop_signals
async def main():
    with stop_signals(lambda: print("never: the loop does not turn")):
        print("ready", flush=True)
        for _ in range(600):
            time.sleep(0.1)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_the_first_signal_calls_and_leaves_the_second_to_the_kernel(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in STOP_SIGNALS]
    called = asyncio.Event()
    with stop_signals(called.set):
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await called.wait()
        assert [signal.getsignal(each) for each in STOP_SIGNALS] == [signal.SIG_DFL] * len(STOP_SIGNALS)
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == before


async def test_a_program_that_goes_on_has_its_signals_back() -> None:
    before = [signal.getsignal(each) for each in STOP_SIGNALS]
    with pytest.raises(OSError, match="broken"), stop_signals(lambda: None):
        raise OSError("broken")
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == before


@pytest.mark.process
def test_the_second_signal_ends_a_loop_that_does_not_turn() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (-signal.SIGTERM, "", "")
