"""A dialog with the server core as a transcript: requests go in, answers and events come out. No sockets, no clock."""

import re
from typing import Any

from transcoder.rtsp.server import ServerProtocol
from transcoder.rtsp.server_events import (
    DescribeRequested,
    PlayRequested,
    ServerContext,
    SetupRequested,
)
from transcoder.rtsp.session import (
    ServerOptions,
    ServerSession,
    SessionTable,
)

URL = "rtsp://192.0.2.1:8554/front"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
UDP = "RTP/AVP;unicast;client_port=5000-5001"
SDP = b"v=0\r\n"
ID = "ABCDEFGH12345678"
OPTIONS = ServerOptions()
USERS = {"vms": "pässword", "other": "x"}


class Directory:
    def __init__(
        self, passwords: dict[str, str] | None = None, allowed: tuple[str, ...] = ("front",), tracks: int = 1
    ) -> None:
        self._passwords = passwords or {}
        self._allowed = allowed
        self._tracks = tracks
        self.disabled: set[str] = set()
        self.aliases: dict[str, str] = {}

    def passwords(self) -> dict[str, str]:
        return self._passwords

    def may_read(self, user: str, stream: str) -> bool:
        return stream in self._allowed

    def tracks(self, stream: str) -> int:
        return self._tracks if stream in {"front", "yard"} else 0

    def aliased(self, path: str) -> str | None:
        return self.aliases.get(path)

    def is_disabled(self, stream: str) -> bool:
        return stream in self.disabled


class Answer:
    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.version, status, self.reason = lines[0].split(" ", 2)
        self.status = int(status)
        self.headers = dict(line.split(": ", 1) for line in lines[1:])


class Dialog:
    """A connection whose shell answers every event at once, unless it is told to wait."""

    def __init__(
        self,
        directory: Directory | None = None,
        sessions: SessionTable | None = None,
        options: ServerOptions = OPTIONS,
        udp_ports: tuple[int, int] | None = (8000, 8001),
        base: str = "rtsp://192.0.2.1:8554",
    ) -> None:
        self.sessions = sessions if sessions is not None else SessionTable(options, lambda: ID)
        self.context = ServerContext(
            directory=directory or Directory(), sessions=self.sessions, options=options, udp_ports=udp_ports
        )
        self.core = ServerProtocol(self.context, base=base, nonce="4e6f6e6365", now=0.0)
        self.cseq = 0
        self.now = 0.0
        self.events: list[Any] = []
        self.waits = False

    def text(self, method: str, uri: str = URL, **headers: str) -> bytes:
        self.cseq += 1
        fields = {"CSeq": str(self.cseq), **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {uri} RTSP/1.0\r\n{lines}\r\n".encode()

    def feed(self, data: bytes) -> list[Answer]:
        self.core.receive_data(data, self.now)
        while (event := self.core.next_event()) is not None:
            self.events.append(event)
            if not self.waits:
                self.answer(event)
        out = b"".join(self.core.data_to_send())
        return [Answer(part) for part in re.split(rb"(?=RTSP/1\.0 \d)", out) if part]

    def answer(self, event: object) -> None:
        if isinstance(event, DescribeRequested):
            self.core.respond_description(event, SDP, self.now)
        elif isinstance(event, SetupRequested):
            self.core.accept_setup(event, 0x0000ABCD, self.now)
        elif isinstance(event, PlayRequested):
            self.core.respond_play(event, {0: (4711, 90_000)}, self.now)

    def ask(self, method: str, uri: str = URL, **headers: str) -> Answer:
        answers = self.feed(self.text(method, uri, **headers))
        assert len(answers) == 1
        assert answers[0].headers["CSeq"] == str(self.cseq)
        return answers[0]

    def set_up(self, transport: str = TCP) -> "Dialog":
        assert self.ask("SETUP", f"{URL}/trackID=0", Transport=transport).status == 200
        return self

    def set_up_again(self, transport: str) -> None:
        assert self.ask("SETUP", f"{URL}/trackID=0", Transport=transport, Session=ID).status == 200

    def play(self) -> "Dialog":
        assert self.ask("PLAY").status == 200
        return self

    @property
    def session(self) -> ServerSession:
        found = next((session for session in self.sessions if session.id == ID), None)
        assert found is not None
        return found
