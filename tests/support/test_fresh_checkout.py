"""What a new checkout has to compile is shared among the workers."""

from pathlib import Path

import pytest

from tests.support.fresh_checkout import in_turn

TESTS = [Path(f"test_{number}.py") for number in range(10)]


@pytest.mark.parametrize("workers", [1, 3, 4, 16])
def test_every_worker_imports_every_test_and_begins_elsewhere(workers: int) -> None:
    orders = [in_turn(TESTS, number, workers) for number in range(workers)]
    assert all(sorted(order) == TESTS for order in orders)
    assert len({order[0] for order in orders}) == min(workers, len(TESTS))


@pytest.mark.process
def test_what_can_not_be_imported_is_told_once_and_the_rest_runs(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntestpaths = suite\npythonpath = .\nasyncio_default_fixture_loop_scope = function\n")
    folder = pytester.mkpydir("suite")
    (folder / "test_broken.py").write_text("import no_such_module\n")
    (folder / "test_elsewhere.py").write_text("import pytest\npytest.skip('elsewhere', allow_module_level=True)\n")
    (folder / "test_whole.py").write_text("def test_it():\n    assert 1 + 1 == 3, 'shown'\n")
    quiet = ["-p", "no:schemathesis", "-p", "no:anyio"]
    quiet += ["--import-mode=importlib", "--continue-on-collection-errors"]
    result = pytester.runpytest_inprocess("-p", "tests.support.plugin", "-n", "2", *quiet, "-ra")
    result.stdout.fnmatch_lines(["E*ModuleNotFoundError: No module named 'no_such_module'", "*assert (1 + 1) == 3"])
    result.assert_outcomes(errors=1, failed=1, skipped=1)
