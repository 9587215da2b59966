"""What a device seems to be, and the YAML that is written of it."""

from pathlib import Path

from transcoder.config import parse
from transcoder.discover.found import Device, seems
from transcoder.discover.rtsp_look import RtspSeen
from transcoder.discover.written import as_yaml
from transcoder.discover.ws_discovery import Announced
from transcoder.rtsp.fingerprint import CameraMarks

AT = "2026-11-29T10:00:00Z"


def device(address: str, *servers: str, realm: str = "", path: str = "", port: int = 554, mac: str = "") -> Device:
    marks = CameraMarks(servers=servers, realms=(realm,) if realm else ())
    return Device(address, seen={port: RtspSeen(port=port, marks=marks, wants_login=bool(realm), path=path)}, mac=mac)


def announced(*scopes: str) -> Announced:
    return Announced(
        reference="urn:uuid:2", scopes=tuple(f"onvif://www.onvif.org/{each}" for each in scopes), addresses=()
    )


def test_marks_and_scopes_together() -> None:
    found = device("192.168.10.21", realm="4419b63f5e51")
    found.announced.append(announced("hardware/DS-2CD2032-I", "name/North gate", "location/harbour"))
    judged = seems(found, {"192.168.10.21": ["front"]}, AT)
    assert (judged.maker.value, judged.maker.by) == ("Hikvision", "registry")
    assert (judged.model, judged.name, judged.mac) == ("DS-2CD2032-I", "North gate", "44:19:b6:3f:5e:51")
    assert (judged.ports, judged.wants_login, judged.streams) == ((554,), True, ("front",))
    assert "4419B6" in judged.because[0]
    document = judged.document()
    assert (document["maker"], document["onvif"], document["streams"]) == ("Hikvision", True, ["front"])


def test_a_neighbour() -> None:
    judged = seems(device("192.168.10.22", mac="9c:8e:cd:00:00:01"), {}, AT)
    assert (judged.maker.value, judged.brand, judged.family) == ("Dahua", "Amcrest", "")


def test_marks_that_disagree_are_told() -> None:
    judged = seems(device("192.168.10.22", "H264DVR 1.0", mac="c4:79:05:00:00:01"), {}, AT)
    assert (judged.maker.value, judged.maker.by) == ("Uniview", "registry")
    assert judged.maker.contradicted_by[0].value == "Xiongmai"
    assert judged.family == "xiongmai"


def test_a_gateway_of_this_product_is_no_camera() -> None:
    judged = seems(device("192.168.10.2", "transcoder", port=8554), {}, AT)
    assert judged.is_a_gateway
    assert "streams: {}" in as_yaml([judged], (), "2026-11-29")


def test_yaml_is_a_valid_configuration_of_streams_that_are_not_enabled() -> None:
    by_onvif = device("192.168.10.25", realm="IP Camera(C1)")
    by_onvif.announced.append(announced("name/Noord: 'x' \"y\" ${HOME} #z", "hardware/A\u2028b"))
    devices = [
        device("192.168.10.21", "H264DVR 1.0", path="/live", port=8554),
        device("192.168.10.22", "Rtsp Server/3.0", mac="9c:8e:cd:00:00:01"),
        device("192.168.10.23"),
        device("192.168.10.24", "H264DVR 1.0"),
        by_onvif,
        Device("192.168.10.26", announced=[announced("name/no RTSP")]),
    ]
    judged = [seems(each, {"192.168.10.24": ["yard"]}, AT) for each in devices]
    text = as_yaml(judged, ("camera-192-168-10-23",), "2026-11-29")
    config = parse(text, Path("/nonexistent"), {})
    assert set(config.streams) == set(config.assets)
    urls = {stream.source.url for stream in config.streams.values()}
    assert urls == {
        "rtsp://192.168.10.21:8554/live",
        "rtsp://192.168.10.22:554/cam/realmonitor?channel=1&subtype=0",
        "rtsp://192.168.10.23:554/",
        "rtsp://192.168.10.25:554/Streaming/Channels/101",
    }
    assert not any(stream.enabled for stream in config.streams.values())
    assert all(stream.asset == name for name, stream in config.streams.items())
    assert "camera-192-168-10-23-2" in config.streams  # the id is taken
    named = next(asset for asset in config.assets.values() if asset.title is not None)
    assert named.title == "Noord: 'x' \"y\" ${HOME} #z"
    # what it seems to be is a comment: a key would be the operator's word
    assert all(asset.maker is None and asset.brand is None for asset in config.assets.values())
    assert "# seems to be: maker Dahua, software dahua" in text
    assert "# brand: Amcrest" in text
