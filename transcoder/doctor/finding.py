"""A check of the machine comes to findings, each with what an operator can do."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from transcoder.config import ConfigFile

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Holds one fact.

    Attributes:
        check: the name of the check.
        level: "warning" where the gateway runs, but not as it should; "error" where it must not or can't run so.
        text: the fact.
        advice: what to do about it; "" where nothing is to be done.
    """

    check: str
    level: Level
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Holds what is examined besides the machine.

    Attributes:
        path: the path of the configuration file, None where none was named.
        file: the configuration file as it was read; None likewise.
        elsewhere: the addresses and ports in the internet that are tried from the cameras' side.
    """

    path: Path | None = None
    file: ConfigFile | None = None
    elsewhere: tuple[tuple[str, int], ...] = ()

    @property
    def is_required(self) -> bool:
        """Return whether the configuration wants every measure of the workers' sandbox."""
        return self.file is not None and self.file.config.sandbox == "required"


Check = Callable[[Subject], Awaitable[Iterable[Finding]]]
