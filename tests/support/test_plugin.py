"""The rules of the suite are tested here, each on a small suite of its own."""

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

FAILS_AT_FIRST = """
    import pytest
    tries = {}

    @pytest.mark.parametrize("number", range(COUNT))
    MARK
    def test_it(number):
        tries[number] = tries.get(number, 0) + 1
        assert tries[number] > 1
"""
EXCUSED = """
    import pytest
    from tests.support.plugin import excuse

    @pytest.mark.parametrize("number", range(COUNT))
    def test_skipped(number):
        excuse("load 9")
        pytest.skip("load 9")

    def test_passed_all_the_same():
        if PASSED:
            excuse("load 8")
"""

LOGS = """
    import structlog
    from structlog.testing import capture_logs
    from transcoder.logs import configure_logs

    def test_a_command():
        configure_logs(json=False, level="error")

    def test_another():
        with capture_logs() as lines:
            structlog.get_logger().info("told")
        assert lines
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("MAX_RERUNS", raising=False)

    def run(source: str, *arguments: str, **values: object) -> pytest.RunResult:
        for name, value in values.items():
            source = source.replace(name, str(value))
        pytester.makepyfile(source)
        quiet = ["-p", "no:schemathesis", "-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function"]
        quiet += ["-W", "ignore::pytest.PytestUnknownMarkWarning"]
        return pytester.runpytest_inprocess("-p", "tests.support.plugin", *quiet, *arguments)

    return run


def closing_line(result: pytest.RunResult) -> str:
    return result.outlines[-1].strip("= ").partition(" in ")[0]


def test_a_test_that_is_not_end_to_end_is_tried_once(run: Run) -> None:
    result = run(FAILS_AT_FIRST, COUNT=1, MARK="")
    assert closing_line(result) == "1 failed"


def test_three_reruns_pass(run: Run) -> None:
    result = run(FAILS_AT_FIRST, COUNT=3, MARK="@pytest.mark.e2e")
    assert closing_line(result) == "3 passed, 3 rerun"
    assert result.ret == pytest.ExitCode.OK
    # why the first try of each failed, and where
    result.stdout.fnmatch_lines(
        ["TRIED AGAIN *test_it?2?", "    assert 1 > 1 (*.py:*: AssertionError)"], consecutive=True
    )


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.process)])
def test_a_fourth_rerun_fails_the_run(run: Run, workers: str) -> None:
    result = run(FAILS_AT_FIRST, "-n", workers, COUNT=4, MARK="@pytest.mark.e2e")
    assert closing_line(result) == "4 passed, 1 error, 4 rerun"
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["4 reruns, at most 3 are allowed:", "  *test_it?0?"])


@pytest.mark.parametrize(("most", "code"), [("4", pytest.ExitCode.OK), ("3", pytest.ExitCode.TESTS_FAILED)])
def test_a_machine_of_others_may_need_more(
    run: Run, monkeypatch: pytest.MonkeyPatch, most: str, code: pytest.ExitCode
) -> None:
    monkeypatch.setenv("MAX_RERUNS", most)
    assert run(FAILS_AT_FIRST, COUNT=4, MARK="@pytest.mark.e2e").ret == code


def test_one_excuse_is_counted(run: Run) -> None:
    result = run(EXCUSED, COUNT=1, PASSED=False)
    assert closing_line(result) == "1 passed, 1 skipped, 1 overloaded"
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["OVERLOADED *test_skipped?0?: load 9"])


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.process)])
def test_a_second_excuse_fails_the_run(run: Run, workers: str) -> None:
    result = run(EXCUSED, "-n", workers, COUNT=1, PASSED=True)
    assert closing_line(result) == "1 passed, 1 skipped, 1 error, 2 overloaded"
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["2 tests that an overloaded machine excuses, at most 1 are allowed:"])


def test_the_excuse_of_an_earlier_try_does_not_count(run: Run) -> None:
    source = """
        import pytest
        from tests.support.plugin import excuse
        tries = []

        @pytest.mark.e2e
        def test_it():
            tries.append(1)
            if len(tries) == 1:
                excuse("load 9")
                assert False
    """
    assert closing_line(run(source)) == "1 passed, 1 rerun"


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.process)])
@pytest.mark.parametrize(
    ("ends", "excused", "closing"),
    [
        ('pytest.skip("load 9")', 1, "1 passed, 1 rerun"),
        ("return", 1, "1 passed, 1 rerun"),
        ('pytest.skip("load 9")', 9, "1 skipped, 1 rerun, 1 overloaded"),
        ("return", 9, "1 passed, 1 rerun, 1 overloaded"),
    ],
    ids=["skips once", "passes once", "skips always", "passes always"],
)
def test_an_excuse_counts_when_the_test_that_is_tried_again_has_one_too(
    run: Run, workers: str, ends: str, excused: int, closing: str
) -> None:
    source = """
        import pytest
        from tests.support.plugin import excuse
        tries = []

        @pytest.mark.e2e
        def test_it():
            tries.append(1)
            if len(tries) <= EXCUSED:
                excuse("load 9")
                ENDS
    """
    result = run(source, "-n", workers, EXCUSED=excused, ENDS=ends)
    assert closing_line(result) == closing
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["TRIED AGAIN *test_it", "    overloaded: load 9"], consecutive=True)
    assert ("OVERLOADED" in result.stdout.str()) == (excused > 1)


def test_a_test_without_reruns_is_excused_at_once(run: Run) -> None:
    assert (
        closing_line(run(EXCUSED, "--force-reruns", "0", COUNT=1, PASSED=False)) == "1 passed, 1 skipped, 1 overloaded"
    )


STARTS = """
    import subprocess, sys
    import pytest

    MARK
    def test_it():
        subprocess.run([sys.executable, "-c", ""], check=True)
