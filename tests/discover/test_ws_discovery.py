"""Questions to everybody, and answers of devices as they were recorded and made up."""

import uuid
from itertools import count

import pytest

from transcoder.discover.ws_discovery import Questions
from transcoder.onvif.soap import argument_text, parse_tree

ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"

MATCH = """<?xml version="1.0" encoding="utf-8"?>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<env:Header><wsa:MessageID>urn:uuid:1</wsa:MessageID><wsa:RelatesTo>{relates}</wsa:RelatesTo></env:Header>
<env:Body><d:ProbeMatches>{matches}</d:ProbeMatches></env:Body></env:Envelope>"""
ONE = """<d:ProbeMatch><wsa:EndpointReference><wsa:Address>urn:uuid:2</wsa:Address></wsa:EndpointReference>
<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/type/video_encoder
 onvif://www.onvif.org/hardware/DS-2CD2032-I onvif://www.onvif.org/name/North%20gate</d:Scopes>
<d:XAddrs>http://192.0.2.7/onvif/device_service http://[fe80::1]/onvif/device_service</d:XAddrs></d:ProbeMatch>"""


def questions() -> Questions:
    numbers = count(1)
    return Questions(lambda: uuid.UUID(int=next(numbers)))


def identity(message: bytes) -> str:
    return argument_text(parse_tree(message), "Header", "MessageID")


def test_a_question_is_a_probe_to_everybody() -> None:
    first, second = questions().messages
    assert identity(first) != identity(second)
    root = parse_tree(first)
    assert argument_text(root, "Header", "Action") == "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe"
    assert argument_text(root, "Header", "To") == "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
    assert argument_text(root, "Body", "Probe", "Types") == "dn:NetworkVideoTransmitter"


def test_an_answer() -> None:
    asked = questions()
    data = MATCH.format(relates=identity(asked.messages[1]), matches=ONE).encode()
    [found] = asked.receive(data)
    assert found.reference == "urn:uuid:2"
    assert found.scopes[1:] == ("onvif://www.onvif.org/hardware/DS-2CD2032-I", "onvif://www.onvif.org/name/North gate")
    assert found.addresses == ("http://192.0.2.7/onvif/device_service", "http://[fe80::1]/onvif/device_service")


@pytest.mark.parametrize(
    "data",
    [
        MATCH.format(relates="urn:uuid:other", matches=ONE).encode(),  # the answer to somebody else
        MATCH.format(relates="", matches=ONE).encode(),
        b"",
        b"\xff" * 1000,
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<a/>",
        b"<a>" * 5000,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    assert questions().receive(data) == ()


def test_limits() -> None:
    asked = questions()
    relates = identity(asked.messages[0])
    small = "<d:ProbeMatch><d:Scopes>" + "x " * 90 + "</d:Scopes></d:ProbeMatch>"
    found = asked.receive(MATCH.format(relates=relates, matches=small * 40).encode())
    assert len(found) == 16
    assert len(found[0].scopes) == 64
    one = MATCH.format(relates=relates, matches=small).encode()
    assert sum(len(asked.receive(one)) for _ in range(9000)) == 8191
