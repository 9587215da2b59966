"""Addresses of lists become URLs of streams, by templates that are checked against the URLs that cameras have."""

import pytest

from transcoder.assets.importing.addresses import read_address, stream_url
from transcoder.assets.tables import makers, url_templates
from transcoder.url import split_url


@pytest.mark.parametrize(
    ("maker", "channel", "path"),
    [
        ("Hikvision", "", "/Streaming/Channels/101"),
        ("hangzhou hikvision digital technology", "2", "/Streaming/Channels/201"),
        ("Dahua", "3", "/cam/realmonitor?channel=3&subtype=0"),
        ("Uniview", "1", "/media/video1"),
        ("Reolink", "", "/h264Preview_01_main"),
        ("Tiandy", "", "/1/1"),
    ],
)
def test_the_path_follows_from_maker_and_channel(maker, channel, path):
    address = read_address("", "http://10.0.0.7:8080/index.html", "")
    assert address is not None
    assert stream_url(address, maker, channel) == f"rtsp://10.0.0.7{path}"


def test_every_template_is_of_a_known_maker_and_makes_a_url():
    assert url_templates().keys() <= makers().keys()
    for path in url_templates().values():
        split_url("rtsp://10.0.0.7" + path.format(channel=1), {"rtsp": 554})


def test_the_path_of_an_unknown_maker_is_unknown():
    address = read_address("", "10.0.0.7", "")
    assert address is not None
    assert not stream_url(address, "Somebody", "")


@pytest.mark.parametrize(
    ("address", "port", "url"),
    [
        ("10.0.0.7", "8554", "rtsp://10.0.0.7:8554/1/1"),
        ("10.0.0.7:88", "", "rtsp://10.0.0.7:88/1/1"),
        ("[fd00::7]", "", "rtsp://[fd00::7]/1/1"),
        ("https://cam.example/", "554", "rtsp://cam.example/1/1"),
        ("rtsp://u:p@10.0.0.7/own", "", "rtsp://10.0.0.7/own"),
    ],
)
def test_an_address_is_read(address, port, url):
    found = read_address("", address, port)
    assert found is not None
    assert stream_url(found, "Tiandy", "") == url


def test_a_login_in_a_url_is_taken_and_not_shown():
    found = read_address("rtsp://u:hunter2@10.0.0.7/own", "", "")
    assert found is not None
    assert (found.username, found.password) == ("u", "hunter2")
    assert "hunter2" not in repr(found)
    assert "hunter2" not in found.url
