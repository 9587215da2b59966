"""What the service says about measures that are missing, and when it lets no worker run."""

import pytest

from transcoder.errors import WorkerError
from transcoder.service.sandbox import (
    ADVICE,
    SandboxOptions,
    containment_words,
    missing_measures,
    refusal,
    worker_users,
)
from transcoder.worker import sandbox

REQUIRED = SandboxOptions(is_required=True)
WHOLE = dict.fromkeys(ADVICE, "")


def test_there_is_advice_for_every_measure_and_for_no_other() -> None:
    assert set(ADVICE) == {*sandbox.REQUIRED, *sandbox.FORKED, *sandbox.OPTIONAL}
    assert all(ADVICE.values())


def test_nothing_is_refused_where_nothing_is_missing() -> None:
    assert missing_measures(WHOLE) == {}
    assert refusal(WHOLE, REQUIRED) == ""


@pytest.mark.parametrize("name", sorted(set(ADVICE) - {"own user", "control group"}))
def test_where_they_are_required_each_missing_measure_is_named_with_its_reason_and_what_helps(name: str) -> None:
    measures = WHOLE | {name: "Operation not permitted"}
    problem = refusal(measures, REQUIRED)
    assert f"{name}: Operation not permitted; {ADVICE[name]}" in problem
    assert problem.count("\n") == 1
    assert refusal(measures, SandboxOptions()) == ""


def test_a_service_that_is_not_root_does_without_other_users_where_workers_have_namespaces() -> None:
    measures = WHOLE | {"own user": "the service may not change users and signal them"}
    assert missing_measures(measures)
    assert refusal(measures, REQUIRED) == ""
    assert "own user" in refusal(measures | {"user namespace": "refused"}, REQUIRED)


def test_a_control_group_is_not_required_because_other_limits_stand_behind_it() -> None:
    measures = WHOLE | {"control group": "the service's control group is not delegated to it"}
    assert missing_measures(measures)
    assert refusal(measures, REQUIRED) == ""


@pytest.mark.parametrize(
    ("user", "users"),
    [(None, None), (900, (900, 900)), ("200000-265535", (200_000, 265_535)), ("nobody", (65534, 65534))],
)
def test_users_are_named_by_number_name_or_range(user: int | str | None, users: tuple[int, int] | None) -> None:
    assert worker_users(user) == users


@pytest.mark.parametrize("user", ["nobody-at-all", "root"])
def test_a_user_that_does_not_exist_and_root_are_no_workers(user: str) -> None:
    with pytest.raises(WorkerError, match=rf"worker\.user: .*{user}"):
        worker_users(user)


def test_the_measures_are_told_in_words() -> None:
    assert containment_words({"a": "", "b": ""}) == "contained by 2 of 2 measures"
    told = containment_words({"a": "", "b": "no kernel support", "c": "not root"})
    assert told == "contained by 1 of 3 measures; missing: b (no kernel support); c (not root)"
