"""One function for each core: it raises where the core does something that its documentation doesn't say."""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.fuzz import seeds
from transcoder.codecs.access_unit import filter_nal_units
from transcoder.codecs.mpeg4 import video_object_layers
from transcoder.codecs.nal import (
    MAX_ACCESS_UNIT_SIZE,
    MAX_NAL_UNIT_SIZE,
    MAX_NAL_UNITS,
    Codec,
    is_allowed,
    nal_unit_type,
)
from transcoder.codecs.parameter_sets import parse_pps, parse_sps
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.errors import BitstreamError, PayloadError, RemoteProtocolError, ResponseError
from transcoder.ipc.messages import (
    MessageParser,
    MessageType,
    parse_coded,
    parse_json,
    serialize_coded,
    serialize_json,
    serialize_message,
)
from transcoder.ledger import MAX_KINDS, Ledger
from transcoder.rtp.audio import AudioReceiver
from transcoder.rtp.packet import parse_rtp
from transcoder.rtp.rtcp import parse_rtcp
from transcoder.rtp.timeline import LATE_FOR_S, MAX_EARLY_S, MAX_LATE_S, MAX_STEP_BACK_S, Timeline
from transcoder.rtp.video import VideoReceiver
from transcoder.rtsp.auth import Authenticator, Credentials, parse_challenges
from transcoder.rtsp.client import ClientProtocol, Described, FrameReceived
from transcoder.rtsp.fingerprint import Observations, firmware_traits, guess_family
from transcoder.rtsp.headers import Transport, parse_public, parse_session, parse_transports
from transcoder.rtsp.messages import InterleavedFrame, Request, Response, RtspParser
from transcoder.rtsp.tunnel import TunnelReply
from transcoder.rtsp.urls import base_target, join_control, parse_url, redirect_target
from transcoder.sdp import AudioSelection, Media, parse_sdp, select_audio, select_video


@dataclass(frozen=True)
class Target:
    """What is run and what it is run on.

    Attributes:
        run: raises on a fault.
        seeds: inputs to begin with.
        words: pieces of its syntax.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    words: list[bytes] = field(default_factory=list)


def sdp(data: bytes) -> None:
    """Session descriptions, and what is picked of them."""
    try:
        description = parse_sdp(data)
        firmware_traits(Observations(description=description))
        guess_family(Observations(description=description))
        video = select_video(description)
        select_audio(description, video)
    except RemoteProtocolError:
        return
    assert 0 <= video.index < len(description.media)
    assert all(0 <= number < 128 for number in video.payload_types)
    assert join_control("/live", video.media.control).isprintable()


CREDENTIALS = Credentials(username="admin", password="pw")
TCP = Transport(lower="TCP", interleaved=(0, 1))


def client(data: bytes) -> None:
    """A server's side of a whole conversation; each message comes alone, as it would after a request."""
    url = parse_url("rtsp://192.0.2.7/live?ch=1")
    protocol = ClientProtocol(url, CREDENTIALS, cnonce="c0ffee", now=0.0)
    now = 0.0
    try:
        for piece in re.split(rb"(?=RTSP/1\.0 )", data):
            now += 0.5
            protocol.receive_data(piece, now)
            while (event := protocol.next_event()) is not None:
                if isinstance(event, Described):
                    selection = select_video(parse_sdp(event.body))
                    protocol.setup(selection.media.control, TCP, now)
                elif isinstance(event, FrameReceived):
                    assert len(event.data) <= 65535
            check_requests(protocol.data_to_send())
            if (due := protocol.next_timeout()) is not None and due <= now:
                protocol.handle_timeout(now)
        protocol.teardown(now)
        check_requests(protocol.data_to_send())
    except (RemoteProtocolError, ResponseError):
        return


def check_requests(sent: list[bytes]) -> None:
    """Whatever the server says, what is sent is well formed and goes to the configured host, without the password."""
    for message in sent:
        if message.startswith(b"$"):
            continue
        head = message.partition(b"\r\n\r\n")
        assert not head[2]
        line = head[0].split(b"\r\n")[0]
        if not line.startswith(b"RTSP/1.0"):
            assert re.fullmatch(rb"[A-Z]+ rtsp://192\.0\.2\.7:554[\x21-\x7e]* RTSP/1\.0", line), line
        assert all(re.match(rb"[A-Za-z-]+: [^\r\n]*\Z", field) for field in head[0].split(b"\r\n")[1:]), head[0]


