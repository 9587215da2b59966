"""This plugin holds rules of this suite that pytest itself doesn't know.

- Only end-to-end tests (marker e2e) are run again when they fail, alone (`tests/support/machine.py`), and at most
  `MAX_RERUNS` times in a whole run: a race that shows once in three tries must not stay hidden.
- A test that could not judge the product, because other programs kept the machine busy, says so with `excuse`. An
  end-to-end test is tried again then, once, as if it had failed: alone it may judge. The closing line counts those that
  are left as "overloaded", and a run with more than `MAX_EXCUSED` of them fails.
- With pytest-xdist a test with the marker alone has the machine for itself: no other test runs beside it. Tests come in
  the order of `tests/support/order.py`.
- A test without the marker process or e2e starts no process, so that `make unit` needs no other program and no time.
- What a test makes of the logs ends with it: a command that says errors alone would hide the lines of later tests.
- The garbage collector leaves out what collecting the tests has made: thousands of tests, which live to the end.
"""

import gc
import inspect
import logging
import os
import sys
import tempfile
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_rerunfailures import get_reruns_count

from tests.support import fresh_checkout
from tests.support.machine import Machine
from tests.support.order import in_order, is_quick
from tests.support.short_waits import short_waits

__all__ = ["short_waits"]

RERUNS_A_TEST: Final = 2
MAX_RERUNS: Final = 3
"""The most reruns of a whole run, where the environment variable MAX_RERUNS names no other number. Real processes on a
busy machine need some; more are a fault, unless others, who can't be told to stop, are on that machine."""
MAX_EXCUSED: Final = 1
"""The most tests of a whole run that a busy machine excuses. More mean that the run has shown too little."""

_EXCUSE: Final = "overloaded"
_PROCESS_MARKERS: Final = ("process", "e2e")
_REAL_TIME_MARKERS: Final = (*_PROCESS_MARKERS, "real_time")
"""The markers of tests whose waits are not shortened: a process has no other clock than the machine's."""
_PROCESS_EVENTS: Final = frozenset(
    {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn"}
)
"""Audit events (https://docs.python.org/3/library/audit_events.html) of a process that starts another."""
_LOCKS: Final = "folder of locks"
_LIMITS: Final = "limits of a run"
_MACHINE: Final = "machine of a run"
_STARTED: Final[pytest.StashKey[list[str]]] = pytest.StashKey()
"""The processes that a test started."""

_running: list[pytest.Item] = []
"""The test that runs now; behind it, where that test runs pytest itself, the inner test."""


def excuse(reason: str) -> None:
    """Note that the running test can't judge the product because the machine is overloaded."""
    _running[-1].user_properties.append((_EXCUSE, reason))


def pytest_configure(config: pytest.Config) -> None:
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    config.pluginmanager.register(Machine(None if worker is None else Path(worker[_LOCKS])), _MACHINE)
    if worker is None:  # with pytest-xdist the reports of all workers come to the controller
        config.pluginmanager.register(_Limits(), _LIMITS)
        if hasattr(config.option, "loadscopereorder"):
            config.option.loadscopereorder = False  # pytest-xdist would put the groups with most tests first


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getoption("dist") != "loadgroup":
        return None
    from tests.support.scheduling import Scheduling  # pytest-xdist need not be installed

    limits: Any = config.pluginmanager.get_plugin(_LIMITS)
    return Scheduling(config, log, limits.folder)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report: object) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    data = yield
    if data is not None and isinstance(report, pytest.TestReport) and report.passed:
        data["keywords"] = {}  # a third of all that workers send, and nobody reads it of a test that passes
    return data


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    worker: dict[str, Any] | None = getattr(session.config, "workerinput", None)
    gc.disable()
    try:
        # a run of some files needs the others not even compiled
        if worker is not None and session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
            number = int(worker["workerid"].removeprefix("gw"))
            root = session.config.rootpath / session.config.args[0]
            fresh_checkout.share(root, Path(worker[_LOCKS]), number, worker["workercount"])
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    for item in items:
        if item.get_closest_marker("e2e") and not item.get_closest_marker("flaky"):
            item.add_marker(pytest.mark.flaky(reruns=RERUNS_A_TEST))
    yield
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:  # of those that are selected
        _distribute(worker, items)


def _distribute(worker: dict[str, Any], items: list[pytest.Item]) -> None:
    from tests.support.scheduling import MANY, tell_quick

    items[:] = in_order(items, quick_last=worker["workercount"] >= MANY)
    if worker["workerid"] == "gw0":
        tell_quick(Path(worker[_LOCKS]), [item.nodeid for item in items if is_quick(item)])


