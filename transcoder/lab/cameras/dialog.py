"""This module speaks a camera's RTSP dialect on one client's connection: requests in, responses out, no sockets."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from transcoder.lab.cameras.camera import Camera
from transcoder.lab.cameras.login import challenges, is_authorized
from transcoder.lab.cameras.track import Track
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.headers import Transport, parse_transports
from transcoder.rtsp.messages import Headers, Request, Response
from transcoder.rtsp.urls import target_of

_PUBLIC = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
_USERINFO = re.compile(r"^(rtsps?://)[^/@]*@", re.IGNORECASE)
_HOST = re.compile(r"^rtsps?://(\[[^\]]*\]|[^/:?]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"^rtsps?://(\[[^\]]*\]|[^/:?]*)(?::(\d+))?(.*)$", re.IGNORECASE)
_REASONS = {
    302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 451: "Parameter Not Understood", 454: "Session Not Found",
    455: "Method Not Valid in This State", 459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport", 501: "Not Implemented",
    503: "Service Unavailable",
}  # fmt: skip
_MOVED = "/moved"
"""Beginning of the path that a camera redirects to."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Says where a track's packets go: to a channel pair, the client's port pair, or the port pair of a group."""

    tcp: bool
    rtp: int
    rtcp: int
    group: str = ""


