"""The engine choice says who codes the pictures of a group: our own P pictures, or x264's.

Our own P pictures cost what moves; where most of a picture moves, x264's cost less and take fewer bits. A group of
pictures keeps one engine, because both would need the other's reference pictures; only a cut may end it earlier.
"""

from enum import Enum, auto

BUSY = 0.15
"""The share of macroblocks coded in a group, over which x264 codes the next group.

There a picture of ours takes as long as x264's. With 0.30 a night camera takes 5 % more bits and a swaying one 3 %.
"""
CUT_CHANGED = 0.70
"""The share of macroblocks that a cut changes at least: a camera's own I pictures change as many."""
CUT_CODED = 0.5
"""The part of the changed macroblocks that a cut has coded at least: a camera's I picture changes much by little."""
CUT_IDR_S = 0.5
"""Seconds since the last IDR after which a cut is worth another one."""


class Engine(Enum):
    """Who codes a picture, and how."""

    OWN = auto()
    """Our own P picture."""
    LIBRARY = auto()
    """x264's P picture, and so to the end of the group."""
    IDR = auto()
    """x264's IDR, which begins a group."""


class EngineChoice:
    """Chooses the engine of each group of pictures by what moved in the one before.

    For each IDR: `begin_group`. For each other picture, when its macroblocks have been tested: `choose`.
    """

    def __init__(self) -> None:
        self._engine = Engine.OWN
        self._pictures = 0
        self._coded = 0.0
        self._changed = 0.0
        self._changed_unseen = 0.0
        self._coded_of_changed = 1.0

    @property
    def engine(self) -> Engine:
        """Return who codes the present group."""
        return self._engine

    def begin_group(self) -> None:
        """Choose the engine of the group that begins with an IDR."""
        if self._changed:
            self._coded_of_changed = self._coded / self._changed
        if self._pictures:
            coded = self._coded + self._changed_unseen * self._coded_of_changed
            self._engine = Engine.LIBRARY if coded / self._pictures > BUSY else Engine.OWN
        self._pictures = 0
        self._coded = self._changed = self._changed_unseen = 0.0

    def choose(self, changed: float, coded: float | None, since_idr_s: float) -> Engine:
        """Return who codes a picture that is no IDR yet.

        Args:
            changed: the share of its macroblocks that changed.
            coded: the share of its macroblocks that have to be coded; None where the group is x264's, which does not
                say it.
            since_idr_s: seconds since the last IDR.
        """
        self._pictures += 1
        if self._engine is Engine.LIBRARY or coded is None:
            self._changed_unseen += changed  # as much of it is coded as was when we coded
            return self._engine
        self._changed += changed
        self._coded += coded
        if changed <= CUT_CHANGED or coded <= CUT_CODED * changed:
            return Engine.OWN
        return Engine.IDR if since_idr_s >= CUT_IDR_S else Engine.OWN
