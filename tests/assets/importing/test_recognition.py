"""Names of drivers begin with a maker or a brand, which the tables know."""

import pytest

from transcoder.assets.importing.recognition import recognize


@pytest.mark.parametrize(
    ("text", "brand", "maker"),
    [
        ("Hikvision DS-2CD2xx Series", "Hikvision", "Hikvision"),
        ("HiLook IPC-B140H", "HiLook", "Hikvision"),
        ("IC Realtime ICIP", "IC Realtime", "Dahua"),
        ("Axis P3245", "Axis", "Axis"),
        ("Annke C500", "Annke", ""),
    ],
)
def test_a_driver_is_recognized(text, brand, maker):
    found = recognize(text)
    assert found is not None
    assert found.brand == brand
    assert found.maker == maker


@pytest.mark.parametrize("text", ["", "Unheard of", "ONVIF Conformant Device"])
def test_an_unknown_name_is_not_recognized(text):
    assert recognize(text) is None
