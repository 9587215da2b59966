"""A device is asked over ONVIF what it is, by GetDeviceInformation and GetScopes, each answered once. Sans-IO.

The first question goes without a login, so that nobody is shown one who does not ask for it. A device that refuses
gets the login in the way that it asks for: HTTP Digest, or a user name token of WS-Security with a digest, never the
password itself. Nothing else is asked: there is firmware that starts anew for a question too many.

Source: ONVIF Core Specification sections 5.9 (login), 8.3.1 (GetDeviceInformation), 8.3.11 (GetScopes); WS-Security
UsernameToken Profile 1.1.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from transcoder.assets.makers import DeviceInformation, scope_value
from transcoder.discover.http_answer import HttpAnswer
from transcoder.errors import RemoteProtocolError, TranscoderError
from transcoder.onvif.faults import Fault
from transcoder.onvif.markup import Markup, element
from transcoder.onvif.namespaces import DEVICE, SECURITY, SOAP, USERNAME_TOKEN, UTILITY
from transcoder.onvif.soap import argument, argument_text, parse_tree
from transcoder.rtsp.auth import Authenticator, Credentials, parse_challenges
from transcoder.text import printable

QUESTIONS: Final = ("GetDeviceInformation", "GetScopes")
MAX_SCOPES: Final = 64
"""Scopes that are looked at; devices have up to forty."""
MAX_REASON: Final = 120
"""Characters of a device's reason that are shown."""
FARTHEST_S: Final = 100 * 365.25 * 86_400
"""Seconds by which a device's clock may be off and is followed: back to 1970, where one without a battery starts. What
is farther is no clock, and may be no day of the calendar in UTC, which years 1 to 9999 are."""
MAX_SKEW_S: Final = 5.0
"""Seconds by which a device's clock may be off before a token is dated by its clock; devices take a few seconds."""
_BASE64: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


class LoginRefused(TranscoderError):  # noqa: N818  # it reads as the event it is
    """A device refused the login, or wants one and there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Holds what a user name token is made of, beside the login.

    Attributes:
        nonce: random bytes, used once.
        created: the time of the token, UTC.
    """

    nonce: bytes
    created: datetime


