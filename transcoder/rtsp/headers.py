"""Transport and Session are read as servers write them, RTP-Info is written (RFC 2326 sections 12.39, 12.37, 12.33)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from transcoder.errors import LocalProtocolError, TransportNotAccepted
from transcoder.rtsp.multicast_groups import Group

DEFAULT_SESSION_TIMEOUT_S = 60.0
"""Seconds for which a server keeps a session that names no timeout (RFC 2326 section 12.37)."""

_MAX_VALUE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Holds one transport specification.

    Attributes:
        lower: "TCP" or "UDP".
        unicast: whether the transport is unicast, and not multicast.
        interleaved: the channel pair on the RTSP connection.
        client_port: the receiver's RTP and RTCP ports.
        server_port: the sender's RTP and RTCP ports.
        destination: the group of multicast.
        port: the ports of the group.
        ttl: the TTL of the group.
        ssrc: the sender's SSRC, a hint only; the header is wrong too often to be enforced.
        secure: whether the profile is SAVP, which needs keys that are not exchanged here.
    """

    lower: str
    unicast: bool = True
    interleaved: tuple[int, int] | None = None
    client_port: tuple[int, int] | None = None
    server_port: tuple[int, int] | None = None
    destination: str | None = None
    port: tuple[int, int] | None = None
    ttl: int | None = None
    ssrc: int | None = None
    secure: bool = False


def parse_transports(value: str) -> list[Transport]:
    """Return every readable transport specification of a Transport header, in the order of preference."""
    return [parsed for item in value[:_MAX_VALUE].split(",") if (parsed := _parse_transport(item)) is not None]


def _parse_transport(text: str) -> Transport | None:
    lower = ""
    secure = False
    unicast = True
    parameters: dict[str, str] = {}
    for item in text.split(";"):
        part = item.strip()
        if part.upper().startswith("RTP/"):
            fields = part.upper().split("/")
            secure = fields[1].startswith("SAVP") if len(fields) > 1 else False
            lower = fields[2] if len(fields) > 2 else ""
        elif part.lower() == "multicast":
            unicast = False
        else:
            name, _, val = part.partition("=")
            parameters.setdefault(name.strip().lower(), val.strip().strip('"'))
    if not lower and "RTP/" not in text.upper():
        return None
    if not lower:  # Escam Q6 answers RTP/AVP with interleaved channels
        lower = "TCP" if "interleaved" in parameters else "UDP"
    if lower not in {"TCP", "UDP"}:
        return None
    return Transport(
        lower=lower,
        unicast=unicast,
        interleaved=_pair(parameters.get("interleaved"), 255),
        client_port=_pair(parameters.get("client_port"), 65_535),
        server_port=_pair(parameters.get("server_port"), 65_535),
        destination=parameters.get("destination") or None,
        port=_pair(parameters.get("port"), 65_535),
        ssrc=_ssrc(parameters.get("ssrc")),
        secure=secure,
    )


