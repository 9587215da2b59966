"""One function for each core: it raises where the core does something that its documentation doesn't say."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz import discover, media, seeds, soap, text
from tests.fuzz.session import session, session_seeds
from transcoder.codecs.nal import (
    Codec,
    is_allowed,
    nal_unit_type,
)
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.errors import RemoteProtocolError
from transcoder.formats.depacketizer import DecodingOrder
from transcoder.ipc.messages import (
    MessageParser,
    MessageType,
    parse_coded,
    parse_json,
    parse_snapshot,
    serialize_coded,
    serialize_json,
    serialize_message,
)
from transcoder.ipc.thumbnails import Thumbnail, parse_thumbnail, serialize_thumbnail


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


def messages(data: bytes) -> None:
    """What a worker sends to the service."""
    parser = MessageParser()
    try:
        for at in range(0, len(data), 61):
            parser.receive_data(data[at : at + 61])
            while (message := parser.next_message()) is not None:
                kind, body = message
                if kind is MessageType.CODED:
                    coded = parse_coded(body, 2)
                    assert all(is_allowed(coded.codec, nal_unit_type(coded.codec, unit)) for unit in coded.nal_units)
                elif kind is MessageType.SNAPSHOT_TAKEN:
                    parse_snapshot(body, 2)
                elif kind is MessageType.THUMBNAIL_TAKEN:
                    parse_thumbnail(body, 2)
                elif kind >= MessageType.READY:
                    parse_json(body)
    except RemoteProtocolError:
        return


def _message_seeds() -> list[bytes]:
    coded = serialize_coded(1, Codec.H264, 2, 90_000, 1.0, (0.1, 0.2, 0.3), [*seeds.H264_SETS, b"\x65\x88\x84"])
    ready = serialize_message(MessageType.READY)
    report = serialize_json(MessageType.STATS, {"frames": 1, "cpu_s": 0.5, "source": {"width": 320}})
    small = serialize_thumbnail(Thumbnail(output_number=1, width=320, version=1, jpeg=b"\xff\xd8\xff\xd9"))
    return [ready + small, ready + coded, report + coded + report, ready + report]


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


_DON_WORDS = [
    b"\x79\0\x01\0\x02", b"\x7a\0\x01\0\x02\0\0\0", b"\x7b\0\x01\0\x02\0\0\0\0", b"\x7d\x85\0\x01",
    b"\xff\xff", b"\x7f\xff", b"\x64\x01\x26\x38",
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


_FRAME_WORDS = [
    b"\x82\x80abcd", b"\x82\xfe\x00\x80abcd", b"\x82\xff\0\0\0\0\0\x01\0\0abcd", b"\x89\x80abcd", b"\x80\x81abcdx",
    b"\x88\x82abcdxx", b"websocket", b"\r\n\r\n", b"HTTP/1.1", b"==",
]  # fmt: skip


_URL_WORDS = [b"rtsp://", b"//", b"[", b"]", b":", b"@", b"?", b"/", b"%00", b"interleaved=0-1", b";timeout=", b"ssrc="]


_CERTIFICATE = bytes.fromhex("30143012a003020102020105") + 5 * b"\x30\x00"
"""The skeleton of a certificate: version 3, serial number 5, and five empty sequences (RFC 5280 section 4.1)."""

TARGETS: dict[str, Target] = {
    "sdp": Target(text.sdp, seeds.descriptions, _SDP_WORDS),
    "client": Target(text.client, seeds.dialogs, _RTSP_WORDS + _SDP_WORDS),
    "certificate": Target(text.certificate, lambda: [_CERTIFICATE], [b"\x30\x82", b"\xa0\x03", b"\x80", b"\x84"]),
    "wire": Target(text.wire, seeds.wire, _RTSP_WORDS),
    "session": Target(session, session_seeds, _RTP_WORDS),
    "rtp": Target(
        media.rtp, lambda: [seeds.packet(1, 2, b"abc"), b"\xb1\xe0" + bytes(10) + b"csrc\xbe\xde\0\x01ext.data\x01"]
    ),
    "rtcp": Target(media.rtcp, seeds.reports),
    "h264": Target(media.video(Codec.H264), lambda: seeds.streams("H264"), _RTP_WORDS),
    "h265": Target(media.video(Codec.H265), lambda: seeds.streams("H265"), _RTP_WORDS),
    "h264_decoding_order": Target(
        media.video(Codec.H264, DecodingOrder(depth=4, max_don_diff=40)),
        lambda: seeds.numbered_streams("H264"),
        _RTP_WORDS + _DON_WORDS,
    ),
    "h265_decoding_order": Target(
        media.video(Codec.H265, DecodingOrder(depth=4, max_don_diff=6)),
        lambda: seeds.numbered_streams("H265"),
        _RTP_WORDS + _DON_WORDS,
    ),
    "jpeg": Target(media.video(PictureCodec.JPEG), seeds.jpeg_streams, _JPEG_WORDS),
    "mpeg4": Target(media.video(PictureCodec.MPEG4), seeds.mpeg4_streams, _MPEG4_WORDS),
    "elements": Target(media.elements, lambda: list(seeds.MPEG4), _MPEG4_WORDS),
    "aac": Target(media.aac, seeds.aac_streams, [b"\0\x10\0\x40", b"\xff\xf1\x50\x40", b"\x80\xe0"]),
    "opus": Target(media.opus, seeds.opus_streams, [b"\xfb\x30", b"\x1b\x02", b"\xfb"]),
    "tunnel": Target(text.tunnel, lambda: [seeds.TUNNEL], [b"HTTP/1.0 200 OK\r\n", b"\r\n\r\n", b" 404 "]),
    "opening": Target(text.opening, lambda: list(seeds.OPENINGS), _FRAME_WORDS),
    "soap": Target(soap.soap, soap.seeds, soap.WORDS),
    "discover": Target(discover.discover, discover.seeds, discover.WORDS),
    "timeline": Target(media.timeline, _timeline_seeds),
    "parameter_sets": Target(media.parameter_sets, _set_seeds),
    "challenges": Target(text.challenges, _challenge_seeds, _AUTH_WORDS),
    "headers": Target(text.headers, _header_seeds, _URL_WORDS),
    "messages": Target(messages, _message_seeds),
}
