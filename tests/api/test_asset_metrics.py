"""How many assets there are, in Prometheus."""

from transcoder.api.asset_metrics import MAX_MAKERS, asset_metrics


def test_each_maker_has_a_sample_for_every_state() -> None:
    [family] = asset_metrics({("legacy", "Hikvision"): 3, ("cleaned", "Hikvision"): 2, ("replaced", "Axis"): 1})
    found = {(sample.labels["state"], sample.labels["maker"]): sample.value for sample in family.samples}
    states = ("legacy", "cleaned", "replaced", "retired", "exempt")
    assert found == {
        **{(state, maker): 0 for state in states for maker in ("Hikvision", "Axis")},
        ("legacy", "Hikvision"): 3,
        ("cleaned", "Hikvision"): 2,
        ("replaced", "Axis"): 1,
    }
    assert family.name == "transcoder_assets"


def test_makers_are_bounded_and_those_with_most_assets_have_a_label() -> None:
    [family] = asset_metrics({("legacy", f"maker {number}"): number + 1 for number in range(MAX_MAKERS + 10)})
    makers = {sample.labels["maker"] for sample in family.samples}
    assert len(makers) == MAX_MAKERS + 1
    others = [sample.value for sample in family.samples if sample.labels["maker"] == "other"]
    assert sum(others) == sum(range(1, 11))
