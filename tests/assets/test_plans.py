"""A plan that is moved is kept, with its reason."""

from transcoder.assets.plans import with_slip
from transcoder.config.asset import MAX_SLIPS, AssetConfig, SlipConfig

OLD = AssetConfig(planned="2026-Q4")
SLIP = {"planned": "2026-Q4", "reason": "no lift truck", "at": "2026-11-29", "by": "http:ops"}


def test_a_moved_plan_goes_to_the_slips_with_its_author_and_reason() -> None:
    keys = with_slip(OLD, {"planned": "2027-Q2", "reason": "no lift truck"}, "http:ops", "2026-11-29")
    assert keys == {"planned": "2027-Q2", "slips": [SLIP]}
    again = AssetConfig.model_validate(keys)
    assert with_slip(again, {"planned": None}, "mqtt", "2026-12-01")["slips"][1:] == [
        {"planned": "2027-Q2", "reason": None, "at": "2026-12-01", "by": "mqtt"}
    ]


def test_what_moves_no_plan_adds_no_slip() -> None:
    for old, keys in (
        (OLD, {"owner": "x"}),
        (OLD, {"planned": "2026-Q4"}),
        (OLD, {"planned": "2027-Q2", "slips": []}),
        (AssetConfig(), {"planned": "2027-Q2"}),
        (None, {"planned": "2027-Q2"}),
    ):
        assert with_slip(old, keys, "mqtt", "2026-11-29") == keys


def test_the_oldest_slips_go_where_there_are_too_many() -> None:
    old = OLD.model_copy(update={"slips": tuple(SlipConfig(planned="2020-01-01") for _ in range(MAX_SLIPS))})
    slips = with_slip(old, {"planned": "2027-Q2"}, "mqtt", "2026-11-29")["slips"]
    assert (len(slips), slips[-1]["planned"]) == (MAX_SLIPS, "2026-Q4")
