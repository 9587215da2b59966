"""The first start compiles the kernels, which takes long enough that somebody has to be told."""

from typing import Final

import structlog

from transcoder.logs import show_progress

WHAT: Final = "compiling the pixel kernels, the first time only"

log = structlog.get_logger()


class Compilation:
    """Tells how far a fork server is with compiling: by a line that changes on a terminal, by two log lines elsewhere.

    Nothing is told of a start that finds the kernels compiled.
    """

    def __init__(self) -> None:
        self._began = 0.0
        self._counts: tuple[int, int] | None = None

    def note(self, done: int, total: int, now: float) -> None:
        """Note how many of the kernels' modules are compiled.

        Args:
            done: the modules that are compiled.
            total: all modules.
            now: monotonic seconds.
        """
        is_first = self._counts is None
        if is_first:
            self._began = now
        self._counts = done, total
        if done < total:
            is_shown = show_progress(self._words(now))
            if is_first and not is_shown:
                log.info(WHAT)
            return
        self.give_up()
        log.info("the pixel kernels are compiled", seconds=round(now - self._began, 1))

    def look(self, now: float) -> None:
        """Let the line on a terminal count the seconds; call this about once a second."""
        if self._counts is not None:
            show_progress(self._words(now))

    def give_up(self) -> None:
        """Take the line away."""
        if self._counts is not None:
            self._counts = None
            show_progress("")

    def _words(self, now: float) -> str:
        done, total = self._counts or (0, 0)
        return f"{WHAT}: {done} of {total}, {now - self._began:.0f} s"
