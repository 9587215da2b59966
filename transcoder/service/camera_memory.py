"""The memory of cameras keeps what connections have taught, over a restart of the gateway too."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from transcoder.rtsp.urls import RtspUrl
from transcoder.service.device_numbers import DeviceNumbers
from transcoder.service.last_seen import LastSeen
from transcoder.service.output_memory import OutputMemory
from transcoder.source.camera_keys import CameraKeys
from transcoder.source.camera_logins import CameraLogins
from transcoder.source.options import SessionOptions
from transcoder.source.reconnection import TRANSPORTS, Learned

MAX_CAMERAS: Final = 10_000
"""The largest number of cameras that are remembered; the one that was learned of first is forgotten."""


def camera_key(options: SessionOptions) -> str:
    """Return a name for a camera's stream and its user that tells nothing of either.

    The password is not in it: who reads the memory could try passwords against it.
    """
    user = options.credentials.username if options.credentials is not None else ""
    return hashlib.sha256(f"{options.url}\n{user}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


class CameraMemory:
    """Remembers what was learned of each camera.

    Attributes:
        keys: the keys of cameras that speak TLS.
        logins: the cameras that have asked for Digest.
        outputs: what the readers of each output were told.
        devices: the numbers of the streams' own devices, which VMSs know them by.
        last_seen: when readers last saw each camera.
    """

    def __init__(self) -> None:
        self._learned: dict[str, Learned] = {}
        self._has_changed = False
        self.keys = CameraKeys()
        self.logins = CameraLogins()
        self.outputs = OutputMemory()
        self.devices = DeviceNumbers()
        self.last_seen = LastSeen()
        self._parts = (self.keys, self.logins, self.devices, self.outputs, self.last_seen)

    @property
    def has_changed(self) -> bool:
        """Return whether anything was learned since changes() was called last."""
        return self._has_changed or any(part.has_changed for part in self._parts)

    def accept(self, url: RtspUrl) -> None:
        """Accept that a camera proves itself, or has us prove ourselves, in another way than before."""
        self.keys.accept(url)
        self.logins.accept(url)

    def forget(self, stream: str) -> None:
        """Forget a stream that is removed: the next one of that name may be of another camera."""
        self.outputs.forget(stream)
        self.last_seen.forget(stream)

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take up what was kept; entries that can't be read are left out."""
        for part in self._parts:
            part.load(kept)
        for key, value in list(kept.items())[-MAX_CAMERAS:]:
            if not isinstance(value, Mapping):
                continue
            transport, logged_in = value.get("transport"), value.get("logged_in")
            if (transport == "" or transport in TRANSPORTS) and isinstance(logged_in, bool):
                self._learned[str(key)] = Learned(transport=str(transport), logged_in=logged_in)

    def recall(self, options: SessionOptions) -> Learned:
        """Return what was learned of a camera before."""
        return self._learned.get(camera_key(options), Learned())

    def note(self, options: SessionOptions, learned: Learned) -> None:
        """Note what is known of a camera now."""
        key = camera_key(options)
        if learned == Learned() or self._learned.get(key) == learned:
            return
        self._learned.pop(key, None)
        while len(self._learned) >= MAX_CAMERAS:
            del self._learned[next(iter(self._learned))]
        self._learned[key] = learned
        self._has_changed = True

    def changes(self) -> Mapping[str, Any]:
        """Return everything that is remembered, to be kept."""
        self._has_changed = False
        learned = {key: asdict(learned) for key, learned in self._learned.items()}
        return learned | {key: value for part in self._parts for key, value in part.changes().items()}
