"""What stands in the cells of an asset comes out as it was."""

import pytest

from transcoder.assets.importing.cells import cells_of, keys_of
from transcoder.config.asset import AssetConfig

FULL = {
    "title": "Gate",
    "site": "Harbour",
    "location_public": "quay",
    "location_exact": "52.1 N",
    "owner": "Roads",
    "brand": "HiLook",
    "maker": "Hikvision",
    "country": "CN",
    "model": "X",
    "firmware": "V5",
    "serial": "S1",
    "mac": "44:19:b6:3f:5e:51",
    "installed": "2019-04-01",
    "contract": "C",
    "contract_ends": "2027-06-30",
    "planned": "2027-Q2",
    "slips": [{"planned": "2026-Q4", "reason": 'no lift; é, "x"', "at": "2026-11-02", "by": "http:ops"}],
    "replaced": "2026-11-30",
    "successor": "b",
    "retired": "2026-11-30",
    "disposed": "2026-12-15",
    "disposal_proof": "4711",
    "scope": ["own-policy", "ndaa-889"],
    "scope_reason": "council",
    "exempt": {"reason": "vault", "by": "CISO", "until": "2027-12-31"},
    "notes": "two\nlines",
    "extra": {"DriverNumber": "421", "extra.x": "y"},
}


def keys(data):
    return AssetConfig.model_validate(data).model_dump(mode="json")


def test_every_key_comes_back():
    assert set(FULL) == set(AssetConfig.model_fields), "a key of an asset has no cell"
    assert keys(keys_of(cells_of(keys(FULL)))) == keys(FULL)


@pytest.mark.parametrize("data", [{}, {"scope": [], "scope_reason": "out of it"}])
def test_what_is_empty_stays_empty(data):
    assert keys(keys_of(cells_of(keys(data)))) == keys(data)


def test_an_asset_that_says_nothing_has_no_cells():
    assert cells_of(keys({})) == {}