Event = tuple[str, object, bytes]


def _events(data: bytes, cut: int) -> tuple[list[Event], str]:
    parser = RtspParser()
    parser.channels = frozenset({0, 1})
    events: list[Event] = []
    try:
        for at in range(0, len(data), cut):
            parser.receive_data(data[at : at + cut])
            while (event := parser.next_event()) is not None:
                if isinstance(event, InterleavedFrame):
                    events.append(("frame", event.channel, bytes(event.data)))
                elif isinstance(event, Response):
                    events.append(("response", event.status, event.body))
                elif isinstance(event, Request):
                    events.append(("request", event.method, event.body))
    except RemoteProtocolError as error:
        return events, type(error).__name__
    return events, ""


def wire(data: bytes) -> None:
    """Messages and interleaved frames: the same, however the bytes are cut."""
    whole = _events(data, max(1, len(data)))
    if len(data) <= 2048:
        assert _events(data, 1) == whole
    assert _events(data, 97) == whole


def rtp(data: bytes) -> None:
    """One RTP packet."""
    try:
        packet = parse_rtp(data)
    except PayloadError:
        return
    assert 0 <= packet.payload_type < 128
    extension = 0 if packet.extension_profile is None else 4 + len(packet.extension)
    assert 12 + 4 * packet.csrc_count + extension + len(packet.payload) + packet.padding == len(data)


def rtcp(data: bytes) -> None:
    """One compound RTCP packet."""
    try:
        packets = parse_rtcp(data)
    except PayloadError:
        return
    assert 0 < len(packets) <= 32


def packets_of(data: bytes) -> Iterator[bytes]:
    """Packets of a framed input, without the flags."""
    at = 1
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2])
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


def _video(codec: SourceCodec) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        """RTP and RTCP of one media to dated access units, over TCP, or over UDP where the first byte is odd."""
        ledger = Ledger()
        receiver = VideoReceiver(
            codec=codec,
            payload_types=frozenset({96}),
            clock_rate=90_000,
            ledger=ledger,
            reorder=bool(data[:1] and data[0] & 1),
            ssrc=1,
            cname="x",
        )
        dates = Dates()
        now = 1000.0
        total = 0
        for packet in packets_of(data):
            now += 0.02
            if len(packet) > 1 and 200 <= packet[1] <= 204:
                receiver.receive_rtcp(packet, now)
            else:
                receiver.receive_rtp(packet, now)
            due = receiver.next_timeout()
            if due is not None and due <= now:
                receiver.handle_timeout(now)
            total += check_access_units(receiver, ledger, dates)
            report = receiver.report_due(now)
            assert report is None or parse_rtcp(report)
        receiver.handle_timeout(now + 10)
        receiver.flush()
        total += check_access_units(receiver, ledger, dates)
        assert total <= len(data) * (1 if isinstance(codec, Codec) else 70)  # headers of pictures are made anew
        assert len(list(ledger)) <= MAX_KINDS + 16

    return run


def check_access_units(receiver: VideoReceiver, ledger: Ledger, dates: "Dates") -> int:
    """What gets to the decoder is what the allow-list names, of bounded size, dated; bytes of it."""
    total = 0
    while (unit := receiver.next_access_unit()) is not None:
        kept = filter_nal_units(unit, ledger, is_allowed, "nal_in")
        assert len(kept) <= MAX_NAL_UNITS
        for each in kept:
            if unit.codec is PictureCodec.JPEG:
                check_jpeg(each)
            if isinstance(unit.codec, PictureCodec):
                assert b"\0\0\1\xb2" not in each
                continue
            assert b"\0\0\1" not in each
            assert is_allowed(unit.codec, nal_unit_type(unit.codec, each))
            assert len(each) <= MAX_NAL_UNIT_SIZE
        assert unit.size <= MAX_ACCESS_UNIT_SIZE
        dates.check(unit.timestamp, unit.completed)
        total += unit.size
    return total


