"""The laboratory's commands as the command line knows them."""

from transcoder.lab.cameras import fleet
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.commands import MIXED, VENDORS


def test_help_lists_the_vendors_that_the_simulator_has() -> None:
    """The error message for another name lists the simulator's own."""
    assert fleet.MIXED == MIXED
    assert VENDORS.split(",") == list(FAMILIES)