def _pair(value: str | None, highest: int) -> tuple[int, int] | None:
    """Parse `a-b`, or `a` alone, which means a and a + 1."""
    match = re.fullmatch(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?", value) if value else None
    if match is None:
        return None
    first = int(match.group(1))
    second = int(match.group(2)) if match.group(2) else min(first + 1, highest)
    return (first, second) if first <= highest and second <= highest else None


def _ssrc(value: str | None) -> int | None:
    value = (value or "").strip()
    return int(value, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", value) else None


def serialize_transport(transport: Transport) -> str:
    """Write a transport specification, in the order that every client tested reads."""
    parts = ["RTP/AVP/TCP" if transport.lower == "TCP" else "RTP/AVP"]
    parts.append("unicast" if transport.unicast else "multicast")
    if transport.destination is not None:
        parts.append(f"destination={transport.destination}")
    for name, pair in (
        ("interleaved", transport.interleaved),
        ("client_port", transport.client_port),
        ("server_port", transport.server_port),
        ("port", transport.port),
    ):
        if pair is not None:
            parts.append(f"{name}={pair[0]}-{pair[1]}")
    if transport.ttl is not None:
        parts.append(f"ttl={transport.ttl}")
    if transport.ssrc is not None:
        parts.append(f"ssrc={transport.ssrc:08X}")
    return ";".join(parts)


def requested_transport(transport: Transport) -> str:
    """Return the Transport value of a client's SETUP request, without `mode=`, which real cameras don't expect.

    Raises:
        LocalProtocolError: the transport is unicast over UDP, and there are no ports to receive at.
    """
    if transport.lower == "TCP":
        channels = transport.interleaved or (0, 1)
        return f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"
    if not transport.unicast:
        return "RTP/AVP;multicast"
    if transport.client_port is None:
        raise LocalProtocolError("UDP needs client ports")
    return f"RTP/AVP;unicast;client_port={transport.client_port[0]}-{transport.client_port[1]}"


def agreed_transport(asked: Transport, value: str | None) -> Transport:
    """Fill the gaps of a server's answer: channels and ports that it leaves out are the ones asked for.

    Args:
        asked: the transport of the SETUP request.
        value: the value of the response's Transport header, or None where it has none.

    Raises:
        TransportNotAccepted: the answer is another transport.
    """
    found = parse_transports(value or "")
    answer = found[0] if found else asked
    if answer.secure:
        raise TransportNotAccepted("the camera answers SETUP with SRTP, which is not supported")
    if answer.lower != asked.lower:
        raise TransportNotAccepted(f"{asked.lower} was asked for and the camera answers {answer.lower}")
    if answer.unicast != asked.unicast:
        raise TransportNotAccepted("the camera answers SETUP with multicast for unicast, or the other way round")
    interleaved = (answer.interleaved or asked.interleaved or (0, 1)) if asked.lower == "TCP" else None
    return replace(answer, interleaved=interleaved, client_port=asked.client_port)


@dataclass(frozen=True, slots=True)
class SessionHeader:
    """Holds a session identifier and how long the server keeps it without a sign of life, in seconds."""

    id: str
    timeout_s: float


def parse_session(value: str) -> SessionHeader | None:
    """Parse a Session value; Hikvision and GW Security put blanks around the id and the timeout."""
    identifier, _, rest = value[:_MAX_VALUE].partition(";")
    identifier = identifier.strip()
    if not identifier or len(identifier) > 256 or re.search(r"[\x00-\x20]", identifier):
        return None
    match = re.search(r"timeout\s*=\s*(\d{1,6})", rest, re.IGNORECASE)
    timeout = float(match.group(1)) if match else DEFAULT_SESSION_TIMEOUT_S
    return SessionHeader(identifier, max(timeout, 1.0))


def first_served(
    offered: str,
    track: int,
    server_ports: tuple[int, int] | None,
    taken: Collection[int] = (),
    group: Group | None = None,
) -> Transport | None:
    """Return the answer, without its SSRC, to the first transport of an offer that is served, or None.

    Args:
        offered: the value of the header Transport.
        track: the number of the track that is set up.
        server_ports: our own UDP ports; None where nothing is served over UDP.
        taken: the channels of the connection that other tracks have; a pair of them is answered with another pair.
        group: the multicast group of the stream; None where nothing is served by multicast. Another group, or other
            ports, that a reader asks for, are not taken up.
    """
    for transport in parse_transports(offered):
        if transport.secure:
            continue
        if transport.lower == "TCP" and transport.unicast:
            pair = _free_pair(transport.interleaved or (2 * track, 2 * track + 1), taken)
            if pair is not None:
                return Transport(lower="TCP", interleaved=pair)
        elif not transport.unicast:
            if transport.lower == "UDP" and group is not None:
                return Transport(
                    lower="UDP", unicast=False, destination=group.address, port=group.ports(track), ttl=group.ttl
                )
        elif server_ports is not None and transport.client_port is not None and min(transport.client_port) > 0:
            return Transport(lower="UDP", client_port=transport.client_port, server_port=server_ports)
    return None


def _free_pair(asked: tuple[int, int], taken: Collection[int]) -> tuple[int, int] | None:
    """Return the pair of channels that was asked for, or the lowest free one; None where there is none."""
    if not {*asked} & {*taken}:
        return asked
    return next(((first, first + 1) for first in range(0, 256, 2) if not {first, first + 1} & {*taken}), None)


def serialize_rtp_info(uri: str, tracks: Mapping[int, tuple[int, int | None]]) -> str:
    """Write the header RTP-Info (RFC 2326 section 12.33).

    Args:
        uri: the URI of the stream.
        tracks: by the number of the track, the sequence number of its first packet, and the timestamp of the moment
            that the answer is about, None where it is not known.
    """
    named = [f"url={uri}/trackID={track};seq={sequence}" for track, (sequence, _) in sorted(tracks.items())]
    times = ["" if timestamp is None else f";rtptime={timestamp}" for _, (_, timestamp) in sorted(tracks.items())]
    return ",".join(name + time for name, time in zip(named, times, strict=True))
