"""Cameras that speak TLS are known by their keys, because their certificates are self-signed.

The key is learned on first use, as SSH does it, and kept. A camera that shows another key later is not talked to until
somebody accepts the new key: it was set up anew, or somebody else answers in its place.

Source: RFC 5280 section 4.1 (certificate); RFC 7469 section 2.4 (fingerprint of the public key).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from transcoder.errors import KeyNotTrusted
from transcoder.rtsp.urls import RtspUrl

MAX_KEYS: Final = 10_000
"""The largest number of keys that are remembered; the one that was learned first is forgotten."""
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """Says how a camera proves over TLS that it is itself.

    Attributes:
        verify: "pin": by its key, which is learned on first use; "ca": by a certificate that an authority of this
            machine vouches for; "none": not at all.
        fingerprint: the SHA-256 of its certificate or of its key, in hexadecimal digits; then nothing is learned.
        old_ciphers: whether TLS before 1.2 and ciphers that are broken by now may be used.
    """

    verify: Literal["pin", "ca", "none"] = "pin"
    fingerprint: str = ""
    old_ciphers: bool = False


def fingerprints(certificate: bytes) -> tuple[str, str]:
    """Return the SHA-256 of a certificate, and that of the public key in it.

    Raises:
        KeyNotTrusted: the certificate, DER, can't be read.
    """
    try:
        at, _ = _content(certificate, 0)
        at, _ = _content(certificate, at)
        skipped = 6 if certificate[at] == _VERSION else 5  # serial number, algorithm, issuer, validity, subject
        for _ in range(skipped):
            _, at = _content(certificate, at)
        _, end = _content(certificate, at)
    except (IndexError, ValueError):
        raise KeyNotTrusted("the camera's certificate can't be read") from None
    return hashlib.sha256(certificate).hexdigest(), hashlib.sha256(certificate[at:end]).hexdigest()


_VERSION: Final = 0xA0
"""The tag of a certificate's version, which may be missing."""


def _content(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the DER element at a place begins, and where the element ends (X.690 section 8.1)."""
    length, begin = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise ValueError("no definite length")
        length, begin = int.from_bytes(data[begin : begin + size]), begin + size
    if begin + length > len(data):
        raise ValueError("the element is cut off")
    return begin, begin + length


class CameraKeys:
    """Remembers the key of each camera that was talked to over TLS.

    Attributes:
        has_changed: whether a key was learned or forgotten since changes() was called last.
        latest: the fingerprint of the key that was shown last, for a report.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self.has_changed = False
        self.latest = ""

    def check(self, options: TlsOptions, url: RtspUrl, certificate: bytes) -> None:
        """Check the certificate that a camera showed; learn its key where it is the first one.

        Raises:
            KeyNotTrusted: the key is another one than the one that is known.
        """
        of_certificate, of_key = fingerprints(certificate)
        self.latest = of_key
        if options.fingerprint:
            if options.fingerprint not in {of_certificate, of_key}:
                raise KeyNotTrusted("the camera's certificate is not that of source.tls.fingerprint", of_key)
            return
        if options.verify != "pin":
            return
        name = _name(url)
        known = self._known.get(name)
        if known is None:
            while len(self._known) >= MAX_KEYS:
                oldest = next(iter(self._known))
                del self._known[oldest]
                self._refused.pop(oldest, None)
            self._known[name] = of_key
            self.has_changed = True
        elif known != of_key:
            self._refused[name] = of_key
            raise KeyNotTrusted(
                "the camera shows another TLS key than before: it was set up anew, or another device answers in its"
                " place; accept the key if you know why",
                of_key,
            )

    def accept(self, url: RtspUrl) -> None:
        """Take the key that was refused last for the camera's, or, where none was, learn the next one."""
        name = _name(url)
        refused = self._refused.pop(name, None)
        if refused is not None:
            self._known[name] = refused
            self.has_changed = True
        elif self._known.pop(name, None) is not None:
            self.has_changed = True

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take up what was kept; entries that can't be read are left out."""
        for name, value in list(kept.items())[-MAX_KEYS:]:
            key = value.get("tls_key") if isinstance(value, Mapping) else None
            if isinstance(key, str) and _FINGERPRINT.fullmatch(key):
                self._known[name] = key

    def changes(self) -> Mapping[str, Any]:
        """Return every key that is remembered, to be kept."""
        self.has_changed = False
        return {name: {"tls_key": key} for name, key in self._known.items()}


def _name(url: RtspUrl) -> str:
    """Return a name for a camera's TLS server that does not tell its address."""
    return hashlib.sha256(f"tls\n{url.host}\n{url.port}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
