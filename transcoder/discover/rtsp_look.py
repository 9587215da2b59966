"""A look at one port: OPTIONS, then DESCRIBE without a login, until the device has shown what it is. Sans-IO.

Nothing is set up and nothing is pulled. A device that wants a login is asked no further: its realm is a mark by itself.
"""

import contextlib
from dataclasses import dataclass
from typing import Final

from transcoder.assets.tables import maker_named, url_templates
from transcoder.errors import RemoteProtocolError, SdpSyntaxError
from transcoder.product import NAME
from transcoder.rtsp.auth import parse_parameters
from transcoder.rtsp.fingerprint import CameraMarks, guess_family
from transcoder.rtsp.messages import Headers, Request, Response, RtspParser, serialize_request
from transcoder.sdp import SessionDescription, parse_sdp

MAX_DESCRIBES: Final = 12
"""Paths that are tried, at most: those of the makers whose paths are known, and the root."""
MAX_BYTES: Final = 64 << 10
"""Bytes that are read of one device; all answers together have some 5 kB."""
MAX_FIELDS: Final = 64
_WANTS_LOGIN: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspSeen:
    """Holds what a device showed at one port.

    Attributes:
        port: the port.
        marks: its marks.
        wants_login: whether it describes nothing without a login.
        path: the path that it described, "" for none.
    """

    port: int
    marks: CameraMarks
    wants_login: bool = False
    path: str = ""


class RtspLook:
    """Looks at one port.

    Args:
        host: the address.
        port: the port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._port = port
        self._base = f"rtsp://[{host}]:{port}" if ":" in host else f"rtsp://{host}:{port}"
        self._parser = RtspParser()
        self._received = 0
        self._requests = 0
        self._paths = ["/", *(path for path in _known_paths() if path != "/")]
        self._path = ""
        self._tried: list[str] = []
        self._fields: list[tuple[str, str]] = []
        self._description: SessionDescription | None = None
        self._described = ""
        self._wants_login = False
        self._is_rtsp = False
        self.is_done = False

    def request(self) -> bytes:
        """Return the next request."""
        self._requests += 1
        method = "OPTIONS" if self._requests == 1 else "DESCRIBE"
        if method == "DESCRIBE":
            self._path = self._next_path()
            self._tried.append(self._path)
        headers = Headers([("CSeq", str(self._requests)), ("User-Agent", NAME)])
        if method == "DESCRIBE":
            headers.add("Accept", "application/sdp")
        return serialize_request(Request(method=method, uri=f"{self._base}{self._path or '/'}", headers=headers))

    def receive_data(self, data: bytes) -> bool:
        """Take data of the connection.

        Returns:
            Whether the latest request is answered: then the next one goes, or the look is done.
        """
        self._received += len(data)
        try:
            self._parser.receive_data(data)
            event = self._parser.next_event()
            while event is not None and not isinstance(event, Response):
                event = self._parser.next_event()
        except RemoteProtocolError:
            self.is_done = True
            return True
        if event is None:
            if self._received > MAX_BYTES:
                self.is_done = True
            return self.is_done
        self._answered(event)
        return True

    def seen(self) -> RtspSeen | None:
        """Return what the device showed, None where it speaks no RTSP."""
        if not self._is_rtsp:
            return None
        return RtspSeen(port=self._port, marks=self._marks(), wants_login=self._wants_login, path=self._described)

    def _answered(self, response: Response) -> None:
        self._is_rtsp = True
        room = MAX_FIELDS - len(self._fields)
        self._fields += [each for each in response.headers if each not in self._fields][: max(room, 0)]
        if self._received > MAX_BYTES or response.status in _WANTS_LOGIN:
            self._wants_login = response.status in _WANTS_LOGIN
            self.is_done = True
        elif self._requests > 1 and response.status == 200:
            with contextlib.suppress(SdpSyntaxError):
                self._description, self._described = parse_sdp(response.body), self._path
            self.is_done = self._description is not None or self._is_exhausted
        else:
            self.is_done = self._is_exhausted

    @property
    def _is_exhausted(self) -> bool:
        return len(self._tried) >= min(MAX_DESCRIBES, len(self._paths))

    def _next_path(self) -> str:
        """Return a path that was not tried, that of the maker first whom the marks speak for."""
        maker = maker_named(guess_family(self._marks()).maker)
        wanted = url_templates().get(maker.name) if maker is not None else None
        first = _path(wanted) if wanted is not None else ""
        left = [path for path in self._paths if path not in self._tried]
        return first if first in left else left[0]

    def _marks(self) -> CameraMarks:
        def values(name: str) -> tuple[str, ...]:
            return tuple(value for field, value in self._fields if field.lower() == name)

        realms = [parse_parameters(value).get("realm", "") for value in values("www-authenticate")]
        # the path was guessed here, and a device that repeats it in Content-Base has given no mark of its own
        return CameraMarks(
            description=self._description,
            servers=values("server"),
            realms=tuple(realm for realm in dict.fromkeys(realms) if realm),
            header_names=frozenset(name for name, _ in self._fields),
            guessed=self._described,
        )


def _known_paths() -> list[str]:
    return list(dict.fromkeys(_path(template) for template in url_templates().values()))


def _path(template: str) -> str:
    return template.format(channel=1)
