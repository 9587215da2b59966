"""The dialog is the client's side of one RTSP conversation, without sockets and without a clock (RFC 2326)."""

import re

from transcoder.verify.login import Login
from transcoder.verify.messages import Frame, Message, Splitter, Stray
from transcoder.verify.target import Target

_ABSOLUTE = re.compile(r"^rtspu?://[^/?]*", re.IGNORECASE)
_MAX_WAITING = 64
"""The largest number of requests whose answer may still come; older requests are forgotten."""


class Dialog:
    """Makes requests, cuts the server's bytes into messages, and keeps the login, session and base for later requests.

    Args:
        target: the URL to read, and the user to log in as.
        agent: the User-Agent of requests.

    Attributes:
        login: answers the server's challenges.
        base: the URI that stands for all media, and that the URIs of media are relative to.
        session: the id of the session, "" while there is none.
        cseq: the number of the latest request.
        surprises: the number of answers that no request waits for.
    """

    def __init__(self, target: Target, *, agent: str) -> None:
        self._target = target
        self._agent = agent
        self._splitter = Splitter()
        self._waiting: set[int] = set()
        self.login = Login(target.username, target.password)
        self.base = target.uri
        self.session = ""
        self.cseq = 0
        self.surprises = 0

    def request(self, method: str, uri: str, fields: dict[str, str]) -> bytes:
        """Make a request; afterwards `cseq` is its number.

        Args:
            method: the method of the request.
            uri: the URI of the request.
            fields: additional fields; a Session among them goes before the dialog's own.
        """
        self.cseq += 1
        self._waiting = {number for number in self._waiting if number > self.cseq - _MAX_WAITING} | {self.cseq}
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self.cseq}", f"User-Agent: {self._agent}"]
        if self.session and "Session" not in fields:
            lines.append(f"Session: {self.session}")
        if self.login.scheme:
            lines.append(f"Authorization: {self.login.authorization(method, uri)}")
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")

    def receive(self, data: bytes) -> list[Message | Frame | Stray]:
        """Take bytes of the server and return everything that is complete."""
        return self._splitter.feed(data)

    def number_of(self, answer: Message) -> int:
        """Return the number of the request that an answer is to.

        Where no such request waits, the number is 0, and the answer is counted as a surprise.
        """
        text = answer.field("CSeq")
        number = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
        if number not in self._waiting:
            self.surprises += 1
            return 0
        self._waiting.remove(number)
        return number

    def may_try_again(self, answer: Message) -> bool:
        """Return whether an answer asks for a login that has not been tried."""
        challenges = [value for name, value in answer.fields if name.lower() == "www-authenticate"]
        return answer.status == 401 and self.login.accept(challenges)

    def note(self, method: str, answer: Message) -> None:
        """Keep the parts of an answer that later requests need."""
        if method == "SETUP" and not self.session:
            self.session = answer.field("Session").partition(";")[0].strip()
        elif method == "TEARDOWN":
            self.session = ""
        elif method == "DESCRIBE":
            told = answer.field("Content-Base")
            self.base = self._on_target(told) if told else self._target.uri

    def control_uri(self, control: str) -> str:
        """Return the URI of a media or of the session by its a=control (RFC 2326 section C.1.1)."""
        if control in {"", "*"}:
            return self.base
        if _ABSOLUTE.match(control):
            return self._on_target(control)
        return f"{self.base.removesuffix('/')}/{control.removeprefix('/')}"

    def _on_target(self, uri: str) -> str:
        """Return a URI of the server, on the host that was asked for."""
        own = _ABSOLUTE.match(self._target.uri)
        return (own.group() if own else "") + _ABSOLUTE.sub("", uri.strip())


def interleaved_channel(answer: Message) -> int | None:
    """Return the first channel that the answer to SETUP assigns, None where it names none."""
    match = re.search(r"interleaved=([0-9]{1,3})", answer.field("Transport"))
    return int(match.group(1)) if match else None


def server_ports(answer: Message) -> tuple[int, int] | None:
    """Return the server's ports for RTP and RTCP in the answer to SETUP, None where it names none."""
    match = re.search(r"server_port=([0-9]{1,5})-([0-9]{1,5})", answer.field("Transport"))
    return (int(match.group(1)), int(match.group(2))) if match else None
