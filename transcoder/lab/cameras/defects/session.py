"""This module makes RTSP servers answer in their own way, late, or not at all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import Request, Response, serialize_response

_NEEDED = frozenset({"cseq", "authorization", "session", "transport"})
"""Header fields that a request can't do without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDefects:
    """Lists the defects of the RTSP session.

    Attributes:
        keep_alive: the answer to OPTIONS and GET_PARAMETER while playing: the correct one, none ("ignored":
            Hipcam), or with a status (400, 401: recorders that want a login each time; 405, 451; 454: thingino; 501).
        session_changes: a later SETUP of one session is answered with another id (H264DVR).
        session_id_changes_in_play: PLAY is answered with another id than SETUP.
        digest_algorithm: the one in the challenge (Hikvision from firmware 5.8 on: SHA-256); answers have to spell it
            the same way, or as one of two that are named.
        digest_understood: the only one of the two named algorithms that the camera really checks; empty: both.
        digest_qop: the challenge offers qop="auth" (Hikvision from firmware 5.8 on).
        nonce_lifetime_s: a nonce is good for so long, then stale=true (Axis: 150).
        extra_fields_refused: a login is refused where a request holds more than its method needs, such as User-Agent
            (reported of a Hikvision model and Basic).
        redirect: DESCRIBE is answered 302 to another "path" or "port" of the same host; "relative": the path is written
            without a host.
        busy_connections: so many connections are answered 503 first (a full connection table).
        full_at_setup: SETUP of so many connections is answered 401 first, whose login was right in DESCRIBE.
        interleaved: channel ids in the response to SETUP over TCP: those asked for, "none" (gortsplib#142), "other"
            ones (gortsplib#72), or the first one only ("single").
        cseq: the number in a response: that of the request, "zero" where CSeq is not the request's last field (Foscam
            C1, homebridge-foscamcamera#6), that of the request before ("lagging"), or "none".
        play_at: where PLAY, PAUSE and TEARDOWN are known, 404 elsewhere: anywhere, at the session's control attribute
            alone ("session_control": Axis Companion, mediamtx#683), or at a media's URL alone ("media", which is
            answered 459 elsewhere).
        signs_of_life: what keeps a session alive: anything, or one method alone (GET_PARAMETER: go2rtc#2409).
        closes_at_get_parameter: GET_PARAMETER is offered, and the connection is closed instead of an answer.
        closes_after_401: the connection is closed behind each 401, and the nonce stays good (VStarcam, retina#45).
        basic_from_connection: from this connection on Basic alone is asked for, as by somebody in between; 0: never.
        tls: RTSP over TLS of this version, with a self-signed certificate; "old": TLS 1.0 alone.
        certificate: what is wrong with the certificate where an authority signed it: nothing, it is "expired", or it
            names an "other_host".
        client_certificate: whether the camera asks its clients for a certificate over TLS, and needs it.
        content_length: what is told of the size of a session description: the truth, nothing ("none"), or more than
            there is ("large").
        reason: the reason phrase of every refusal; empty: that of the standard.
        transport_without_tcp: the response to SETUP says RTP/AVP without /TCP (Escam Q6).
    """

    keep_alive: Literal["answered", "ignored", "400", "401", "405", "451", "454", "501"] = "answered"
    session_changes: bool = False
    session_id_changes_in_play: bool = False
    digest_algorithm: Literal["MD5", "SHA-256", "SHA256", "MD5/SHA256", "MD5,SHA-256"] = "MD5"
    digest_understood: Literal["", "MD5", "SHA256", "SHA-256"] = ""
    digest_qop: bool = False
    nonce_lifetime_s: float | None = None
    extra_fields_refused: bool = False
    redirect: Literal["none", "path", "port", "relative"] = "none"
    busy_connections: int = 0
    full_at_setup: int = 0
    interleaved: Literal["asked", "none", "other", "single"] = "asked"
    transport_without_tcp: bool = False
    cseq: Literal["echoed", "zero", "lagging", "none"] = "echoed"
    play_at: Literal["any", "session_control", "media"] = "any"
    signs_of_life: Literal["any", "GET_PARAMETER", "OPTIONS"] = "any"
    closes_at_get_parameter: bool = False
    closes_after_401: bool = False
    basic_from_connection: int = 0
    tls: Literal["none", "1.2", "1.3", "old"] = "none"
    certificate: Literal["valid", "expired", "other_host"] = "valid"
    client_certificate: Literal["none", "asked", "needed"] = "none"
    content_length: Literal["true", "none", "large"] = "true"
    reason: str = ""

    def authentication(self, usual: str, connection: int) -> str:
        """Return the schemes that are asked for and accepted.

        Args:
            usual: the schemes of the family.
            connection: the number of the connection.
        """
        return "basic" if 0 < self.basic_from_connection <= connection else usual

    def algorithms(self) -> frozenset[str]:
        """Return the names of Digest algorithms that an answer may hold."""
        return frozenset(
            [self.digest_understood] if self.digest_understood else re.split("[/,]", self.digest_algorithm)
        )

    def refuses(self, names: Iterable[str]) -> bool:
        """Return whether a request is refused for its fields.

        Args:
            names: names of the fields.
        """
        return self.extra_fields_refused and not {name.lower() for name in names} <= _NEEDED

    def number(self, request: Request, before: str | None) -> str | None:
        """Return the number of a response, None where the response has none.

        Args:
            request: the request that is answered.
            before: the number of the request before.
        """
        last = [name.lower() for name, _ in request.headers][-1:]
        is_last = last == ["cseq"]
        return {
            "echoed": request.cseq,
            "zero": request.cseq if is_last else "0",
            "lagging": before or "0",
            "none": None,
        }[self.cseq]

    def written(self, response: Response) -> bytes:
        """Return the bytes of a response, whose size may be told wrong."""
        data = serialize_response(response)
        told = f"Content-Length: {len(response.body)}\r\n".encode()
        if self.content_length == "none":
            return data.replace(told, b"", 1)
        return data.replace(
            told, f"Content-Length: {len(response.body) + 2}\r\n".encode(), self.content_length == "large"
        )

    def channels(self, asked: Transport, free: int) -> tuple[tuple[int, int], str]:
        """Return the channel pair of a media over TCP, and the transport that the response names.

        Args:
            asked: the channels that the client wants.
            free: the first channel that is not in use.
        """
        rtp, rtcp = asked.interleaved or (free, free + 1)
        if self.interleaved == "other":
            rtp, rtcp = rtp + 2, rtcp + 2
        lower = "" if self.transport_without_tcp else "/TCP"
        text = {"none": "", "single": f";interleaved={rtp}"}.get(self.interleaved, f";interleaved={rtp}-{rtcp}")
        return (rtp, rtcp), f"RTP/AVP{lower};unicast{text}"