"""


@pytest.mark.process
def test_tests_of_one_group_run_in_one_worker(run: Run, pytester: pytest.Pytester) -> None:
    source = """
        import os
        from pathlib import Path
        import pytest

        @pytest.mark.xdist_group("costly")
        @pytest.mark.parametrize("number", range(6))
        def test_it(number):
            with Path("workers").open("a") as workers:
                workers.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
    """
    assert closing_line(run(source, "-n", "2", "--dist", "loadgroup")) == "6 passed"
    workers = (pytester.path / "workers").read_text().splitlines()
    assert len(workers) == 6
    assert len(set(workers)) == 1


NOTES = """
    import time
    from pathlib import Path
    import pytest

    tries = []

    def note(name):
        with Path("notes").open("a") as notes:
            notes.write(f"{time.monotonic()} {name}\\n")

    @pytest.mark.parametrize("number", range(6))
    def test_together(number):
        note("begin")
        time.sleep(0.2)
        note("end")
"""
ALONE = """
    @pytest.mark.alone
    def test_alone():
        note("alone")
        time.sleep(0.5)
        note("alone ended")
"""
TRIED_AGAIN = """
    @pytest.mark.e2e
    @pytest.mark.parametrize("number", range(2))
    def test_tried_again(number):
        tries.append(number)
        assert tries.count(number) > 1
        note("alone")
        time.sleep(0.5)
        note("alone ended")
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("source", "closing"), [(ALONE, "7 passed"), (TRIED_AGAIN, "8 passed, 2 rerun")], ids=["alone", "tried again"]
)
def test_a_test_that_is_alone_has_no_other_beside_it(
    source: str, closing: str, run: Run, pytester: pytest.Pytester
) -> None:
    assert closing_line(run(NOTES + source, "-n", "3", "--dist", "loadgroup")) == closing
    notes = [line.split(" ", 1) for line in sorted((pytester.path / "notes").read_text().splitlines())]
    names = [name for _, name in notes]
    alone = [at for at, name in enumerate(names) if name == "alone"]
    assert alone
    for at in alone:
        assert names[at + 1] == "alone ended"
        assert names[:at].count("begin") == names[:at].count("end")


def test_each_try_has_the_whole_timeout(run: Run, pytester: pytest.Pytester) -> None:
    """The timer is no longer that of the first try; pytest-timeout alone would leave the second one without any."""
    pytester.makeconftest(
        """
        import pytest

        said = []

        @pytest.hookimpl(tryfirst=True)
        def pytest_timeout_set_timer(item, settings):
            said.append(f"{settings.timeout:g} s for {item.name}")
            return True  # no timer but the one of the test that runs this

        @pytest.hookimpl(tryfirst=True)
        def pytest_timeout_cancel_timer(item):
            said.append("ended")
            return True

        @pytest.fixture
        def timers():
            return said
        """
    )
    source = """
        import pytest

        @pytest.mark.e2e
        @pytest.mark.timeout(9)
        def test_it(timers):
            assert timers[0] == timers[-1] == "9 s for test_it"
            assert timers.count("9 s for test_it") == 2
            assert "ended" in timers
    """
    assert closing_line(run(source)) == "1 passed, 1 rerun"


@pytest.mark.process
def test_a_process_without_the_marker_is_an_error(run: Run) -> None:
    result = run(STARTS, MARK="")
    assert closing_line(result) == "1 passed, 1 error"
    result.stdout.fnmatch_lines(["*without the marker process started subprocess.Popen *python*"])


@pytest.mark.process
@pytest.mark.parametrize("marker", ["process", "e2e"])
def test_a_process_with_the_marker_is_none(run: Run, marker: str) -> None:
    assert closing_line(run(STARTS, MARK=f"@pytest.mark.{marker}")) == "1 passed"


def test_a_test_that_configures_the_logs_leaves_those_of_the_next_alone(run: Run) -> None:
    assert closing_line(run(LOGS)) == "2 passed"
