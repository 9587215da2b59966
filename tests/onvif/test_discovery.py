"""Whoever asks for devices is answered once, by those that are meant, and a flood of questions by few answers."""

import uuid
from collections.abc import Iterable
from xml.etree import ElementTree as ET

import pytest

from transcoder.onvif import discovery
from transcoder.onvif.device import Device
from transcoder.onvif.discovery import ADDRESSING, DISCOVERY, MAX_ANSWERS, MAX_ASKED, MAX_READ, Advertised, Discovery
from transcoder.onvif.identity import identity_of
from transcoder.onvif.soap import parse_tree

NAMES = {"s": "http://www.w3.org/2003/05/soap-envelope", "a": ADDRESSING, "d": DISCOVERY}
NODE_ONVIF = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header><a:Action s:mustUnderstand="1">'
    "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action><a:MessageID>uuid:ID</a:MessageID>"
    "<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>"
    '<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body>'
    '<Probe xmlns="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:Types '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dp0="http://www.onvif.org/ver10/network/wsdl">'
    "TYPES</d:Types>SCOPES</Probe></s:Body></s:Envelope>"
)
"""The question of node-onvif 0.1.7; its prefix of the type is not ours."""


def device(name: str) -> Device:
    identity = identity_of("gw1", name)
    return Device(identity=identity, name=f"{name} <1>", hardware="gateway-channel", version="1", channels=())


def devices() -> Iterable[Advertised]:
    return [Advertised(device=device(name), address=f"http://10.0.0.5/{name}") for name in ("front", "back")]


def made() -> Discovery:
    return Discovery(uuid.uuid4, 7)


def question(types: str = "dp0:NetworkVideoTransmitter", scopes: str = "", identity: str = "1") -> bytes:
    scoped = f"<d:Scopes xmlns:d='{DISCOVERY}'>{scopes}</d:Scopes>" if scopes else ""
    return NODE_ONVIF.replace("TYPES", types).replace("SCOPES", scoped).replace("uuid:ID", f"uuid:{identity}").encode()


def test_each_device_answers_with_what_home_assistant_reads() -> None:
    answers = [ET.fromstring(each) for each in made().answers(question(), devices, 0.0)]  # noqa: S314
    assert [each.findtext(".//d:XAddrs", "", NAMES) for each in answers] == [
        "http://10.0.0.5/front",
        "http://10.0.0.5/back",
    ]
    first = answers[0]
    assert first.findtext(".//a:RelatesTo", "", NAMES) == "uuid:1"
    assert first.findtext(".//a:Action", "", NAMES).endswith("/discovery/ProbeMatches")
    assert first.findtext(".//d:ProbeMatch/d:Types", "", NAMES) == "dn:NetworkVideoTransmitter tds:Device"
    scopes = first.findtext(".//d:Scopes", "", NAMES).split()
    assert "onvif://www.onvif.org/Profile/Streaming" in scopes
    assert "onvif://www.onvif.org/name/front%20%3C1%3E" in scopes
    assert f"onvif://www.onvif.org/mac/{identity_of('gw1', 'front').hw_address}" in scopes
    assert first.findtext(".//a:EndpointReference/a:Address", "", NAMES).startswith("urn:uuid:")


@pytest.mark.parametrize(
    ("types", "scopes", "number"),
    [
        ("", "", 2),
        ("tds:Device", "", 2),
        ("x:NetworkVideoTransmitter y:Device", "", 2),
        ("dp0:NetworkVideoDisplay", "", 0),
        ("x:Device x:Printer", "", 0),
        ("", "onvif://www.onvif.org/Profile", 2),
        ("", "onvif://www.onvif.org/name/back%20%3C1%3E", 1),
        ("", "onvif://www.onvif.org/name/ba", 0),  # a step is matched whole
        ("", "ldap:///o=somebody", 0),
    ],
)
def test_who_is_meant_answers(types: str, scopes: str, number: int) -> None:
    assert len(made().answers(question(types, scopes), devices, 0.0)) == number


def test_a_device_is_resolved_by_its_name() -> None:
    wanted = f"urn:uuid:{identity_of('gw1', 'back').uuid}"
    resolve = (
        f'<s:Envelope xmlns:s="{NAMES["s"]}" xmlns:a="{ADDRESSING}" xmlns:d="{DISCOVERY}"><s:Header><a:MessageID>urn:9'
        f"</a:MessageID></s:Header><s:Body><d:Resolve><a:EndpointReference><a:Address>{wanted}</a:Address>"
        "</a:EndpointReference></d:Resolve></s:Body></s:Envelope>"
    )
    (answer,) = made().answers(resolve.encode(), devices, 0.0)
    assert ET.fromstring(answer).findtext(".//d:ResolveMatch/d:XAddrs", "", NAMES) == "http://10.0.0.5/back"  # noqa: S314


def test_a_question_that_is_repeated_is_answered_once() -> None:
    core = made()
    assert len(core.answers(question(), devices, 0.0)) == 2
    assert core.answers(question(), devices, 0.2) == []
    assert len(core.answers(question(identity="2"), devices, 0.3)) == 2
    assert len(core.answers(question(), devices, 60.0)) == 2


def test_a_flood_of_questions_gets_few_answers() -> None:
    core = made()
    answers = [core.answers(question(identity=str(number)), devices, number / 1e6) for number in range(1000)]
    assert sum(map(len, answers)) == MAX_ASKED * 2
    assert core.counts.refused == 1000 - MAX_ASKED
    assert len(core.answers(question(identity="later"), devices, 2.0)) == 2


def test_a_flood_of_anything_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[bytes]()

    def reading(data: bytes) -> ET.Element:
        read.append(data)
        return parse_tree(data)

    monkeypatch.setattr(discovery, "parse_tree", reading)
    core = made()
    for number in range(1000):
        assert core.answers(b"<a/>", devices, number / 1e6) == []
    assert (len(read), core.counts.refused) == (MAX_READ, 1000 - MAX_READ)
    assert len(core.answers(question(), devices, 1.0)) == 2


def test_questions_to_many_devices_get_no_more_answers_than_are_sent() -> None:
    many = [Advertised(device=device("front"), address="http://10.0.0.5/front")] * 400
    core = made()
    answers = [core.answers(question(identity=str(number)), lambda: many, number / 10) for number in range(10)]
    assert MAX_ANSWERS <= sum(map(len, answers)) == 800
    assert len(core.answers(question(identity="9"), lambda: many, 1.0)) == 400, "it was not answered before"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 600,
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + question(),
        question().replace(b"<a:MessageID>uuid:1</a:MessageID>", b""),
        question().replace(b"<Probe", b"<Hello").replace(b"</Probe", b"</Hello"),
        b"<a>" * 2000,
    ],
)
def test_what_is_no_question_is_not_answered(data: bytes) -> None:
    assert made().answers(data, devices, 0.0) == []


def test_devices_tell_that_they_come_and_go() -> None:
    core, advertised = made(), next(iter(devices()))
    hello, bye = ET.fromstring(core.hello(advertised)), ET.fromstring(core.bye(advertised))  # noqa: S314
    assert hello.findtext(".//d:Hello/d:XAddrs", "", NAMES) == "http://10.0.0.5/front"
    assert bye.find(".//d:Bye/a:EndpointReference", NAMES) is not None
    numbers = [each.find(".//d:AppSequence", NAMES) for each in (hello, bye)]
    assert [each.get("MessageNumber") for each in numbers if each is not None] == ["1", "2"]
