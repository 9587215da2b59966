"""What all parts of the configuration model have in common."""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

MAX_NAME: Final = 128
"""Characters of a name, a topic or a pattern."""


class Section(BaseModel):
    """A mapping of the configuration file: immutable, and an unknown key is an error."""

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
"""pydantic takes true for 1. Stands after the bounds, which would be missing in the JSON Schema otherwise."""

Secret = Annotated[SecretStr, Field(min_length=1)]
"""A password or token that protects something of ours: never empty."""
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