class DeviceQuestions:
    """Asks one device, one request after another, each over a connection of its own.

    Args:
        host: host and port as the Host field has them.
        path: the path of the device service.
        credentials: the login, None for none.
        cnonce: a random token, for Digest.
        nonces: random bytes of 16 or more, one for each question: for WS-Security.

    Attributes:
        scopes: the scopes of the device, with their escapes resolved.
    """

    def __init__(
        self, host: str, path: str, credentials: Credentials | None, cnonce: str, nonces: tuple[bytes, bytes]
    ) -> None:
        self._host, self._path = host, path
        self._credentials = credentials
        self._digest = Authenticator(credentials, cnonce) if credentials is not None else None
        self._nonces = nonces
        self._asked = 0
        self._login = ""
        self._logged_in_at = -1
        self._skew_s = 0.0
        self._texts: dict[str, str] = {}
        self._server = ""
        self.scopes: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Return whether both questions were answered."""
        return self._asked == len(QUESTIONS)

    @property
    def information(self) -> DeviceInformation:
        """Return what the device told."""
        return DeviceInformation(
            manufacturer=self._texts.get("Manufacturer", ""),
            model=self._texts.get("Model", ""),
            firmware=self._texts.get("FirmwareVersion", ""),
            serial=self._texts.get("SerialNumber", ""),
            hardware=self._texts.get("HardwareId", ""),
            server=self._server,
            name=scope_value(self.scopes, "name"),
            location=scope_value(self.scopes, "location"),
            mac=scope_value(self.scopes, "mac"),
        )

    def request(self, now: float) -> bytes:
        """Return the next request.

        Args:
            now: UTC seconds, which a token is dated by.
        """
        name = QUESTIONS[self._asked]
        security: Markup | None = None
        fields = [
            f"POST {self._path} HTTP/1.1",
            f"Host: {self._host}",
            f'Content-Type: application/soap+xml; charset=utf-8; action="{DEVICE}/{name}"',
            "Connection: close",
        ]
        if self._login == "wsse" and self._credentials is not None:
            created = datetime.fromtimestamp(now + self._skew_s, UTC)
            security = _security(self._credentials, Token(nonce=self._nonces[self._asked], created=created))
        if self._login == "digest" and self._digest is not None:
            fields.append(f"Authorization: {self._digest.authorization('POST', self._path)}")
        body = _envelope(element(f"tds:{name}"), security)
        fields.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*fields, "", ""]).encode("latin-1", "replace") + body

    def receive_answer(self, answer: HttpAnswer, now: float) -> None:
        """Take the answer to the latest request.

        Args:
            answer: the answer, complete.
            now: UTC seconds.

        Raises:
            LoginRefused: the device refuses the login, or wants one and there is none.
            RemoteProtocolError: the answer is none to the question.
        """
        self._server = answer.headers.get("Server") or self._server
        if answer.status in {401, 403}:
            self._log_in(answer, now)
            return
        body = _body(answer)
        fault = _fault(body)
        if fault is not None:
            if _is_refusal(fault):
                self._log_in(answer, now)
                return
            raise RemoteProtocolError(f"the device refuses {QUESTIONS[self._asked]}: {_reason(fault)}")
        name = f"{QUESTIONS[self._asked]}Response"
        response = argument(body, name)
        if response is None:
            raise RemoteProtocolError(f"the answer of status {answer.status} is no {name}")
        if self._asked == 0:
            names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
            self._texts = {each: argument_text(response, each) for each in names}
        else:
            items = [each for each in response if each.tag.rpartition("}")[2] == "Scopes"][:MAX_SCOPES]
            self.scopes = tuple(unquote(argument_text(each, "ScopeItem")) for each in items)
        self._asked += 1

    def _log_in(self, answer: HttpAnswer, now: float) -> None:
        """Choose the login that the device asks for.

        Raises:
            LoginRefused: there is no login, or it was refused.
        """
        if self._digest is None:
            raise LoginRefused("the device wants a login")
        if self._login == "wsse" or self._logged_in_at == self._asked:
            raise LoginRefused("the device refuses the user name or the password")
        self._logged_in_at = self._asked  # a nonce may have become old by the second question
        challenges = parse_challenges(answer.headers.get_all("WWW-Authenticate"))
        offered = [challenge for challenge in challenges if challenge.scheme == "Digest"]
        if offered and self._digest.accept(offered):
            self._login = "digest"
            return
        # Basic would be the password in clear: a token shows a digest of it
        self._login = "wsse"
        skew_s = _skew(answer, now)
        self._skew_s = skew_s if abs(skew_s) > MAX_SKEW_S else 0.0


def _envelope(body: Markup, security: Markup | None) -> bytes:
    header = element("s:Header", security) if security is not None else ""
    bound = f' xmlns:s="{SOAP}" xmlns:tds="{DEVICE}"'
    whole = f"<s:Envelope{bound}>{header}{element('s:Body', body)}</s:Envelope>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'.encode()


def _security(credentials: Credentials, token: Token) -> Markup:
    created = token.created.strftime("%Y-%m-%dT%H:%M:%SZ")
    secret = token.nonce + created.encode() + credentials.password.encode()
    digest = base64.b64encode(hashlib.sha1(secret, usedforsecurity=False).digest()).decode()  # the profile's hash
    nonce = base64.b64encode(token.nonce).decode()
    return element(
        "wsse:Security",
        element(
            "wsse:UsernameToken",
            element("wsse:Username", credentials.username),
            element("wsse:Password", digest, attributes={"Type": f"{USERNAME_TOKEN}#PasswordDigest"}),
            element("wsse:Nonce", nonce, attributes={"EncodingType": _BASE64}),
            element("wsu:Created", created),
        ),
        attributes={"xmlns:wsse": SECURITY, "xmlns:wsu": UTILITY, "s:mustUnderstand": "1"},
    )


def _body(answer: HttpAnswer) -> Element:
    """Return the body of an envelope.

    Raises:
        RemoteProtocolError: the answer is no SOAP.
    """
    try:
        root = parse_tree(answer.body)
    except Fault:
        raise RemoteProtocolError(f"the answer of status {answer.status} is no SOAP that can be read") from None
    body = argument(root, "Body")
    if root.tag.rpartition("}")[2] != "Envelope" or body is None:
        raise RemoteProtocolError(f"the answer of status {answer.status} is no SOAP envelope")
    return body


def _fault(body: Element) -> Element | None:
    return argument(body, "Fault")


def _is_refusal(fault: Element) -> bool:
    code = argument_text(fault, "Code", "Subcode", "Value") or argument_text(fault, "faultcode")
    words = f"{code} {_reason(fault)}".lower().replace(" ", "")
    return any(word in words for word in ("notauthorized", "unauthorized", "failedauthentication", "invalidsecurity"))


def _reason(fault: Element) -> str:
    text = argument_text(fault, "Reason", "Text") or argument_text(fault, "faultstring") or "no reason is given"
    return printable(text, MAX_REASON)


def _skew(answer: HttpAnswer, now: float) -> float:
    """Return by how many seconds the device's clock is ahead; 0 where it does not tell."""
    try:
        told = parsedate_to_datetime(answer.headers.get("Date") or "")
    except (ValueError, TypeError, IndexError):
        return 0.0
    told = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
    try:
        skew_s = told.timestamp() - now
    except (OverflowError, OSError):
        return 0.0
    return skew_s if abs(skew_s) <= FARTHEST_S else 0.0
