"""What the gateway finds out about a maker and a brand, and what it leaves to the operator."""

from pathlib import Path

import pytest

from tests.support.recorded_marks import recorded_marks
from transcoder.assets.findings import Finding, tell
from transcoder.assets.makers import (
    DeviceInformation,
    brand_findings,
    brand_questions,
    neighbour_findings,
    onvif_findings,
    realm_mac,
    scope_value,
    stream_findings,
)
from transcoder.rtsp.fingerprint import CameraMarks

SEEN = "2026-11-29T10:00:00Z"


def _said(findings: tuple[Finding, ...]) -> set[tuple[str, str, str]]:
    assert all(finding.seen == SEEN and finding.evidence for finding in findings)
    return {(finding.field, finding.value, finding.by) for finding in findings}


def test_marks_of_a_stream() -> None:
    assert _said(stream_findings(CameraMarks(servers=("H264DVR 1.0",)), SEEN)) == {
        ("family", "xiongmai", "stream"),
        ("maker", "Xiongmai", "stream"),
    }
    assert _said(stream_findings(CameraMarks(servers=("GStreamer RTSP server",)), SEEN)) == {
        ("family", "gstreamer server", "stream"),  # many build it in: it tells no maker
    }
    assert stream_findings(CameraMarks(), SEEN) == ()


def test_a_realm_that_is_a_mac_address(vectors: Path) -> None:
    marks = recorded_marks((vectors / "uniview/unauthorized.txt").read_bytes())
    assert _said(stream_findings(marks, SEEN)) == {
        ("mac", "c4:79:05:00:00:00", "stream"),
        ("maker", "Uniview", "registry"),
    }


@pytest.mark.parametrize(
    ("realm", "mac"),
    [
        ("4419b63f5e51", "4419B63F5E51"),
        ("44:19:b6:3f:5e:51", ""),  # no camera was seen to write it so
        ("d03bf4000000", ""),  # twelve digits whose prefix nobody is known to hold
        ("IP Camera(AB705)", ""),
        ("4419b63f5e510", ""),
    ],
)
def test_what_a_realm_is(realm: str, mac: str) -> None:
    assert realm_mac([realm]) == mac


def test_the_neighbour_table() -> None:
    assert _said(neighbour_findings("9c:8e:cd:00:00:01", SEEN)) == {
        ("mac", "9c:8e:cd:00:00:01", "registry"),
        ("brand", "Amcrest", "registry"),
        ("maker", "Dahua", "registry"),
    }
    assert _said(neighbour_findings("bc:51:fe:00:00:01", SEEN)) == {
        ("mac", "bc:51:fe:00:00:01", "registry"),
        ("brand", "Swann", "registry"),  # several makers work for it
    }
    assert _said(neighbour_findings("02:00:00:00:00:01", SEEN)) == {("mac", "02:00:00:00:00:01", "registry")}
    assert neighbour_findings("00:00:00:00:00:00", SEEN) == ()
    assert neighbour_findings("", SEEN) == ()


def test_a_brand_is_never_a_maker() -> None:
    information = DeviceInformation(manufacturer="HIKVISION", model="DS-2CD2032-I", firmware="V5.4.5 build 170123")
    assert _said(onvif_findings(information, SEEN)) == {
        ("brand", "HIKVISION", "onvif"),
        ("model", "DS-2CD2032-I", "onvif"),
        ("firmware", "V5.4.5 build 170123", "onvif"),
    }


def test_letters_of_a_firmware_tell_the_maker() -> None:
    # the example of aiodahua 0.5.0: AC is Amcrest
    general = DeviceInformation(manufacturer="General", model="IP_Camera", firmware="4.000.00AC000.0", serial="AMC0123")
    assert _said(onvif_findings(general, SEEN)) == {
        ("firmware", "4.000.00AC000.0", "onvif"),
        ("serial", "AMC0123", "onvif"),
        ("maker", "Dahua", "onvif"),
        ("brand", "Amcrest", "onvif"),
    }
    flashed = DeviceInformation(manufacturer="Lorex", firmware="4.000.00AC000.0")
    assert ("brand", "Lorex", "onvif") in _said(onvif_findings(flashed, SEEN))
    assert ("brand", "Amcrest", "onvif") not in _said(onvif_findings(flashed, SEEN))


def test_a_mac_address_in_a_scope() -> None:
    assert _said(onvif_findings(DeviceInformation(manufacturer="X", mac="44:19:B6:00:00:01"), SEEN)) == {
        ("brand", "X", "onvif"),
        ("mac", "44:19:b6:00:00:01", "onvif"),
        ("maker", "Hikvision", "registry"),
    }
    assert onvif_findings(DeviceInformation(mac="44-19-B6"), SEEN) == ()


def test_the_server_of_the_web_interface() -> None:
    assert ("maker", "TVT", "onvif") in _said(onvif_findings(DeviceInformation(server="Cross Web Server"), SEEN))
    assert onvif_findings(DeviceInformation(), SEEN) == ()


def test_text_of_a_device_is_made_harmless() -> None:
    [finding] = onvif_findings(DeviceInformation(manufacturer="a\x1b[2J" + "b" * 1000), SEEN)
    assert finding.value.isprintable()
    assert len(finding.value) <= 64


def test_scopes() -> None:
    scopes = ["onvif://www.onvif.org/Profile/Streaming", "ONVIF://www.onvif.org/location/city/Harbour 7/", "http://x"]
    assert scope_value(scopes, "location") == "city/Harbour 7"
    assert scope_value(scopes, "name") == ""


def test_a_brand_tells_its_one_maker() -> None:
    [finding] = brand_findings("HiLook", SEEN)
    assert (finding.field, finding.value, finding.by) == ("maker", "Hikvision", "registry")
    assert "S13" in finding.evidence[0]
    assert brand_questions("HiLook") == ()
    for brand in ("TRENDnet", "LTS", "Bosch"):
        assert brand_findings(brand, SEEN) == ()
        assert brand_questions(brand)
    assert brand_questions("Nobody") == ()


def test_a_makers_own_name_is_its_brand_where_the_operator_says_so() -> None:
    [finding] = brand_findings("Dahua Technology", SEEN, is_told=True)
    assert (finding.field, finding.value, finding.by) == ("maker", "Dahua", "registry")
    assert brand_findings("Dahua Technology", SEEN) == ()
    assert brand_findings("Bosch", SEEN, is_told=True) == ()  # some of its recorders are made by another


def test_what_is_found_stands_below_the_operator() -> None:
    findings = stream_findings(CameraMarks(servers=("H264DVR 1.0",)), SEEN)
    told = tell("Axis", findings, "maker")
    assert (told.value, told.by) == ("Axis", "operator")
    assert [other.value for other in told.contradicted_by] == ["Xiongmai"]
    assert tell(None, findings, "maker").value == "Xiongmai"
