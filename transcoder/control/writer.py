"""Whoever changes something has a name, for the audit log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Names the writer of a change, for the audit log.

    Attributes:
        interface: "http", "mqtt" or "file".
        name: the name of the token or of the client, as far as it is known.
    """

    interface: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.interface}:{self.name}" if self.name else self.interface
