"""Which vulnerabilities a device may have, and whether its firmware is older than the fix."""

from datetime import date

import pytest

from transcoder.assets.vulnerabilities import build_day, exposures


@pytest.mark.parametrize(
    ("firmware", "day"),
    [
        ("V5.5.82 build 190909", date(2019, 9, 9)),
        ("V5.7.3 build 220112", date(2022, 1, 12)),
        ("2.800.0000000.16.R, Build Date 2021-07-07", date(2021, 7, 7)),
        ("V5.5.82 build 199909", None),  # no day of any month
        ("4.000.00AC000.0", None),
        ("", None),
    ],
)
def test_the_day_of_a_build(firmware: str, day: date | None) -> None:
    assert build_day(firmware) == day


def _answers(*device: str) -> dict[str, str]:
    return {each.vulnerability.id: each.older_than_fix for each in exposures(*device)}


def test_by_the_day_of_the_firmware() -> None:
    # fixed on 2021-09-19 (CVE-2021-36260)
    assert _answers("Hikvision", "", "", "V5.5.82 build 190909")["CVE-2021-36260"] == "yes"
    assert _answers("Hikvision", "", "", "V5.7.3 build 220112")["CVE-2021-36260"] == "no"
    assert _answers("Hikvision", "", "", "")["CVE-2021-36260"] == "unknown"
    assert _answers("Hikvision", "", "", "V5.5.82 build 190909")["CVE-2017-7921"] == "unknown"  # its fix is not known


def test_by_maker_brand_and_model() -> None:
    assert set(_answers("Dahua", "", "", "")) == {"CVE-2021-33044", "CVE-2021-33045", "CVE-2022-30563"}
    assert "CVE-2020-5735" in _answers("Dahua", "Amcrest", "", "")
    assert set(_answers("Uniview", "GeoVision", "", "")) == {"CVE-2024-6047", "CVE-2024-11120"}
    assert set(_answers("TP-Link", "VIGI", "NVR1008H", "")) == {"CVE-2025-7723", "CVE-2025-7724"}
    assert not _answers("TP-Link", "Tapo", "C200", "")
    assert not _answers("Axis", "", "", "")
    assert not _answers("", "", "", "")
