"""This module makes RTCP as cameras send it: sender report, source description with a telling CNAME, APP packet."""

import struct

from transcoder.clock import ntp_from_unix

SR, SDES, APP = 200, 202, 204


def sender_report(
    *, ssrc: int, wall_s: float, timestamp: int, packets: int, octets: int, cname: bytes, app: bytes
) -> bytes:
    """Return a compound packet.

    Args:
        ssrc: SSRC of the track.
        wall_s: UTC seconds.
        timestamp: RTP timestamp of that moment.
        packets: packets sent so far.
        octets: octets of payload sent so far.
        cname: the CNAME, at most 255 bytes.
        app: data of an APP packet; empty: no APP packet.

    Source: RFC 3550 sections 6.4.1, 6.5, 6.7.
    """
    sender = struct.pack("!IQIII", ssrc, ntp_from_unix(wall_s), timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    compound = _packet(SR, 0, sender)
    chunk = struct.pack("!IBB", ssrc, 1, len(cname)) + cname
    compound += _packet(SDES, 1, chunk + bytes(4 - len(chunk) % 4))  # at least one zero byte ends the list of items
    if app:
        compound += _packet(APP, 0, struct.pack("!I", ssrc) + b"INFO" + app + bytes(-len(app) % 4))
    return compound


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, packet_type, len(body) // 4) + body
