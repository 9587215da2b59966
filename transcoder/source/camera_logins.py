"""Cameras that have asked for Digest are remembered, because a password in clear is worth waiting for.

Whoever stands between the gateway and a camera can ask for Basic, and reads the password in the answer. A camera that
has only ever asked for Basic gets it; one that has asked for Digest before does not, until somebody accepts that.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from transcoder.rtsp.auth import PastOffers
from transcoder.rtsp.urls import RtspUrl

MAX_LOGINS: Final = 10_000
"""The largest number of hosts that are remembered; the one that was learned of first is forgotten."""


class CameraLogins:
    """Remembers by host and port which cameras have asked for Digest.

    Attributes:
        has_changed: whether a host was learned of or forgotten since changes() was called last.
    """

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self.has_changed = False

    def of(self, url: RtspUrl) -> "CameraLogin":
        """Return the memory of one camera.

        Args:
            url: the URL in the configuration: a redirect and a tunnel stay the same camera.
        """
        return CameraLogin(self, _name(url))

    def knows(self, name: str) -> bool:
        """Return whether the camera of this name has asked for Digest."""
        return name in self._known

    def learn(self, name: str) -> None:
        """Remember that the camera of this name has asked for Digest."""
        if name in self._known:
            return
        while len(self._known) >= MAX_LOGINS:
            del self._known[next(iter(self._known))]
        self._known[name] = None
        self.has_changed = True

    def accept(self, url: RtspUrl) -> None:
        """Take the next login that the camera asks for, whichever it is."""
        name = _name(url)
        if name in self._known:
            del self._known[name]
            self.has_changed = True

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take up what was kept; entries that can't be read are left out."""
        for name, value in kept.items():
            if isinstance(value, Mapping) and value.get("login") == _DIGEST and len(self._known) < MAX_LOGINS:
                self._known[name] = None

    def changes(self) -> Mapping[str, Any]:
        """Return every camera that is remembered, to be kept."""
        self.has_changed = False
        return {name: {"login": _DIGEST} for name in self._known}


_DIGEST: Final = "digest"


@dataclass(frozen=True, slots=True)
class CameraLogin(PastOffers):
    """Remembers whether one camera has asked for Digest.

    Attributes:
        logins: the memory of all cameras.
        name: the camera's name in it.
    """

    logins: CameraLogins
    name: str

    @property
    @override
    def is_digest_known(self) -> bool:
        return self.logins.knows(self.name)

    @override
    def note_digest(self) -> None:
        self.logins.learn(self.name)


def _name(url: RtspUrl) -> str:
    """Return a name for a camera's server that does not tell its address."""
    return hashlib.sha256(f"login\n{url.host}\n{url.port}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
