"""The life of a stream's worker is decided here: when one is started, and when a lost one is replaced. Sans-IO.

The caller performs one action after another. While it performs START the worker may already die; that is no other case
for the caller, because the answer to START then leads to DISCARD instead of BRIEF.
"""

from collections import deque
from enum import Enum

from transcoder.errors import LocalProtocolError

RESTART_DELAYS_S = (0.0, 0.2, 1.0)
"""Seconds before a worker is replaced, by the number of workers that died in the last DEATHS_S."""
DEATHS_S = 10.0
"""Seconds for which a death is remembered."""
RETRY_S = 1.0
"""Seconds before another try, when no worker could be started."""


class LifeState(Enum):
    """Tells where a stream stands with its worker."""

    IDLE = "idle"
    """The stream needs no worker."""
    WAITING = "waiting"
    """A worker is needed, but is not asked for yet."""
    WANTED = "wanted"
    """A worker is needed now; START is the next action."""
    STARTING = "starting"
    """START is being performed."""
    RUNNING = "running"
    """There is a worker."""


class LifeAction(Enum):
    """Tells the caller its next action."""

    START = "start"
    """Ask for a worker, and answer with started() or start_failed()."""
    BRIEF = "brief"
    """Tell the new worker what its predecessor knew."""
    DISCARD = "discard"
    """End the worker that was started: it is dead already, or not needed any more."""


class WorkerLife:
    """Decides when a stream's worker is started: it takes events and `now`, and gives actions.

    Attributes:
        state: where the stream stands with its worker.
    """

    def __init__(self) -> None:
        self.state = LifeState.IDLE
        self._actions: deque[LifeAction] = deque()
        self._due = 0.0
        self._asked = False
        self._doomed = False
        self._deaths: deque[float] = deque(maxlen=len(RESTART_DELAYS_S))

    # -- events --------------------------------------------------------------------------------------------------

    def want(self, now: float) -> None:
        """Note that from now on the stream needs a worker; a START that was given up without an answer is forgotten."""
        if self.state is not LifeState.RUNNING:
            self._actions.clear()
            self._asked = False
            self._wait(now, self._restart_delay(now))

    def started(self, now: float) -> None:
        """Note that START is done: there is a worker, if it did not die meanwhile.

        Raises:
            LocalProtocolError: START was not asked for.
        """
        self._answer()
        if not self._doomed:
            self.state = LifeState.RUNNING
            self._actions.append(LifeAction.BRIEF)
            return
        self._actions.append(LifeAction.DISCARD)
        if self.state is LifeState.STARTING:
            self._wait(now, self._restart_delay(now))

    def start_failed(self, now: float) -> None:
        """Note that START is done, and that no worker could be started.

        Raises:
            LocalProtocolError: START was not asked for.
        """
        self._answer()
        if self.state is LifeState.STARTING:
            self._wait(now, self._restart_delay(now) if self._doomed else RETRY_S)

    def died(self, now: float) -> None:
        """Note that the worker died, or the one that is being started did."""
        if self.state is LifeState.RUNNING:
            self._deaths.append(now)
            self._wait(now, self._restart_delay(now))
        elif self.state is LifeState.STARTING and not self._doomed:
            self._deaths.append(now)
            self._doomed = True  # another is asked for when this START is answered, not beside it

    def stop(self) -> None:
        """Note that the stream needs no worker any more; the caller ends a worker that runs."""
        self.state = LifeState.IDLE
        self._actions.clear()
        self._doomed = True

    # -- actions -------------------------------------------------------------------------------------------------

    def next_action(self) -> LifeAction | None:
        """Return the next action, or None while there is only waiting."""
        if self._actions:
            return self._actions.popleft()
        if self.state is LifeState.WANTED:
            self.state = LifeState.STARTING
            self._asked, self._doomed = True, False
            return LifeAction.START
        return None

    def next_timeout(self) -> float | None:
        """Return when handle_timeout() is due, monotonic seconds, or None."""
        return self._due if self.state is LifeState.WAITING else None

    def handle_timeout(self, now: float) -> None:
        """Note that time has passed."""
        if self.state is LifeState.WAITING and now >= self._due:
            self.state = LifeState.WANTED

    # -- rules ---------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        if not self._asked:
            raise LocalProtocolError(f"a worker that is {self.state.value} was not to be started")
        self._asked = False

    def _wait(self, now: float, delay_s: float) -> None:
        self._due = now + delay_s
        self.state = LifeState.WAITING if delay_s > 0 else LifeState.WANTED

    def _restart_delay(self, now: float) -> float:
        recent = sum(now - at < DEATHS_S for at in self._deaths)
        return RESTART_DELAYS_S[min(recent, len(RESTART_DELAYS_S) - 1)]