def pytest_itemcollected(item: pytest.Item) -> None:
    if not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(item.function):
        return
    # tests with other parameters share the list
    if "short_waits" not in item.fixturenames and not any(map(item.get_closest_marker, _REAL_TIME_MARKERS)):
        item.fixturenames.insert(0, "short_waits")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _PROCESS_EVENTS and _running:
        _running[-1].stash[_STARTED].append(f"{event} {arguments[0] if arguments else ''}".strip())


sys.addaudithook(_watch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    item.user_properties[:] = [pair for pair in item.user_properties if pair[0] != _EXCUSE]  # of an earlier try
    item.stash[_STARTED] = []
    _running.append(item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    try:
        result = yield
    finally:
        _running.pop()
        _restore_logs()
    started = item.stash[_STARTED]
    if started and not any(map(item.get_closest_marker, _PROCESS_MARKERS)):
        pytest.fail(f"a test without the marker process started {', '.join(started)}", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True, trylast=True)  # before pytest-rerunfailures looks at the report
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    reasons = _excuses(item.user_properties)
    is_first = getattr(item, "execution_count", 0) == 1  # pytest-rerunfailures counts the tries of what it runs
    if reasons and report.outcome != "failed" and report.when != "teardown" and is_first and get_reruns_count(item):
        report.outcome = "failed"
        report.longrepr = f"{_EXCUSE}: {reasons[-1]}"
    return report


def _excuses(user_properties: Iterable[tuple[str, object]]) -> list[str]:
    return [str(reason) for name, reason in user_properties if name == _EXCUSE]


def _restore_logs() -> None:
    logs: Any = sys.modules.get("transcoder.logs")
    if logs is None or not logs.structlog.is_configured():
        return
    logs.structlog.reset_defaults()
    logging.captureWarnings(False)
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    root.handlers[:] = [handler for handler in root.handlers if not isinstance(handler, logs._StderrHandler)]
    for name in logs._QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET)


class _Limits:
    """Counts and tells the reruns and the excuses of a whole run, and fails a run that has too many."""

    def __init__(self) -> None:
        self._reruns: list[str] = []
        self._max_reruns = int(os.environ.get("MAX_RERUNS", MAX_RERUNS))
        self._excused: dict[str, str] = {}
        self._locks = tempfile.TemporaryDirectory()
        self.folder = Path(self._locks.name)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[_LOCKS] = self._locks.name

    def pytest_unconfigure(self) -> None:
        self._locks.cleanup()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reasons = _excuses(report.user_properties)
        if str(report.outcome) == "rerun":  # pytest-rerunfailures adds this outcome
            self._reruns.append(f"{report.nodeid}\n    {_reason(report)}")
        elif reasons and report.outcome != "failed" and report.when != "teardown":
            self._excused[report.nodeid] = reasons[-1]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        terminal: Any = session.config.pluginmanager.get_plugin("terminalreporter")
        for nodeid, reason in self._excused.items():
            self._add(terminal, _EXCUSE, nodeid, "skipped", reason)
        problems = []
        if len(self._reruns) > self._max_reruns:
            problems.append(_too_many("reruns", self._max_reruns, self._reruns))
        if len(self._excused) > MAX_EXCUSED:
            told = [f"{nodeid}: {reason}" for nodeid, reason in self._excused.items()]
            problems.append(_too_many("tests that an overloaded machine excuses", MAX_EXCUSED, told))
        for problem in problems:
            self._add(terminal, "error", "the whole run", "failed", problem)
        if problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _add(self, terminal: Any, category: str, nodeid: str, outcome: Any, text: str) -> None:
        """Have the closing line count one more of a category."""
        if terminal is None:
            return
        where = (nodeid.partition("::")[0], None, nodeid)
        report = pytest.TestReport(nodeid, where, {}, outcome, text, "teardown")
        terminal.stats.setdefault(category, []).append(report)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for nodeid, reason in self._excused.items():
            terminalreporter.write_line(f"OVERLOADED {nodeid}: {reason}")
        for rerun in self._reruns:
            terminalreporter.write_line(f"TRIED AGAIN {rerun}")


def _reason(report: pytest.TestReport) -> str:
    """Return in a line why a try failed, and where: what passes in the end has no other trace of it."""
    lines = report.longreprtext.splitlines() or ["no place"]
    why = next((line[1:].strip() for line in lines if line.startswith("E ")), "")
    return f"{why} ({lines[-1]})" if why else lines[-1]


def _too_many(things: str, most: int, lines: list[str]) -> str:
    return "\n".join([f"{len(lines)} {things}, at most {most} are allowed:", *(f"  {line}" for line in lines)])
