"""Addresses are masked in what is sent to others: a bug report does not tell where cameras are."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from transcoder.config import Config
from transcoder.doctor.finding import Finding, Subject

_WORD: Final = re.compile(r"[0-9A-Za-z:.%_-]*[0-9A-Za-z]")
"""Matches whatever may be an address, with or without a port behind it."""


def masked(findings: Iterable[Finding], subject: Subject) -> Iterator[Finding]:
    """Yield findings in which each host has a number in place of its name: one host, one number."""
    numbers: dict[str, int] = {}
    names = sorted(_names(subject.file.config), key=lambda name: (-len(name), name)) if subject.file is not None else []

    def number(host: str) -> str:
        return f"[host {numbers.setdefault(host, len(numbers) + 1)}]"

    def mask(text: str) -> str:
        for name in names:
            text = re.sub(rf"(?<![\w.:-]){re.escape(name)}(?![\w-])", lambda _, name=name: number(name), text)  # type: ignore[misc]
        return _WORD.sub(lambda found: _without_address(found[0], number), text)

    for finding in findings:
        yield replace(finding, text=mask(finding.text))  # advice is in words of our own


def _names(config: Config) -> set[str]:
    found = {stream.source.host for stream in config.streams.values()}
    found |= {stream.source.bind_interface or "" for stream in config.streams.values()}
    if config.mqtt is not None:
        found.add(config.mqtt.host)
    return found - {"", "localhost"}


def _without_address(word: str, number: Callable[[str], str]) -> str:
    host, _, port = word.rpartition(":")
    for address, rest in ((word, ""), (host, f":{port}")):
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            continue
        if parsed.is_loopback or parsed.is_unspecified:
            return word
        return f"{number(address)}{rest}"
    return word
