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
from transcoder.doctor.files import permissions
from transcoder.doctor.finding import Check, Finding, Subject
from transcoder.doctor.machine import kernel, user
from transcoder.doctor.sandbox import sandbox
from transcoder.exit_codes import NO, OK

CHECKS: Final[tuple[Check, ...]] = (kernel, user, permissions, sandbox)
"""Every check, in the order in which its findings are printed."""
_STYLES: Final = {"ok": "green", "warning": "yellow", "error": "bold red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """Holds what is examined.

    Attributes:
        config: the path of the configuration file, or None.
        as_json: whether JSON is printed.
    """

    config: Path | None = None
    as_json: bool = False


def doctor(options: DoctorOptions, console: Console) -> int:
    """Examine the machine, print the findings and return the exit code: NO where one of them is an error.

    Raises:
        ConfigError: the configuration is not valid.
    """
    file = load_file(options.config) if options.config is not None else None
    findings = asyncio.run(examine(Subject(path=options.config, file=file)))
    if options.as_json:
        console.print_json(json.dumps(document(findings)))
    else:
        for finding in findings:
            console.print(line(finding), soft_wrap=True)
    return NO if any(finding.level == "error" for finding in findings) else OK


async def examine(subject: Subject, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Make every check, one after another."""
    return [finding for check in checks for finding in await check(subject)]


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
