"""The command `transcoder probe --onvif` goes from its arguments to its exit code here."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import uvloop
from rich.console import Console
from rich.text import Text

from transcoder import clock
from transcoder.assets.findings import Finding
from transcoder.assets.makers import DeviceInformation, brand_findings, brand_questions, onvif_findings
from transcoder.config import Config, is_allowed, load
from transcoder.config.source import SourcesConfig
from transcoder.discover.device_questions import DeviceQuestions
from transcoder.discover.device_visit import PATH, PORT, ask_device
from transcoder.errors import ConfigError, TranscoderError
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.probe.report import Shown, shown_text
from transcoder.rtsp.auth import Credentials
from transcoder.url import Url, split_url

PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": PORT}
_KEYS: Final = ("brand", "maker", "model", "firmware", "serial", "mac")
"""The keys of an asset that answers fill in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOptions:
    """Holds which device is asked.

    Attributes:
        url: rtsp://, whose host is asked at port 80, or http:// with the port and the path of its device service.
        username, password: the login, which goes before the one of the URL.
        config: a configuration file, whose `sources.allow` holds; None: the default of that key holds.
        keep: is given the file, its configuration and what the device told, to have it kept; None for nobody.
        as_json: whether JSON is written.
    """

    url: str
    username: str | None = None
    password: str | None = None
    config: Path | None = None
    keep: Callable[[Path, Config, Mapping[str, str]], None] | None = None
    as_json: bool = False


def ask(options: DeviceOptions, console: Console, errors: Console) -> int:
    """Ask a device over ONVIF what it is, and report.

    Args:
        options: the options from the command line.
        console: the findings are written here.
        errors: errors are written here.

    Returns:
        The exit code: 0 done, 1 not reachable or refused, 2 usage.
    """
    try:
        url = split_url(options.url, PORTS)
        config = load(options.config) if options.config is not None else None
        sources = config.sources if config is not None else SourcesConfig()
    except (ValueError, ConfigError) as error:
        errors.print(f"probe: the URL or an option can't be used: {error}", markup=False, highlight=False)
        return USAGE
    credentials = _credentials(options, url)
    shown = shown_text(credentials.password if credentials is not None else None)
    is_http = url.scheme == "http"
    target = (url.host, url.port if is_http else PORT, (url.rest if is_http else "") or PATH)
    try:
        questions = uvloop.run(ask_device(*target, credentials, lambda address: is_allowed(address, sources.allow)))
    except KeyboardInterrupt:
        errors.print("probe: cut short before the device answered", markup=False, highlight=False)
        return NO
    except TranscoderError as error:
        errors.print(f"probe: {shown(str(error))}", markup=False, highlight=False, soft_wrap=True)
        return NO
    _report(options, questions, shown, console)
    if options.keep is None or options.config is None or config is None:
        return OK
    try:
        told = {name: value for name, value in asdict(questions.information).items() if value}
        options.keep(options.config, config, told)
    except TranscoderError as error:
        errors.print(f"probe: it is not kept: {error}", markup=False, highlight=False, soft_wrap=True)
        return NO
    return OK


def findings_of(information: DeviceInformation, seen: str) -> tuple[Finding, ...]:
    """Return what the answers of a device tell, and who makes devices of its brand where one maker is known.

    Args:
        information: the answers.
        seen: the time at which they came, UTC, RFC 3339.
    """
    told = onvif_findings(information, seen)
    brands = [finding.value for finding in told if finding.field == "brand"]
    return (*told, *(finding for brand in brands for finding in brand_findings(brand, seen)))


def asset_keys(findings: Sequence[Finding]) -> dict[str, str]:
    """Return the keys of an asset that findings fill in; a maker that findings disagree about is left out."""
    keys = {}
    for key in _KEYS:
        values = list(dict.fromkeys(finding.value for finding in findings if finding.field == key))
        if values and (key != "maker" or len(values) == 1):
            keys[key] = values[0]
    return keys


def _report(options: DeviceOptions, questions: DeviceQuestions, shown: Shown, console: Console) -> None:
    told = {name: shown(value) for name, value in asdict(questions.information).items() if value}
    seen = datetime.fromtimestamp(clock.wall_clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    findings = findings_of(questions.information, seen)
    asked = brand_questions(questions.information.manufacturer)
    snippet = _snippet(asset_keys(findings))
    if options.as_json:
        document: dict[str, Any] = {
            "device": told,
            "scopes": [shown(scope) for scope in questions.scopes],
            "findings": [finding.to_dict() for finding in findings],
            "questions": list(asked),
            "config": snippet,
        }
        console.out(json.dumps(document, indent=2), highlight=False)
        return
    for name, value in told.items():
        _line(console, name, value)
    for finding in findings:
        if finding.field == "maker":
            _line(console, "maker", f"{finding.value} ({'; '.join(finding.evidence)})")
    for question in asked:
        _line(console, "maker not known, for you to say", question)
    console.print(Text("for the configuration file:", "bold"), soft_wrap=True)
    console.out(snippet, highlight=False)


def _snippet(keys: dict[str, str]) -> str:
    lines = [f"    {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    return "\n".join(["assets:", "  camera:", *lines]) if lines else "assets:\n  camera: {}"


def _line(console: Console, name: str, value: str) -> None:
    console.print(Text(f"{name}: ", "bold") + Text(value), soft_wrap=True)


def _credentials(options: DeviceOptions, url: Url) -> Credentials | None:
    username = options.username if options.username is not None else url.username
    password = options.password if options.password is not None else url.password
    return None if username is None else Credentials(username=username, password=password or "")
