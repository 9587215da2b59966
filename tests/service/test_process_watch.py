"""What tells a process that hangs from one that gets no time."""

import os
import signal
import subprocess
import sys
import time

import pytest

from transcoder.service.process_watch import AnswerWatch, ProcessSample, is_hanging, sample_process


def sample(state: str, cpu_s: float = 0.0) -> ProcessSample:
    return ProcessSample(state=state, cpu_s=cpu_s, private_bytes=0)


def hangs_after(watch: AnswerWatch, state: str, cpu_share: float = 0.0, most_s: int = 1000) -> float | None:
    """Seconds until a process of this kind, looked at once a second, is said to hang."""
    for second in range(most_s):
        if watch.look(100.0 + second, sample(state, second * cpu_share)):
            return second
    return None


@pytest.mark.parametrize("state", ["S", "T", "t"])
def test_a_process_that_sleeps_or_is_stopped_hangs_after_the_limit(state: str) -> None:
    assert hangs_after(AnswerWatch(5.0), state) == 5


def test_a_process_in_an_endless_loop_hangs_after_the_limit_of_its_own_time() -> None:
    assert hangs_after(AnswerWatch(5.0), "R", 1.0) == 5
    assert hangs_after(AnswerWatch(5.0), "R", 0.1) == 50


@pytest.mark.parametrize("state", ["R", "D"])
def test_a_process_that_gets_no_time_never_hangs(state: str) -> None:
    assert hangs_after(AnswerWatch(5.0), state, 0.001) is None


def test_a_process_that_slept_between_short_pieces_of_work_does_not_hang() -> None:
    watch = AnswerWatch(5.0)
    for second in range(20):
        assert not watch.look(second, sample("S", second // 4 * 0.01))


def test_an_answer_begins_it_all_anew() -> None:
    watch = AnswerWatch(5.0)
    for second in range(100):
        if second % 5 == 0:
            watch.answered()
        assert not watch.look(second, sample("S", second * 1.0))
    assert hangs_after(watch, "S", 0.0) is not None


def test_seconds_in_which_nobody_looked_count_little() -> None:
    watch = AnswerWatch(5.0)
    assert not watch.look(100.0, sample("S"))
    assert not watch.look(160.0, sample("S"))  # this process was away for a minute; an answer may just be on its way
    assert not watch.look(161.0, sample("S"))


@pytest.mark.parametrize(
    ("state", "used_s", "hangs"),
    [("R", 1.9, True), ("R", 0.4, False), ("R", 0.0, False), ("S", 0.0, True), ("S", 0.1, False), ("T", 0.0, True)],
)
def test_a_silent_worker(state: str, used_s: float, hangs: bool) -> None:
    assert is_hanging(sample(state, 10.0 + used_s), 10.0, 2.0) is hangs


@pytest.mark.process
def test_a_real_process() -> None:
    program = "import time; block = b'x' * (64 << 20)\nprint('ready', flush=True)\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        first = sample_process(process.pid)
        assert first is not None
        assert first.state == "R"
        assert 64 << 20 <= first.private_bytes < 128 << 20
        deadline = time.monotonic() + 20
        while (later := sample_process(process.pid)) and later.cpu_s < first.cpu_s + 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGSTOP)
        while (stopped := sample_process(process.pid)) and stopped.state != "T":
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    assert sample_process(process.pid) is None
