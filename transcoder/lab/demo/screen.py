"""This module shows the demo's output: a live screen on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live

LINES_EVERY_S = 5.0
"""Seconds between plain lines of a stream."""
FILE_WIDTH = 120
"""Columns of tables if there is no terminal."""
PREPARING_EVERY_S = 2.0
"""Seconds between plain lines of progress."""


class Screen:
    """Shows the course of the demo.

    Args:
        quiet_stdout: whether everything goes to standard error, because standard output is for a program.
    """

    def __init__(self, *, quiet_stdout: bool) -> None:
        stream = sys.stderr if quiet_stdout else sys.stdout
        width = None if stream.isatty() else FILE_WIDTH
        self.console = Console(file=stream, width=width, highlight=False)
        self.is_live = self.console.is_terminal and not quiet_stdout
        self._live: Live | None = None
        self._next_lines = 0.0
        self._next_progress = 0.0
        self._last_progress = ""

    def __enter__(self) -> "Screen":
        if self.is_live:
            self._live = Live(console=self.console, auto_refresh=False, redirect_stdout=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_live()

    def end_live(self) -> None:
        """Leave the live screen; the lines that follow stay on the terminal."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def progress(self, text: str) -> None:
        """Show a text while something takes a while."""
        if self._live is not None:
            self._live.update(text, refresh=True)
            return
        now = time.monotonic()
        if text == self._last_progress or now < self._next_progress:
            return
        self._next_progress = now + PREPARING_EVERY_S
        self._last_progress = text
        self.line(text)

    def show(self, renderable: RenderableType) -> None:
        """Put new content on the live screen."""
        if self._live is not None:
            self._live.update(renderable, refresh=True)

    def lines_due(self) -> bool:
        """Return whether plain lines of the streams are due."""
        now = time.monotonic()
        if self._live is not None or now < self._next_lines:
            return False
        self._next_lines = now + LINES_EVERY_S
        return True

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self.console.print(text, markup=False, soft_wrap=True)

    def print(self, renderable: RenderableType) -> None:
        """Print a table or text that stays."""
        self.console.print(renderable)
