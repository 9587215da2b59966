"""The parts that documents are made of: what all have in common, and the document of a push, which stands in others."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time as RFC 3339, UTC."""


SHOWN: Final = ConfigDict(
    frozen=True, extra="forbid", use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
)
"""The settings of every document: it shows all its fields always."""


class PushDocument(BaseModel):
    """Describes what one server gets that a stream is sent to."""

    model_config = SHOWN

    target: str
    """Scheme, host and port of the server; the path may hold a secret."""
    rendition: str
    """The output that is sent."""
    state: Literal["disabled", "connecting", "playing", "waiting"]
    """`waiting`: the server is away or refuses, and is tried again."""
    since: Time
    """The time since which `state` has its value."""
    problem: str | None = None
    """The reason why nothing is sent, in one line."""
    next_attempt_at: Time | None = None
    """The time at which the server is tried again; null where it is tried now."""
    starts: Count = 0
    """Connections over which pictures were sent."""
    losses: Count = 0
    """Those among them that ended with an error."""
    bytes: Count = 0
    """Bytes that were sent."""
    dropped: Count = 0
    """Pictures that the server was too slow for."""
