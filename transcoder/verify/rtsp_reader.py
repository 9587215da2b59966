"""Reads a served stream the way any RTSP client would: plain sockets, one request at a time (RFC 2326).

Every media that is offered is set up, except talk-back, so that nothing that a server would send stays unseen.
"""

import base64
import hashlib
import re
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from transcoder.errors import TransportError
from transcoder.verify.inspector import Inspector
from transcoder.verify.messages import Frame, Message, Splitter, Stray
from transcoder.verify.own_text import DescribedMedia, Description, shown
from transcoder.verify.rtp import is_rtcp

CONNECT_S = 10.0
ANSWER_S = 12.0
"""A server may wait 5 s for parameter sets before it answers DESCRIBE, and for the first picture before PLAY."""
KEEP_ALIVE_S = 20.0
LEAVE_S = 1.0
_BUFFER = 4 << 20
"""Bytes of a UDP receive buffer."""
_ACCEPTED = frozenset({200})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Target:
    """What to read, and as whom."""

    host: str
    port: int
    path: str
    uri: str
    username: str | None
    password: str


def parse_target(url: str, username: str | None, password: str | None) -> Target:
    """Take a URL apart; user and password in it are used and never sent in a URI.

    Raises:
        ValueError: it is no rtsp URL with a host.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 554
    except ValueError:
        raise ValueError("no valid host or port in the URL") from None
    if parts.scheme.lower() != "rtsp" or not host:
        raise ValueError("an rtsp:// URL with a host is needed")
    rest = url[url.index("//") + 2 + len(parts.netloc) :]
    shown_host = f"[{host}]" if ":" in host else host
    own_password = unquote(parts.password) if parts.password is not None else None
    return Target(
        host=host,
        port=port,
        path=rest,
        uri=f"rtsp://{shown_host}:{port}{rest}",
        username=username if username is not None else (unquote(parts.username) if parts.username else None),
        password=(password if password is not None else own_password) or "",
    )


@dataclass(slots=True)
class _Ports:
    name: str
    rtp: socket.socket
    rtcp: socket.socket
    server: tuple[int, int] | None = None


@dataclass(slots=True)
class _Login:
    scheme: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    count: int = 0


class Reader:
    """One session.

    Args:
        target: what to read.
        inspector: gets everything.
        udp: RTP over UDP instead of interleaved.
    """

    def __init__(self, target: Target, inspector: Inspector, *, udp: bool) -> None:
        self._target = target
        self._inspector = inspector
        self._udp = udp
        self._splitter = Splitter()
        self._socket: socket.socket | None = None
        self._answers: list[Message] = []
        self._description: Description | None = None
        self._channels: dict[int, str] = {}
        self._ports: list[_Ports] = []
        self._cseq = 0
        self._session = ""
        self._login = _Login()
        self._closed = False
        self._base = target.uri

    def read(self, seconds: float, progress: Callable[[float], None]) -> None:
        """Play for some seconds.

        Args:
            seconds: counted from the answer to PLAY.
            progress: is called with the seconds gone.

        Raises:
            TransportError: nothing could be read; the message says what to do.
        """
        target = self._target
        try:
            self._socket = socket.create_connection((target.host, target.port), CONNECT_S)
        except OSError as error:
            reason = error.strerror or str(error) or "no answer"
            raise TransportError(
                f"no connection to {target.host}:{target.port}: {reason}; is it served there?"
            ) from None
        try:
            self._set_up()
            self._play(seconds, progress)
        finally:
            self._leave()

    # -- the conversation ----------------------------------------------------------------------------------------

    def _set_up(self) -> None:
        self._request("OPTIONS", self._target.uri)
        answer = self._ask("DESCRIBE", self._target.uri, Accept="application/sdp")
        description = self._description
        if description is None or not description.media:
            raise TransportError("the answer to DESCRIBE holds no session description with media")
        self._base = self._own(answer.field("Content-Base")) if answer.field("Content-Base") else self._target.uri
        for index, media in enumerate(description.media):
            if not media.talk_back:
                self._set_up_media(index, media)
        if not self._channels and not self._ports:
            raise TransportError("no media could be set up; try the other transport (tcp, udp)")

    def _set_up_media(self, index: int, media: DescribedMedia) -> None:
        name = f"{media.kind} {index}" if index else media.kind
        uri = self._control(media.control)
        if self._udp:
            ports = _open_ports(name, socket.AF_INET6 if ":" in self._target.host else socket.AF_INET)
            port = ports.rtp.getsockname()[1]
            value = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
        else:
            ports = None
            value = f"RTP/AVP/TCP;unicast;interleaved={2 * index}-{2 * index + 1}"
        answer = self._request("SETUP", uri, Transport=value)
        if answer.status not in _ACCEPTED:
            self._inspector.notes[f"SETUP of {name} is answered {answer.status}"] += 1
            if ports is not None:
                ports.rtp.close()
                ports.rtcp.close()
            return
        self._session = self._session or answer.field("Session").partition(";")[0].strip()
        self._inspector.add_media(name, codec=media.codec, declared=media.payload_types, sets=media.parameter_sets)
        transport = answer.field("Transport")
        if ports is not None:
            match = re.search(r"server_port=([0-9]{1,5})-([0-9]{1,5})", transport)
            ports.server = (int(match.group(1)), int(match.group(2))) if match else None
            self._ports.append(ports)
            return
        match = re.search(r"interleaved=([0-9]{1,3})", transport)
        channel = int(match.group(1)) if match else 2 * index
        self._channels[channel] = self._channels[channel + 1] = name

    def _play(self, seconds: float, progress: Callable[[float], None]) -> None:
        self._punch()
        self._ask("PLAY", self._base, Range="npt=0.000-")
        started = time.monotonic()
        next_sign = started + KEEP_ALIVE_S
        while not self._closed and (gone := time.monotonic() - started) < seconds:
            progress(gone)
            self._receive(min(0.2, seconds - gone))
            if time.monotonic() > next_sign:
                next_sign += KEEP_ALIVE_S
                self._send("OPTIONS", self._base, {})
        if self._closed:
            self._inspector.notes["the server closed the connection before the time was over"] += 1

    def _leave(self) -> None:
        if self._socket is None:
            return
        try:
            if self._session and not self._closed:
                self._send("TEARDOWN", self._base, {})
                until = time.monotonic() + LEAVE_S
                count = len(self._answers)
                while not self._closed and len(self._answers) == count and time.monotonic() < until:
                    self._receive(0.1)
        except (OSError, TransportError):
            pass  # it is gone: nothing left to say goodbye to
        self._socket.close()
        for ports in self._ports:
            ports.rtp.close()
            ports.rtcp.close()

    # -- requests ------------------------------------------------------------------------------------------------

    def _ask(self, method: str, uri: str, **fields: str) -> Message:
        answer = self._request(method, uri, **fields)
        if answer.status in {401, 403}:
            hint = "check user and password" if self._target.username else "give a user and a password"
            raise TransportError(f"{method} is answered {answer.status}: {hint}")
        if answer.status not in _ACCEPTED:
            raise TransportError(f"{method} is answered {shown(answer.start.partition(' ')[2])}; is the path right?")
        return answer

    def _request(self, method: str, uri: str, **fields: str) -> Message:
        answer = self._exchange(method, uri, fields)
        if answer.status == 401 and self._target.username is not None and self._take_challenge(answer):
            answer = self._exchange(method, uri, fields)
        return answer

    def _exchange(self, method: str, uri: str, fields: dict[str, str]) -> Message:
        self._answers.clear()
        self._send(method, uri, fields)
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            for answer in self._answers:
                if answer.field("CSeq") == str(self._cseq):
                    return answer
            if self._closed:
                raise TransportError(f"the server closed the connection instead of answering {method}")
            self._receive(0.2)
        raise TransportError(f"{method} is not answered within {ANSWER_S:g} s")

    def _send(self, method: str, uri: str, fields: dict[str, str]) -> None:
        self._cseq += 1
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self._cseq}", "User-Agent: verify"]
        if self._session:
            lines.append(f"Session: {self._session}")
        if self._login.scheme:
            lines.append(f"Authorization: {self._authorization(method, uri)}")
        lines += [f"{name}: {value}" for name, value in fields.items()]
        try:
            if self._socket is not None:
                self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace"))
        except OSError as error:
            self._closed = True
            raise TransportError(f"the connection was lost: {error.strerror or error}") from None

    def _take_challenge(self, answer: Message) -> bool:
        best = _Login()
        for name, value in answer.fields:
            if name.lower() != "www-authenticate":
                continue
            scheme, _, rest = value.strip().partition(" ")
            parameters = {key.lower(): text for key, text in re.findall(r'([A-Za-z]+)\s*=\s*"?([^",]*)"?', rest)}
            known = parameters.get("algorithm", "MD5").upper() in {"MD5", "SHA-256"}
            if scheme.lower() == "digest" and known:
                best = _Login("digest", parameters)
            elif scheme.lower() == "basic" and not best.scheme:
                best = _Login("basic", parameters)
        repeated = best.scheme == self._login.scheme and best.parameters.get("nonce") == self._login.parameters.get(
            "nonce"
        )
        self._login = best
        return bool(best.scheme) and not repeated

    def _authorization(self, method: str, uri: str) -> str:
        user, password = self._target.username or "", self._target.password
        if self._login.scheme == "basic":
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        parameters = self._login.parameters
        realm, nonce = parameters.get("realm", ""), parameters.get("nonce", "")
        algorithm = parameters.get("algorithm", "").upper()

        def digest(text: str) -> str:
            data = text.encode()
            if algorithm == "SHA-256":
                return hashlib.sha256(data).hexdigest()
            return hashlib.md5(data, usedforsecurity=False).hexdigest()

        secret, request = digest(f"{user}:{realm}:{password}"), digest(f"{method}:{uri}")
        fields = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
        extra = ""
        if "auth" in parameters.get("qop", ""):
            self._login.count += 1
            count = f"{self._login.count:08x}"
            fields["cnonce"] = "0a4f113b"
            fields["response"] = digest(f"{secret}:{nonce}:{count}:0a4f113b:auth:{request}")
            extra = f", qop=auth, nc={count}"
        else:
            fields["response"] = digest(f"{secret}:{nonce}:{request}")
        if algorithm:
            extra += f", algorithm={algorithm}"
        if "opaque" in parameters:
            fields["opaque"] = parameters["opaque"]
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items()) + extra

    def _own(self, url: str) -> str:
        """A URL of the server, on the host that was asked for."""
        path = re.sub(r"^rtspu?://[^/?]*", "", url.strip(), flags=re.IGNORECASE)
        start = re.match(r"rtsp://[^/?]*", self._target.uri)
        return (start.group() if start else "") + path

    def _control(self, control: str) -> str:
        if control in {"", "*"}:
            return self._base
        if control.lower().startswith("rtsp://"):
            return self._own(control)
        return f"{self._base.removesuffix('/')}/{control.removeprefix('/')}"

    # -- sockets -------------------------------------------------------------------------------------------------

    def _punch(self) -> None:
        """Open the way for UDP: an empty RTP packet and an empty RR to where the media will come from."""
        for ports in self._ports:
            if ports.server is not None:
                ports.rtp.sendto(b"\x80\x00" + bytes(10), (self._target.host, ports.server[0]))
                ports.rtcp.sendto(b"\x80\xc9\x00\x01" + bytes(4), (self._target.host, ports.server[1]))

    def _receive(self, wait: float) -> None:
        if self._socket is None:
            return
        sources = [self._socket, *(port for ports in self._ports for port in (ports.rtp, ports.rtcp))]
        ready, _, _ = select.select(sources, [], [], max(wait, 0.0))
        now = time.monotonic()
        if self._socket in ready:
            try:
                data = self._socket.recv(1 << 18)
            except OSError:
                data = b""
            self._closed = not data
            for item in self._splitter.feed(data):
                self._take(item, now)
        for ports in self._ports:
            if ports.rtp in ready or ports.rtcp in ready:
                self._receive_datagrams(ports, now)

    def _receive_datagrams(self, ports: _Ports, now: float) -> None:
        media = self._inspector.add_media(ports.name)
        for port in (ports.rtp, ports.rtcp):
            for _ in range(1024):
                try:
                    data = port.recv(1 << 16)
                except OSError:  # nothing more, or the ICMP answer to a punch
                    break
                if port is ports.rtcp or is_rtcp(data):
                    media.rtcp_packet(data)
                else:
                    media.rtp(data, now)

    def _take(self, item: Message | Frame | Stray, now: float) -> None:
        if isinstance(item, Stray):
            self._inspector.stray(item.data)
        elif isinstance(item, Frame):
            name = self._channels.get(item.channel)
            if name is None:
                self._inspector.unknown_channel(item.channel, item.data)
            elif is_rtcp(item.data):
                self._inspector.add_media(name).rtcp_packet(item.data)
            else:
                self._inspector.add_media(name).rtp(item.data, now)
        else:
            self._description = self._inspector.message(item) or self._description
            if item.is_response:
                self._answers.append(item)


def _open_ports(name: str, family: socket.AddressFamily) -> _Ports:
    """Two neighbouring UDP ports, the first one even (RFC 3550 section 11)."""
    for _ in range(50):
        rtp = socket.socket(family, socket.SOCK_DGRAM)
        rtp.bind(("", 0))
        port = rtp.getsockname()[1]
        rtcp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if port % 2:
                raise OSError("odd")  # noqa: TRY301  # handled like a port that is taken
            rtcp.bind(("", port + 1))
        except OSError:
            rtp.close()
            rtcp.close()
            continue
        rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        rtp.setblocking(False)
        rtcp.setblocking(False)
        return _Ports(name, rtp, rtcp)
    raise TransportError("no pair of free UDP ports")
