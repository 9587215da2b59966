"""How many examples of Hypothesis a test takes: few in everyday runs, all of them in a thorough run.

Examples are drawn anew in every run, so that few in each of many runs come to see as much as many in one. The profile
`thorough` (HYPOTHESIS_PROFILE=thorough) takes the number that a test names: CI does, and who has changed what a test is
about.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

THOROUGH: Final = "thorough"
EVERYDAY: Final = "everyday"
_A_TEST: Final = 100
"""The examples of a test that names no number: the default of Hypothesis."""
_EVERYDAY_PART: Final = 4
"""An everyday run takes one of so many examples: Hypothesis took 15 of the 180 seconds that unit tests cost."""
_FEWEST: Final = 10
"""An everyday run takes no fewer examples: the first one is always the simplest, and says little alone."""


def load_profile() -> None:
    """Load the profile that HYPOTHESIS_PROFILE names, for the tests that name no number of examples."""
    # how long it takes to make an input says how busy the machine is, and nothing of the product
    health = [HealthCheck.too_slow]
    settings.register_profile(THOROUGH, max_examples=_A_TEST, suppress_health_check=health)
    settings.register_profile(EVERYDAY, max_examples=_A_TEST // _EVERYDAY_PART, suppress_health_check=health)
    settings.load_profile(_profile())


def examples(thorough: int) -> settings:
    """Return settings with this number of examples in a thorough run, and a part of it in an everyday run."""
    everyday = min(thorough, max(_FEWEST, thorough // _EVERYDAY_PART))
    return settings(max_examples=thorough if _profile() == THOROUGH else everyday, deadline=None)


def _profile() -> str:
    return os.environ.get("HYPOTHESIS_PROFILE", EVERYDAY)
