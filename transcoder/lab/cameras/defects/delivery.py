"""This module makes networks and connections lose, repeat, reorder, stall, break off and carry foreign bytes."""

import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from transcoder.lab.cameras.packets import FRAME_HEADER, Burst
from transcoder.rtsp.messages import Headers, Request, serialize_request

STRAY_EVERY_BURSTS = 25
"""Bursts between two runs of stray bytes: a second of video."""
_STALE_OFFSET = 20_000
"""Sequence numbers by which the earlier session is behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDefects:
    """Lists the defects of a packet's way to the client.

    Attributes:
        udp_loss: part of the RTP packets that are lost, 0 to 1.
        udp_duplicates: part of the RTP packets that come twice.
        udp_reorder: part of the RTP packets that come after the next one.
        early_data: packets come before the response to PLAY (recent Reolink, v4l2rtspserver).
        stray_bytes: so many random bytes stand between two frames once a second (go2rtc, media-server).
        crlf_before_frames: an empty line stands before each frame (retina v0.3.8).
        push_unrequested: media that were never set up come on channels of their own (Tenda CP3PRO); over TCP.
        stale_session_s: for so long the packets of an earlier session come too, with their own SSRC (live555 before
            2017, Reolink and Foscam: 65).
        server_requests_every_s: the camera sends OPTIONS and SET_PARAMETER of its own so often.
        close_every_s: the connection is closed after so long (cameras with a session limit).
        stall_every_s: nothing comes for stall_s so often; over TCP all of it comes afterwards, over UDP it is lost.
        stall_s: length of a stall.
    """

    udp_loss: float = 0.0
    udp_duplicates: float = 0.0
    udp_reorder: float = 0.0
    early_data: bool = False
    stray_bytes: int = 0
    crlf_before_frames: bool = False
    push_unrequested: bool = False
    stale_session_s: float = 0.0
    server_requests_every_s: float | None = None
    close_every_s: float | None = None
    stall_every_s: float | None = None
    stall_s: float = 2.0


class Interference:
    """Applies the defects to one client's packets.

    Args:
        defects: the switches.
        seed: seed of the random numbers.
    """

    def __init__(self, defects: DeliveryDefects, seed: str) -> None:
        self._defects = defects
        self._rng = random.Random(seed)
        self._stale_ssrc = self._rng.getrandbits(32)
        self._bursts = 0
        self._requests = 0
        self._since: float | None = None
        self._next_request = defects.server_requests_every_s
        self._late: bytes | memoryview | None = None

    def begin(self, now: float) -> None:
        """Note that packets begin to flow to the client; only the first call counts."""
        self._since = now if self._since is None else self._since

    def _elapsed(self, now: float) -> float:
        return now - (now if self._since is None else self._since)

    def ends(self, now: float) -> bool:
        """Return whether the connection has to be closed."""
        after = self._defects.close_every_s
        return after is not None and self._elapsed(now) >= after

    def stalls(self, now: float) -> bool:
        """Return whether nothing gets through."""
        defects = self._defects
        if defects.stall_every_s is None:
            return False
        period = defects.stall_every_s + defects.stall_s
        return self._elapsed(now) % period >= defects.stall_every_s

    def request(self, now: float, uri: str) -> bytes:
        """Return a request of the camera's own if it is time for one."""
        every = self._defects.server_requests_every_s
        if every is None or self._next_request is None or self._elapsed(now) < self._next_request:
            return b""
        self._next_request += every
        self._requests += 1
        method = "OPTIONS" if self._requests % 2 else "SET_PARAMETER"
        return serialize_request(Request(method=method, uri=uri, headers=Headers([("CSeq", str(self._requests))])))

    def dress(self, burst: Burst, channel: int, now: float) -> bytes:
        """Return a burst as it stands on the TCP connection, with foreign bytes around the frames."""
        defects = self._defects
        data = burst.on_channel(channel)
        parts: list[bytes] = []
        if defects.crlf_before_frames:
            for offset, size in burst.packets:
                parts += [b"\r\n", data[offset : offset + FRAME_HEADER + size]]
        else:
            parts.append(data)
        self._bursts += 1
        if defects.stray_bytes and self._bursts % STRAY_EVERY_BURSTS == 0:
            parts.append(self._rng.randbytes(defects.stray_bytes))
        if self._elapsed(now) < defects.stale_session_s and burst.track == 0 and not burst.rtcp:
            parts.append(self._stale(burst, data))
        return b"".join(parts)

    def _stale(self, burst: Burst, data: bytes) -> bytes:
        """Return the same packets as the earlier session sends them."""
        stale = bytearray(data)
        for offset, _ in burst.packets:
            at = offset + FRAME_HEADER
            number = int.from_bytes(stale[at + 2 : at + 4]) - _STALE_OFFSET
            struct.pack_into("!H", stale, at + 2, number & 0xFFFF)
            struct.pack_into("!I", stale, at + 8, self._stale_ssrc)
        return bytes(stale)

    def datagrams(self, packets: Iterable[memoryview]) -> Iterator[bytes | memoryview]:
        """Return RTP packets in the order in which a bad network delivers them."""
        defects, rng = self._defects, self._rng
        for packet in packets:
            if rng.random() < defects.udp_loss:
                continue
            if self._late is None and rng.random() < defects.udp_reorder:
                self._late = packet
                continue
            yield packet
            if rng.random() < defects.udp_duplicates:
                yield packet
            if self._late is not None:
                yield self._late
                self._late = None
