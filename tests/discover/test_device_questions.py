"""Two questions to a device, with each login, in transcripts."""

import re
from datetime import UTC, datetime

import pytest

from transcoder.discover.device_questions import DeviceQuestions, LoginRefused
from transcoder.discover.http_answer import HttpAnswer
from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.auth import Credentials

# The example of the ONVIF Application Programmer's Guide, section 6.1.1.3.
NONCE = bytes.fromhex("2caa88e86fc08a428242b374cea64596")
NOW = datetime(2010, 9, 16, 7, 50, 45, tzinfo=UTC).timestamp()
LOGIN = Credentials(username="user", password="userpassword")
DIGEST = "tuOSpGlFlIXsozq4HFNeeGeFLEI="

INFORMATION = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:t='
    '"http://www.onvif.org/ver10/device/wsdl"><s:Body><t:GetDeviceInformationResponse><t:Manufacturer>HIKVISION'
    "</t:Manufacturer><t:Model>DS-2CD2032-I</t:Model><t:FirmwareVersion>V5.4.5 build 170123</t:FirmwareVersion>"
    "<t:SerialNumber>DS-2CD2032-I20150101</t:SerialNumber><t:HardwareId>88</t:HardwareId>"
    "</t:GetDeviceInformationResponse></s:Body></s:Envelope>"
)
SCOPES = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:t="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body><t:GetScopesResponse>'
    "<t:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>onvif://www.onvif.org/type/video_encoder</tt:ScopeItem></t:Scopes>"
    "<t:Scopes><tt:ScopeItem>onvif://www.onvif.org/name/North%20gate</tt:ScopeItem></t:Scopes>"
    "<t:Scopes><tt:ScopeItem>onvif://www.onvif.org/location/city/harbour</tt:ScopeItem></t:Scopes>"
    "</t:GetScopesResponse></s:Body></s:Envelope>"
)
FAULT = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value>'
    "<e:Subcode><e:Value>{}</e:Value></e:Subcode></e:Code><e:Reason><e:Text>{}</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>"
)
REFUSAL = FAULT.format("ter:NotAuthorized", "The action requested requires authorization")
CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'


def answer(body: str, status: int = 200, fields: str = "") -> HttpAnswer:
    found = HttpAnswer()
    data = body.encode()
    found.receive_data(f"HTTP/1.1 {status} x\r\n{fields}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    assert found.is_complete
    return found


def questions(credentials: Credentials | None = LOGIN) -> DeviceQuestions:
    return DeviceQuestions("192.0.2.7:80", "/onvif/device_service", credentials, "c0ffee", (NONCE, b"y" * 16))


def test_a_device_that_wants_no_login() -> None:
    asked = questions(None)
    first = asked.request(NOW)
    assert first.startswith(b"POST /onvif/device_service HTTP/1.1\r\nHost: 192.0.2.7:80\r\n")
    assert b"<tds:GetDeviceInformation/>" in first
    length = re.search(rb"Content-Length: (\d+)", first)
    assert length is not None
    assert int(length[1]) == len(first.partition(b"\r\n\r\n")[2])
    asked.receive_answer(answer(INFORMATION, fields="Server: App-webs/\r\n"), NOW)
    assert b"<tds:GetScopes/>" in asked.request(NOW)
    asked.receive_answer(answer(SCOPES), NOW)
    assert asked.is_done
    told = asked.information
    assert (told.manufacturer, told.model, told.firmware) == ("HIKVISION", "DS-2CD2032-I", "V5.4.5 build 170123")
    assert (told.serial, told.hardware, told.server) == ("DS-2CD2032-I20150101", "88", "App-webs/")
    assert (told.name, told.location) == ("North gate", "city/harbour")


def test_nobody_is_shown_a_login_that_is_not_asked_for() -> None:
    first = questions().request(NOW)
    assert b"UsernameToken" not in first
    assert b"Authorization" not in first
    assert b"user" not in first.lower()


def test_a_token_of_ws_security() -> None:
    asked = questions()
    asked.request(NOW)
    asked.receive_answer(answer(REFUSAL, 400), NOW)
    again = asked.request(NOW).decode()
    assert f'#PasswordDigest">{DIGEST}<' in again
    assert ">LKqI6G/AikKCQrN0zqZFlg==<" in again
    assert ">2010-09-16T07:50:45Z<" in again
    assert "userpassword" not in again
    asked.receive_answer(answer(INFORMATION), NOW)
    other = asked.request(NOW).decode()
    assert "PasswordDigest" in other
    assert "LKqI6G/AikKCQrN0zqZFlg==" not in other  # a nonce is used once


def test_a_token_is_dated_by_the_clock_of_the_device() -> None:
    asked = questions()
    asked.receive_answer(answer(REFUSAL, 401, "Date: Sat, 01 Jan 2000 00:00:10 GMT\r\n"), NOW)
    assert b">2000-01-01T00:00:10Z<" in asked.request(NOW)


def test_http_digest() -> None:
    asked = questions()
    asked.receive_answer(answer("", 401, CHALLENGE), NOW)
    again = asked.request(NOW).decode()
    assert 'Authorization: Digest username="user", realm="r", nonce="n", uri="/onvif/device_service"' in again
    assert "UsernameToken" not in again
    asked.receive_answer(answer(INFORMATION), NOW)
    asked.receive_answer(answer("", 401, CHALLENGE.replace('"n"', '"m"')), NOW)  # the nonce was good once
    assert 'nonce="m"' in asked.request(NOW).decode()
    asked.receive_answer(answer(SCOPES), NOW)
    assert asked.is_done


def test_the_password_is_never_sent_in_clear() -> None:
    asked = questions()
    asked.receive_answer(answer("", 401, 'WWW-Authenticate: Basic realm="r"\r\n'), NOW)
    again = asked.request(NOW).decode()
    assert "Basic" not in again
    assert "PasswordDigest" in again


@pytest.mark.parametrize(
    "refusal", [answer(REFUSAL, 400), answer("", 401, CHALLENGE), answer("", 401), answer("", 403)]
)
def test_a_login_is_tried_once(refusal: HttpAnswer) -> None:
    asked = questions()
    asked.receive_answer(refusal, NOW)
    with pytest.raises(LoginRefused, match="user name or the password"):
        asked.receive_answer(refusal, NOW)
    with pytest.raises(LoginRefused, match="wants a login"):
        questions(None).receive_answer(refusal, NOW)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no XML",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "<a/>",
        SCOPES,  # the answer to another question
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"/>',
        "<a>" * 40 + "</a>" * 40,
        "<a>" + "<b/>" * 2000 + "</a>",
        FAULT.format("ter:ActionNotSupported", "not here\x07"),
    ],
)
def test_answers_that_are_none(body: str) -> None:
    with pytest.raises(RemoteProtocolError):
        questions().receive_answer(answer(body), NOW)


def test_a_device_with_ten_thousand_scopes() -> None:
    asked = questions(None)
    asked.receive_answer(answer(INFORMATION), NOW)
    item = "<t:Scopes><tt:ScopeItem>x</tt:ScopeItem></t:Scopes>"
    many = SCOPES.replace("<t:Scopes>", item * 200 + "<t:Scopes>", 1)
    asked.receive_answer(answer(many), NOW)
    assert len(asked.scopes) == 64


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -2359", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_clock_that_shows_no_time_of_this_century_is_not_followed(date: str) -> None:
    asked = questions()
    asked.receive_answer(answer("", 401, f"Date: {date}\r\n"), NOW)
    today = datetime.fromtimestamp(NOW, UTC).date().isoformat()
    assert f"<wsu:Created>{today}T".encode() in asked.request(NOW)
