"""This module runs Debian's chromium, and holds whatever a page in it did wrong."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

_PROGRAMS: Final = ("chromium", "chromium-browser")
_ARGUMENTS: Final = (
    "--disable-dev-shm-usage",  # containers have 64 MB there
    "--disable-gpu",
    "--mute-audio",
    "--js-flags=--max-old-space-size=512",  # a page that needs more is at fault, and is not to take the machine along
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
DEADLINE_MS: Final = 15_000
"""Milliseconds that a page has for what a test waits for: seconds on two quiet cores are several on a busy machine."""
_REFUSED: Final = "Failed to load resource: the server responded with a status of 4"
"""Chromium's own line about an answer that the page handles, such as 401 before the login."""


def program() -> str:
    """Return the path of chromium, or skip the test."""
    for name in _PROGRAMS:
        if found := shutil.which(name):
            return found
    pytest.skip("chromium is not installed (Debian's package chromium): the page is not tried in a browser")


@contextmanager
def running() -> Iterator[Browser]:
    """Run one browser."""
    path = program()
    arguments = [*_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # its sandbox refuses root
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=arguments, timeout=60_000)
        yield browser
        browser.close()


@dataclass
class Faults:
    """Collects the faults of the pages of one context: errors, violations of the policy, requests to other hosts.

    Attributes:
        base: the URL of the gateway, the only host that a page may ask.
        tolerated: the parts of lines that a test expects, such as those of a gateway that it kills.
        lines: the faults.
    """

    base: str
    tolerated: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._note(f"uncaught: {error.error}"))
        context.on("request", self._ask)
        context.on("response", self._answer)

    def found(self) -> list[str]:
        """Return the faults that the test does not expect."""
        return [line for line in self.lines if not any(part in line for part in self.tolerated)]

    def _note(self, line: str) -> None:
        self.lines.append(line)

    def _hear(self, message: ConsoleMessage) -> None:
        is_fault = message.type == "error" or "Content Security Policy" in message.text
        if is_fault and not message.text.startswith(_REFUSED):
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _ask(self, request: Request) -> None:
        scheme = request.url.partition(":")[0]
        if scheme not in {"blob", "data", "about"} and not request.url.startswith(f"{self.base}/"):
            self._note(f"asked another host: {request.url}")

    def _answer(self, response: Response) -> None:
        is_file = "/api/" not in response.url
        if response.status >= 500 or (is_file and response.status >= 400):
            self._note(f"{response.status} for {response.request.method} {response.url}")


def open_page(browser: Browser, base: str, **options: Any) -> tuple[Page, Faults]:
    """Open a page in a context of its own; the options are those of playwright's contexts."""
    given = {"locale": "en-GB", "timezone_id": "Europe/Amsterdam", "viewport": {"width": 1280, "height": 900}}
    context = browser.new_context(base_url=base, **{**given, **options})
    context.set_default_timeout(DEADLINE_MS)
    faults = Faults(base)
    faults.watch(context)
    return context.new_page(), faults
