"""What a device told is taken as far as a device would tell it."""

import pytest

from transcoder.assets.makers import DeviceInformation
from transcoder.control.told_device import told_device
from transcoder.rejection import Rejected


def test_some_properties() -> None:
    assert told_device({"manufacturer": "X", "firmware": "V1"}) == DeviceInformation(manufacturer="X", firmware="V1")


@pytest.mark.parametrize(
    "document", [{}, [], None, "x", {"maker": "Hikvision"}, {"model": 1}, {"model": None}, {"model": "x" * 129}]
)
def test_what_no_device_tells(document: object) -> None:
    with pytest.raises(Rejected):
        told_device(document)
