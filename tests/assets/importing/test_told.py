"""A plan is told line by line, and no line has a password."""

from tests.assets.importing.test_plan import MILESTONE, applied, plan
from transcoder.assets.importing.known import Known
from transcoder.assets.importing.told import plan_lines


def test_a_new_list_is_told():
    lines = list(plan_lines(plan(MILESTONE + "Dup,192.168.1.10,,,,1,Annke,x\nBad,10.0.0.999,,,,1,Annke,x\n")))
    assert lines == [
        "+ ingang-noord-2 (Ingang Noord (2)): stream ingang-noord-2",
        "+ brug (Brug): stream brug",
        "+ brug-2 (Brug): stream brug-2",
        "+ plein (Plein)",
        "unknown maker, 1 of 4: give a column `maker` or `brand`",
        "? line 5: plein, no stream: nothing tells the path of its URL",
        "= line 6: its address is that of line 2",
        "! line 7: address: has no valid IPv4 address",
        "4 added, 0 changed, 0 unchanged, 1 of unknown maker, 1 with a duplicate address, 2 refused",
    ]
    assert not any("hunter" in line for line in lines)


def test_a_change_is_told_with_both_cells_and_a_password_without_either():
    known = applied(plan(MILESTONE), Known())
    lines = list(plan_lines(plan(MILESTONE.replace("hunter2", "x9").replace("421", "\x1b422"), known)))
    assert lines[:3] == [
        "~ ingang-noord-2 (Ingang Noord (2)): stream ingang-noord-2",
        "    extra.DriverNumber: 421 -> 422",
        "    password: nothing -> (given)",
    ]
