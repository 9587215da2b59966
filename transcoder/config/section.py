"""All parts of the configuration model share this base."""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticKnownError

MAX_NAME: Final = 128
"""The largest number of characters of a name, a topic or a pattern."""


class Section(BaseModel):
    """A section is one mapping of the configuration file: immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


def _refuse_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  # pydantic collects ValueError, not TypeError
    return value


NotBool: Final = BeforeValidator(_refuse_bool)
"""Refuses true and false, because pydantic takes true for 1. The validator stands after the bounds, which would be
missing in the JSON Schema otherwise."""

Secret = Annotated[SecretStr, Field(min_length=1)]
"""The type of a password or token that protects something of ours, which is never empty."""
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


def at_most(length: int) -> BeforeValidator:
    """Refuse a longer list before its items are looked at; pydantic counts a list after it has validated all items."""

    def check(value: object) -> object:
        if isinstance(value, list | tuple) and len(value) > length:
            context = {"field_type": "Tuple", "max_length": length, "actual_length": len(value)}
            raise PydanticKnownError("too_long", context)
        return value

    return BeforeValidator(check)
