"""The keys of the workers' processes."""

import pytest
from pydantic import ValidationError

from transcoder.config.worker import WorkerConfig


@pytest.mark.parametrize("user", [None, 1, 900, 4_294_967_294, "nobody", "_tc-worker", "200000-265535", "7-7"])
def test_a_user_is_a_number_a_name_or_a_range(user: int | str | None) -> None:
    assert WorkerConfig.model_validate({"user": user}).user == user


@pytest.mark.parametrize(
    "user", [0, -1, 4_294_967_295, True, "", "0-5", "9-8", "1-4294967295", "Root", "a b", "1-2-3", "x" * 33, [900]]
)
def test_everything_else_is_none(user: object) -> None:
    with pytest.raises(ValidationError, match="user"):
        WorkerConfig.model_validate({"user": user})
