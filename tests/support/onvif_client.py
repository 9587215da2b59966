"""A small client of ONVIF, which logs in with tokens of WS-Security as the clients of VMSs do."""

import base64
import hashlib
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from transcoder.onvif import namespaces

SOAP = "http://www.w3.org/2003/05/soap-envelope"


def token(user: str, password: str) -> str:
    """A header as clients make it (WS-Security UsernameToken Profile 1.1 section 3.1)."""
    nonce, created = os.urandom(16), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = hashlib.sha1(nonce + created.encode() + password.encode()).digest()  # noqa: S324  # as the profile has it
    digest = base64.b64encode(signed).decode()
    return (
        f'<w:Security xmlns:w="{namespaces.SECURITY}" xmlns:u="{namespaces.UTILITY}"><w:UsernameToken>'
        f"<w:Username>{user}</w:Username>"
        f'<w:Password Type="{namespaces.USERNAME_TOKEN}#PasswordDigest">{digest}</w:Password>'
        f"<w:Nonce>{base64.b64encode(nonce).decode()}</w:Nonce><u:Created>{created}</u:Created>"
        "</w:UsernameToken></w:Security>"
    )


class OnvifClient:
    """Asks one device.

    Args:
        port: the device's port on loopback.
        user: a user.
        password: the user's password.
    """

    def __init__(self, port: int, user: str, password: str) -> None:
        self._service = f"http://127.0.0.1:{port}/onvif/device_service"
        self._login = (user, password)
        self._subscription = ""

    def media(self, operation: str, inner: str = "") -> Element:
        return self._ask(self._service, namespaces.MEDIA, operation, inner)

    def subscribe(self) -> None:
        answer = self._ask(self._service, namespaces.EVENTS, "CreatePullPointSubscription", "")
        self._subscription = answer.findtext(f".//{{{namespaces.ADDRESSING}}}Address", "")

    def pull(self) -> list[str]:
        """Topics and states, once there are any, or after five seconds."""
        answer = self._ask(self._subscription, namespaces.EVENTS, "PullMessages", "<t:Timeout>PT5S</t:Timeout>")
        topics = [each.text or "" for each in answer.iter(f"{{{namespaces.NOTIFICATION}}}Topic")]
        data = [each[0].get("Value", "") for each in answer.iter(f"{{{namespaces.SCHEMA}}}Data")]
        return [f"{topic} {state}" for topic, state in zip(topics, data, strict=True)]

    def _ask(self, url: str, namespace: str, operation: str, inner: str) -> Element:
        body = (
            f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{token(*self._login)}</s:Header><s:Body>'
            f'<t:{operation} xmlns:t="{namespace}">{inner}</t:{operation}></s:Body></s:Envelope>'
        )
        request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/soap+xml"})  # noqa: S310  # our own
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return ET.fromstring(answer.read())  # noqa: S314
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None