FIELD = bytes.fromhex("ffe00010") + b"JFIF\0\x01\x02\0\0\x01\0\x02\0\0"
"""Our own words for the aspect ratio of a field."""


def check_jpeg(data: bytes) -> None:
    """Markers of the header are those that a decoder needs (ITU-T T.81 table B.1): no APPn, no COM."""
    assert data[:2] == b"\xff\xd8"
    at = 2 + (len(FIELD) if data.startswith(FIELD, 2) else 0)
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        assert data[at + 1] in {0xC0, 0xC1, 0xC4, 0xDB, 0xDD}, hex(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    at += 2 + int.from_bytes(data[at + 2 : at + 4])
    markers = {found[0] for found in re.findall(rb"\xff+([^\xff\x00])", data[at:-2], re.DOTALL)}
    assert markers <= set(range(0xD0, 0xD8)), markers
    assert data[-2:] == b"\xff\xd9"


class Dates:
    """Whatever timestamps say, a picture is dated near its arrival."""

    def __init__(self) -> None:
        self._timeline = Timeline(90_000)
        self._last: float | None = None
        self._gap = 0.0

    def check(self, rtp_timestamp: int, arrival: float) -> None:
        """Behind arrival at most for LATE_FOR_S, an interval, and a step back after the last picture in time."""
        self._gap = max(self._gap, arrival - (arrival if self._last is None else self._last))
        self._last = arrival
        time = self._timeline.presentation_time(rtp_timestamp, arrival) / 90_000 - arrival
        assert -LATE_FOR_S - MAX_LATE_S - MAX_STEP_BACK_S - self._gap - 0.01 <= time <= MAX_EARLY_S + 0.01, time


AAC = AudioSelection(
    index=1,
    media=Media(
        kind="audio", port=0, protocol="RTP/AVP", formats=(), control=None, direction="", attributes=(), raw_formats=()
    ),
    encoding="MPEG4-GENERIC",
    payload_types=frozenset({96}),
    clock_rate=16_000,
    channels=1,
)


def aac(data: bytes) -> None:
    """RTP of an AAC media to its frames."""
    receiver = AudioReceiver(AAC, Ledger(), reorder=bool(data[:1] and data[0] & 1))
    now = 1000.0
    total = 0
    for packet in packets_of(data):
        now += 0.06
        receiver.receive_rtp(packet, now)
        while (unit := receiver.next_unit()) is not None:
            assert unit.duration == 1024
            total += len(unit.data)
    receiver.handle_timeout(now + 10)
    while (unit := receiver.next_unit()) is not None:
        total += len(unit.data)
    assert total <= len(data)


def tunnel(data: bytes) -> None:
    """A server's reply to the GET of an HTTP tunnel."""
    reply = TunnelReply()
    handed_on = b""
    try:
        for at in range(0, len(data), 13):
            handed_on += reply.receive_data(data[at : at + 13])
    except (RemoteProtocolError, ResponseError):
        return
    assert not handed_on or (reply.is_open and data.endswith(handed_on))


def elements(data: bytes) -> None:
    """Elements of MPEG-4 Part 2, as a session description's `config` may hold them."""
    assert sum(map(len, video_object_layers(data))) <= len(data)


def timeline(data: bytes) -> None:
    """Timestamps and arrival times: 4 bytes and 1 byte (ms) a picture."""
    dates = Dates()
    now = 1000.0
    for at in range(0, len(data) - 4, 5):
        now += data[at + 4] / 1000
        dates.check(int.from_bytes(data[at : at + 4]), now)


def parameter_sets(data: bytes) -> None:
    """SPS and PPS of either codec."""
    for parse in (parse_sps, parse_pps):
        for codec in Codec:
            try:
                parse(codec, data)
            except BitstreamError:
                continue


def challenges(data: bytes) -> None:
    """WWW-Authenticate values, a line each, and the answers to them."""
    values = data.decode("utf-8", "surrogateescape").split("\n")
    found = parse_challenges(values)
    authenticator = Authenticator(CREDENTIALS, "c0ffee")
    for challenge in found:
        if authenticator.accept([challenge]):
            answer = authenticator.authorization("DESCRIBE", "rtsp://192.0.2.7:554/live") or ""
            assert "pw" not in answer or "pw" in data.decode("latin-1")


def headers(data: bytes) -> None:
    """Transport, Session, Public, Content-Base, control and Location values, by the first byte."""
    value = data[1:].decode("utf-8", "surrogateescape")
    which = data[0] % 6 if data else 0
    if which == 0:
        for transport in parse_transports(value):
            assert transport.lower in {"TCP", "UDP"}
            assert transport.interleaved is None or max(transport.interleaved) <= 255
            assert transport.server_port is None or max(transport.server_port) <= 65535
    elif which == 1:
        session = parse_session(value)
        assert session is None or (session.id.strip() == session.id and session.timeout_s >= 1)
    elif which == 2:
        parse_public(value)
    elif which == 3:
        assert re.fullmatch(r"[\x21-\x7e]*", join_control(base_target(value, None, "/live"), "trackID=1"))
    elif which == 4:
        assert re.fullmatch(r"[\x21-\x7e]*", join_control("/live", value))
    else:
        try:
            url = redirect_target(value, "192.0.2.7")
        except RemoteProtocolError:
            return
        assert url.host == "192.0.2.7"
        assert 0 < url.port <= 65535
        assert re.fullmatch(r"[\x21-\x7e]*", url.target)


def messages(data: bytes) -> None:
    """What a worker sends to the service."""
    parser = MessageParser()
    try:
        for at in range(0, len(data), 61):
            parser.receive_data(data[at : at + 61])
            while (message := parser.next_message()) is not None:
                kind, body = message
                if kind is MessageType.CODED:
                    coded = parse_coded(body)
                    assert all(is_allowed(coded.codec, nal_unit_type(coded.codec, unit)) for unit in coded.nal_units)
                elif kind >= MessageType.READY:
                    parse_json(body)
    except RemoteProtocolError:
        return


def _message_seeds() -> list[bytes]:
    coded = serialize_coded(Codec.H264, 2, 90_000, 1.0, (0.1, 0.2, 0.3), [*seeds.H264_SETS, b"\x65\x88\x84"])
    ready = serialize_message(MessageType.READY)
    report = serialize_json(MessageType.STATS, {"frames": 1, "cpu_s": 0.5, "source": {"width": 320}})
    return [ready + coded, report + coded + report, ready + report]


def _header_seeds() -> list[bytes]:
    urls = seeds.table("control_urls")
    values = [b"\0" + case["value"].encode() for case in seeds.table("transports")["case"]]
    values += [b"\x01        708345111;timeout=60", b"\x02OPTIONS, DESCRIBE, SETUP, PLAY"]
    values += [b"\x03" + row[0].encode() for row in urls["base"]]
    values += [b"\x04" + str(row[1]).encode() for row in urls.get("control", [])]
    return [*values, b"\x05rtsp://192.0.2.7:8554/moved?x=1", b"\x05rtsp://192.0.2.8/", b"\x05rtsp://[::1]:99999/"]


def _challenge_seeds() -> list[bytes]:
    return ["\n".join(case["values"]).encode() for case in seeds.table("challenges")["case"] if "values" in case]


def _set_seeds() -> list[bytes]:
    return [*seeds.H264_SETS, *seeds.H265_SETS]


def _timeline_seeds() -> list[bytes]:
    steady = b"".join(struct.pack("!IB", 3600 * index, 40) for index in range(40))
    wrap = b"".join(struct.pack("!IB", (0xFFFFF000 + 3600 * index) & 0xFFFFFFFF, 40) for index in range(40))
    step = steady[:100] + b"".join(struct.pack("!IB", 900_000_000 + 3600 * index, 40) for index in range(40))
    return [steady, wrap, step, steady[:100] + bytes(100)]


_RTSP_WORDS = [
    b"RTSP/1.0 200 OK\r\n", b"\r\n\r\n", b"\r\n", b"$\0\0\x04", b"$\x01\xff\xff", b"CSeq: ", b"Session: ",
    b"Transport: ", b"Content-Length: ", b"Content-Base: ", b"WWW-Authenticate: ", b"Location: ", b" 401 ", b" 302 ",
    b"OPTIONS * RTSP/1.0",
]  # fmt: skip
_SDP_WORDS = [
    b"m=video 0 RTP/AVP 96\r\n", b"a=rtpmap:96 H264/90000\r\n", b"a=control:", b"a=fmtp:96 ", b"sprop-parameter-sets=",
    b"sprop-vps=", b"\r\na=", b"c=IN IP4 ", b"a=recvonly\r\n", b"m=audio 0 RTP/AVP 8\r\n",
    b"a=rtpmap:26 JPEG/90000\r\n",
    b"a=x-dimensions:320,240\r\n", b"config=", b"a=rtpmap:96 H265/90000\r\n", b"a=rtpmap:97 MPEG4-GENERIC/16000/2\r\n",
]  # fmt: skip
_RTP_WORDS = [
    b"\0\0\x01", b"\0\0\0\x01", b"\x7c\x85", b"\x7c\x45", b"\x7c\xc5", b"\x18\0\x02", b"\x62\x01\x93",
    b"\x60\x01\0\x02",
    b"\x80\x60", b"\x80\xe0", b"\x90\x60", b"\xa0\x60", b"\0\x0e\x80\xe0", b"\x65\x88", b"\x41\x9a", b"\x26\x01\xaf",
]  # fmt: skip
_JPEG_WORDS = [
    b"\xff\xd8",
    b"\xff\xd9",
    b"\xff\xda",
    b"\xff\xe0\0\x04ab",
    b"\xff\xfe\0\x04ab",
    b"\xff\xd0",
    b"\xff\xd8\0\x01",
]
_MPEG4_WORDS = [b"\0\0\x01\xb6", b"\0\0\x01\xb2name", b"\0\0\x01\x20", b"\0\0\x01\xb3", b"\0\0\x01\xb0", b"\0\0\x01"]
_AUTH_WORDS = [
    b"Digest ",
    b"Basic ",
    b'realm="',
    b'nonce="',
    b"algorithm=SHA-256",
    b'qop="auth"',
    b"stale=TRUE",
    b", ",
    b'\\"',
]
_URL_WORDS = [b"rtsp://", b"//", b"[", b"]", b":", b"@", b"?", b"/", b"%00", b"interleaved=0-1", b";timeout=", b"ssrc="]

TARGETS: dict[str, Target] = {
    "sdp": Target(sdp, seeds.descriptions, _SDP_WORDS),
    "client": Target(client, seeds.dialogs, _RTSP_WORDS + _SDP_WORDS),
    "wire": Target(wire, seeds.wire, _RTSP_WORDS),
    "rtp": Target(
        rtp, lambda: [seeds.packet(1, 2, b"abc"), b"\xb1\xe0" + bytes(10) + b"csrc\xbe\xde\0\x01ext.data\x01"]
    ),
    "rtcp": Target(rtcp, seeds.reports),
    "h264": Target(_video(Codec.H264), lambda: seeds.streams("H264"), _RTP_WORDS),
    "h265": Target(_video(Codec.H265), lambda: seeds.streams("H265"), _RTP_WORDS),
    "jpeg": Target(_video(PictureCodec.JPEG), seeds.jpeg_streams, _JPEG_WORDS),
    "mpeg4": Target(_video(PictureCodec.MPEG4), seeds.mpeg4_streams, _MPEG4_WORDS),
    "elements": Target(elements, lambda: list(seeds.MPEG4), _MPEG4_WORDS),
    "aac": Target(aac, seeds.aac_streams, [b"\0\x10\0\x40", b"\xff\xf1\x50\x40", b"\x80\xe0"]),
    "tunnel": Target(tunnel, lambda: [seeds.TUNNEL], [b"HTTP/1.0 200 OK\r\n", b"\r\n\r\n", b" 404 "]),
    "timeline": Target(timeline, _timeline_seeds),
    "parameter_sets": Target(parameter_sets, _set_seeds),
    "challenges": Target(challenges, _challenge_seeds, _AUTH_WORDS),
    "headers": Target(headers, _header_seeds, _URL_WORDS),
    "messages": Target(messages, _message_seeds),
}
