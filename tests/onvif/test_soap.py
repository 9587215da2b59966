"""Requests are told by their body alone, and what is no request costs little and is told why."""

import encodings
from xml.etree import ElementTree as ET

import pytest

from tests.support.onvif_world import NODE_ONVIF, NPM_ONVIF, ZEEP, device, envelope
from transcoder.onvif import namespaces, soap
from transcoder.onvif.faults import Fault
from transcoder.onvif.markup import element
from transcoder.onvif.namespaces import DEVICE

BOMB = """<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><x>&b;</x></s:Body></s:Envelope>"""
EXTERNAL = """<?xml version="1.0"?><!DOCTYPE z [<!ENTITY e SYSTEM "file:///etc/passwd">]>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><x>&e;</x></s:Body></s:Envelope>"""

MANY = [f"a{number}=''" for number in range(40)]


@pytest.mark.parametrize("text", [NPM_ONVIF, NODE_ONVIF, ZEEP], ids=["npm onvif", "node-onvif", "zeep"])
def test_requests_of_clients_are_read(text: str) -> None:
    request = soap.parse_request(text.encode())
    assert (request.namespace, request.name) == (DEVICE, "GetDeviceInformation")
    assert request.security is not None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_any_encoding_that_xml_names_is_read(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + envelope(device("GetHostname")).decode()
    assert soap.parse_request(text.encode(encoding)).name == "GetHostname"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_names_of_encodings_are_not_kept(encoding: str) -> None:
    before = set(encodings._cache)  # where Python keeps every name that it looked for
    for number in range(4):
        name = f"{'long' * 20}-{encoding}-{number}"
        with pytest.raises(Fault, match="encoding is not read here"):
            soap.parse_request(f'<?xml version="1.0" encoding="{name}"?><a/>'.encode(encoding))
    assert not {each for each in set(encodings._cache) - before if each.startswith("long")}


def test_soap_1_1_is_read() -> None:
    old = envelope(device("GetHostname")).replace(namespaces.SOAP.encode(), namespaces.SOAP_1_1.encode())
    assert soap.parse_request(old).name == "GetHostname"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no well-formed XML"),
        (b"GET / HTTP/1.1", "no well-formed XML"),
        (BOMB.encode(), "document type"),
        (EXTERNAL.encode(), "document type"),
        (BOMB.encode("utf-16"), "document type"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "no well-formed XML"),
        (b"\xff\xfe\x00\x00", "no well-formed XML"),
        (envelope("\x00"), "no well-formed XML"),
        (envelope("<a>" * 40 + "</a>" * 40), "too many elements"),
        (envelope("<a>" + "<b/>" * 2000 + "</a>"), "too many elements"),
        (envelope(f"<a {' '.join(MANY)}/>"), "too many elements"),
        (envelope(" "), "no body"),
        (b"<html><body/></html>", "no SOAP envelope"),
        (b"x" * (soap.MAX_BODY + 1), "more than 16384 bytes"),
        (b'<Envelope xmlns="http://www.w3.org/2001/12/soap-envelope"><Body/></Envelope>', "no version of SOAP"),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Fault, match=reason):
        soap.parse_request(body)


def test_what_stands_in_an_answer_is_escaped() -> None:
    hostile = '"><x/>&\x00\ud800]]>'
    tree = ET.fromstring(soap.envelope(element("tds:A", hostile, attributes={"b": hostile})))  # noqa: S314
    (answer,) = tree.iter(f"{{{DEVICE}}}A")
    assert (answer.text, answer.get("b"), len(answer)) == ('"><x/>&??]]>', '"><x/>&??]]>', 0)


def test_an_answer_begins_with_its_declaration_and_answers_the_addresses() -> None:
    addressing = 'xmlns:a="http://www.w3.org/2005/08/addressing"'
    header = f"<a:Action {addressing}>urn:PullMessagesRequest</a:Action><a:MessageID {addressing}>urn:7</a:MessageID>"
    request = soap.parse_request(envelope(device("GetHostname"), header))
    answer = soap.envelope(element("tds:A"), request).decode()
    assert answer.startswith("<?xml ")
    assert "<a:Action>urn:PullMessagesResponse</a:Action><a:RelatesTo>urn:7</a:RelatesTo>" in answer
