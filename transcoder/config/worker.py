"""This section describes the processes that decode and encode."""

from typing import Annotated, Final

from pydantic import Field, field_validator

from transcoder.config.section import NotBool, Section

MAX_USER: Final = (1 << 32) - 2
"""The largest number of a user: the one above means none."""
USER_NAME_PATTERN: Final = r"^([a-z_][a-z0-9_-]{0,31}|[1-9][0-9]{0,9}-[1-9][0-9]{0,9})$"
"""Matches a user's name, or two numbers with a hyphen."""


class WorkerConfig(Section):
    """`worker` describes the processes that decode the cameras' pictures and encode ours."""

    split: bool = False
    """Whether each stream has two processes: one reads the camera's bytes and yields nothing but pictures, the other
    one encodes and never sees a byte of the camera. `false`: one process does both."""
    user: (
        Annotated[int, Field(ge=1, le=MAX_USER), NotBool] | Annotated[str, Field(pattern=USER_NAME_PATTERN)] | None
    ) = Field(default=None, examples=["200000-265535"])
    """The user that workers become where the gateway is root: a name, a number, or a range such as `200000-265535`, of
    which each worker has one of its own. `null`: each worker has a number above 1879048192 of its own, which nobody
    else has; a container may not know these numbers."""

    @field_validator("user")
    @classmethod
    def _check_range(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, str) and value[0].isdecimal():
            first, last = (int(number) for number in value.split("-"))
            if not first <= last <= MAX_USER:
                raise ValueError(f"must be the first and the last number, at most {MAX_USER}")
        return value
