"""The command `transcoder doctor` goes from its arguments to its exit code here."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from transcoder.config import load_file
from transcoder.doctor.cameras import ELSEWHERE, cameras, internet, split
from transcoder.doctor.clock_sync import clock
from transcoder.doctor.files import permissions
from transcoder.doctor.finding import Check, Finding, Subject
from transcoder.doctor.folders import folders
from transcoder.doctor.libraries import libraries
from transcoder.doctor.machine import kernel, user
from transcoder.doctor.masking import masked
from transcoder.doctor.ports import ports
from transcoder.doctor.resources import resources
from transcoder.doctor.sandbox import sandbox
from transcoder.errors import ConfigError
from transcoder.exit_codes import NO, OK

CHECKS: Final[tuple[Check, ...]] = (
    kernel, clock, resources, libraries, user, permissions, folders, ports, cameras, internet, sandbox,
)  # fmt: skip
"""Every check, in the order in which its findings are printed."""
_STYLES: Final = {"ok": "green", "warning": "yellow", "error": "bold red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """Holds what is examined.

    Attributes:
        config: the path of the configuration file, or None.
        as_json: whether JSON is printed, in which hosts have numbers in place of their names.
        tries_internet: whether addresses in the internet are connected to, from where cameras are pulled.
        elsewhere: these addresses, `address:port`.
    """

    config: Path | None = None
    as_json: bool = False
    tries_internet: bool = False
    elsewhere: tuple[str, ...] = ELSEWHERE


def doctor(options: DoctorOptions, console: Console) -> int:
    """Examine the machine, print the findings and return the exit code: NO where one of them is an error.

    Raises:
        ConfigError: the configuration, or an address in the internet, is not valid.
    """
    file = load_file(options.config) if options.config is not None else None
    subject = Subject(path=options.config, file=file, elsewhere=_elsewhere(options))
    findings = asyncio.run(examine(subject))
    if options.as_json:
        console.print_json(json.dumps(document(list(masked(findings, subject)))))
    else:
        for finding in findings:
            console.print(line(finding), soft_wrap=True)
    return NO if any(finding.level == "error" for finding in findings) else OK


def _elsewhere(options: DoctorOptions) -> tuple[tuple[str, int], ...]:
    try:
        return tuple(map(split, options.elsewhere)) if options.tries_internet else ()
    except ValueError:
        raise ConfigError(["--internet-address: must be address:port such as 192.0.2.1:443"]) from None


async def examine(subject: Subject, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Make every check, one after another; one that fails is a finding and stops no other."""
    found: list[Finding] = []
    for check in checks:
        try:
            found += await check(subject)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            name = getattr(check, "__name__", "check")
            advice = "report this, if you are the gateway's user or root"
            found.append(Finding(check=name, level="error", text=f"can't be looked at: {reason}", advice=advice))
    return found


def document(findings: Sequence[Finding]) -> dict[str, object]:
    """Return what `--json` prints."""
    return {
        "ok": all(finding.level != "error" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def line(finding: Finding) -> Text:
    """Return what is printed of a finding: its level, the check, the fact, what to do."""
    text = Text(f"{finding.level:8}", style=_STYLES[finding.level])
    text.append(f"{finding.check:28}", style="default")
    text.append(finding.text, style="default")
    if finding.advice:
        text.append(f": {finding.advice}", style="default")
    return text