class CameraDialog:
    """Is the server side of one connection.

    Args:
        camera: whose dialect is spoken.
        credentials: None: no login is asked for.
        number: number of the connection, unique in the camera's life; it makes session id and nonce unique.
        udp_ports: opens the camera's UDP sockets if need be and tells their ports.
        redirect_port: port that a camera which redirects to another port names; None: no such redirect here.

    Attributes:
        camera: whose dialect is spoken.
        deliveries: the transports that were set up, by track index.
        playing: whether packets flow.
        last_activity: monotonic seconds of the last sign of life.
    """

    def __init__(
        self,
        camera: Camera,
        credentials: Credentials | None,
        number: int,
        udp_ports: Callable[[], tuple[int, int]],
        redirect_port: int | None = None,
    ) -> None:
        self.camera = camera
        self._behaviour = camera.behaviour
        self._credentials = credentials
        self._udp_ports = udp_ports
        self._redirect_port = redirect_port
        self._number = number
        self._cseq: str | None = None
        self._nonce_count = 0
        self._nonce_since: float | None = None
        self._sessions = [self._behaviour.session_format.replace("{canary}", f"{camera.session_canary}{number:04d}0")]
        self.deliveries: dict[int, Delivery] = {}
        self.playing = False
        self.last_activity = 0.0

    @property
    def _nonce(self) -> str:
        number = 0 if self._behaviour.session.closes_after_401 else self._number
        return f"{self.camera.nonce_canary}{self._nonce_count:08x}{number:08x}"

    @property
    def _authentication(self) -> str:
        return self._behaviour.session.authentication(self._behaviour.authentication, self._number)

    def note_report(self, now: float) -> None:
        """Note RTCP of the client, which is a sign of life to most cameras."""
        if self._behaviour.session.signs_of_life == "any":
            self.last_activity = now

    def receive_request(self, request: Request, now: float) -> Response | None:
        """Answer one request, or leave the request unanswered."""
        if self._behaviour.session.signs_of_life in {"any", request.method} or not self.playing:
            self.last_activity = now
        keeps_alive = self.playing and request.method in {"OPTIONS", "GET_PARAMETER"}
        how = self._behaviour.session.keep_alive if keeps_alive else "answered"
        track = self._track(request.uri) if request.method == "SETUP" else None
        if how == "ignored" or self._behaviour.patience.is_unanswered(request.method, track.kind if track else ""):
            return None
        status, fields, body = self._answer(request, now) if how == "answered" else self._refusal(int(how))
        if self._behaviour.patience.unanswered == "PLAY" == request.method:
            return None
        headers = Headers()
        number, self._cseq = self._behaviour.session.number(request, self._cseq), request.cseq
        if number is not None:
            headers.add(self._behaviour.cseq_name, number)
        if self.camera.server_header:
            headers.add("Server", self.camera.server_header)
        for name, value in fields:
            headers.add(name, value)
        own_words = self._behaviour.session.reason if status >= 400 else ""
        return Response(status=status, reason=own_words or _REASONS.get(status, "OK"), headers=headers, body=body)

    def expired(self, now: float) -> bool:
        """Return whether the session ended for want of a sign of life."""
        return self.playing and now - self.last_activity > self._behaviour.session_timeout_s

    def _answer(self, request: Request, now: float) -> tuple[int, list[tuple[str, str]], bytes]:
        uri = _USERINFO.sub(r"\1", request.uri)
        if self.camera.asked_since is None:
            self.camera.asked_since = now
        if now - self.camera.asked_since < self._behaviour.patience.full_table_s:
            return 403, [], b""
        open_to_all = request.method == "OPTIONS" and not self._behaviour.challenge_options
        if request.method == "DESCRIBE" and self._number <= self._behaviour.session.busy_connections:
            return 503, [], b""
        if not open_to_all and self._credentials is not None:
            stale = self._nonce_is_old(now)
            if stale or not self._authorized(request):
                return self._refusal(401, stale=stale)
        if request.method == "OPTIONS":
            return 200, [("Public", _PUBLIC)], b""
        if refusal := self._wrong_place(request.method, uri):
            return refusal, [], b""
        session = (request.headers.get("Session") or "").partition(";")[0].strip()
        if session and session not in self._sessions:
            return 454, [], b""
        moved = self._moved(uri) if request.method == "DESCRIBE" else None
        if moved is not None:
            return 302, [("Location", moved)], b""
        handlers = {
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "TEARDOWN": self._teardown,
            "GET_PARAMETER": self._keep_alive,
            "SET_PARAMETER": self._keep_alive,
        }
        handler = handlers.get(request.method)
        return handler(request, uri, now) if handler else (501, [], b"")

    def _wrong_place(self, method: str, uri: str) -> int:
        """Return the status that refuses a method at this URL, or 0."""
        if method == "SETUP" and self._behaviour.description.rooted_controls:
            return 0 if target_of(uri) in {f"/{track.control}" for track in self.camera.tracks} else 404
        control = target_of(self._behaviour.description.session_control)
        at = self._behaviour.session.play_at if method in {"PLAY", "PAUSE", "TEARDOWN"} else "any"
        if at == "media":
            return 0 if any(f"/{track.control}" in uri for track in self.camera.tracks) else 459
        if at == "session_control":
            return 0 if uri.endswith(control) else 404
        known = (
            self._behaviour.any_path or _path(self._behaviour.path) in uri or (control.strip("/") and control in uri)
        )
        return 0 if known else 404

    def _moved(self, uri: str) -> str | None:
        """Return the URL that a camera which redirects gives for the live stream; None: it does not redirect here."""
        match = _AUTHORITY.match(uri)
        host, port, target = match.groups() if match else ("127.0.0.1", "554", self._behaviour.path)
        if self._redirect_port is not None:
            return f"rtsp://{host}:{self._redirect_port}{target}"
        redirect = self._behaviour.session.redirect
        if redirect in {"path", "relative"} and not target.startswith(_MOVED):
            return f"{_MOVED}{target}" if redirect == "relative" else f"rtsp://{host}:{port or 554}{_MOVED}{target}"
        return None

    def _refusal(self, status: int, *, stale: bool = False) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return a response that refuses; 401 comes with challenges."""
        if status != 401:
            return status, [], b""
        session = self._behaviour.session
        values = challenges(
            self._authentication,
            self.camera.realm,
            self._nonce,
            algorithm=session.digest_algorithm,
            qop=session.digest_qop,
            stale=stale,
        )
        return status, [("WWW-Authenticate", value) for value in values], b""

    def _nonce_is_old(self, now: float) -> bool:
        """Return whether the nonce's time is over; if so, begin the next nonce."""
        lifetime = self._behaviour.session.nonce_lifetime_s
        if lifetime is None:
            return False
        if self._nonce_since is None:
            self._nonce_since = now
        if now - self._nonce_since < lifetime:
            return False
        self._nonce_since = now
        self._nonce_count += 1
        return True

    def _authorized(self, request: Request) -> bool:
        session = self._behaviour.session
        if session.refuses(name for name, _ in request.headers):
            return False
        return self._credentials is None or is_authorized(
            request,
            self._credentials,
            authentication=self._authentication,
            realm=self.camera.realm,
            nonce=self._nonce,
            in_path=self._behaviour.password_in_path,
            algorithms=session.algorithms(),
            qop=session.digest_qop,
        )

    def _session(self, *, timeout: bool = False) -> tuple[str, str]:
        suffix = f";timeout={self._behaviour.session_timeout_s}" if timeout else ""
        return "Session", f"{self._behaviour.session_prefix}{self._sessions[-1]}{suffix}"

    def _describe(self, _request: Request, uri: str, _now: float) -> tuple[int, list[tuple[str, str]], bytes]:
        match = _HOST.match(uri)
        plain = uri.partition("?")[0].rstrip("/")
        fields = [("Content-Type", "application/sdp")]
        if self._behaviour.content_base != "none":
            slash = self._behaviour.content_base == "slash"
            fields.append(("Content-Base", f"{uri.removesuffix('/')}/" if slash else plain))
        fields.extend(self._behaviour.extra_headers)
        return 200, fields, self.camera.describe(plain, match.group(1) if match else "127.0.0.1")

    def _track(self, uri: str) -> Track | None:
        """Return the media that a SETUP means; the stream's own URL means the video."""
        named = [track for track in self.camera.tracks if f"/{track.control}" in uri]
        if named:
            return max(named, key=lambda track: (uri.rfind(f"/{track.control}"), len(track.control)))
        return None if "trackID=" in uri else self.camera.tracks[0]

    def _setup(self, request: Request, uri: str, _now: float) -> tuple[int, list[tuple[str, str]], bytes]:
        track = self._track(uri)
        if track is None:
            return 404, [], b""
        if self._number <= self._behaviour.session.full_at_setup:
            return self._refusal(401)
        for asked in parse_transports(request.headers.get("Transport") or ""):
            group = self._behaviour.description.multicast
            if asked.unicast == bool(group) or asked.secure:
                continue
            if group:
                port = self._behaviour.description.port(track.index)
                self.deliveries[track.index] = Delivery(False, port, port + 1, group)
                self._udp_ports()
                places = "RTP/AVP;multicast"
            elif asked.lower == "TCP":
                channels, places = self._behaviour.session.channels(asked, 2 * len(self.deliveries))
                self.deliveries[track.index] = Delivery(True, *channels)
            elif asked.client_port:
                self.deliveries[track.index] = Delivery(False, *asked.client_port)
                places = self._udp_places(asked)
            else:
                continue
            if self._behaviour.session.session_changes and len(self.deliveries) > 1:
                self._sessions.append(f"{self._sessions[0][:-1]}{len(self.deliveries) - 1}")
            transport = f"{places}{self._ssrc(track)}"
            return 200, [self._session(timeout=True), ("Transport", transport)], b""
        return 461, [], b""

    def _udp_places(self, asked: Transport) -> str:
        rtp, rtcp = self._udp_ports()
        first, second = asked.client_port or (0, 0)
        return f"RTP/AVP;unicast;client_port={first}-{second};server_port={rtp}-{rtcp}"

    def _ssrc(self, track: Track) -> str:
        return {
            "lower": f';ssrc={track.ssrc:08x};mode="play"',
            "upper": f";ssrc={track.ssrc:08X}",
            "padded": f";ssrc=   {track.ssrc:X}",
            "none": "",
        }[self._behaviour.transport_ssrc]

    def _play(self, _request: Request, uri: str, now: float) -> tuple[int, list[tuple[str, str]], bytes]:
        if not self.deliveries:
            return 455, [], b""
        if not self.camera.running:
            self.camera.start(now)
        self.playing = True
        if self._behaviour.session.session_id_changes_in_play:
            self._sessions.append(f"{self._sessions[0][:-1]}9")
        fields = [self._session(), ("Range", "npt=now-")]
        if self._behaviour.rtp_info != "none":
            base = uri.partition("?")[0].rstrip("/")
            prefix = f"{base}/" if self._behaviour.rtp_info == "absolute" else ""
            suffix = self._behaviour.control_query if self._behaviour.rtp_info == "absolute" else ""
            items = [
                f"url={prefix}{track.control}{suffix};seq={track.sequence_number};"
                f"rtptime={self.camera.timestamp(track, now)}"
                for track in self.camera.tracks
                if track.index in self.deliveries
            ]
            fields.append(("RTP-Info", ",".join(items)))
        return 200, fields, b""

    def _pause(self, _request: Request, _uri: str, _now: float) -> tuple[int, list[tuple[str, str]], bytes]:
        self.playing = False
        return 200, [self._session()], b""

    def _teardown(self, _request: Request, _uri: str, _now: float) -> tuple[int, list[tuple[str, str]], bytes]:
        self.playing = False
        fields = [self._session()]
        self.deliveries.clear()
        return 200, fields, b""

    def _keep_alive(self, _request: Request, _uri: str, _now: float) -> tuple[int, list[tuple[str, str]], bytes]:
        return 200, [self._session()], b""


def _path(path: str) -> str:
    return path.partition("?")[0]
