"""The registry of payload formats: what reads it, and what adding a format takes."""

from collections import Counter, deque
from collections.abc import Callable

import pytest
from typing_extensions import override

from transcoder import formats
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.errors import RemoteProtocolError, SdpSyntaxError
from transcoder.formats import h264, jpeg
from transcoder.formats.depacketizer import Depacketizer, DepacketizerOptions, RtpPacket, RunDepacketizer
from transcoder.formats.video_format import FormatParameters, VideoPayloadFormat, VideoPayloadFormats
from transcoder.ipc.messages import (
    MessageParser,
    parse_access_unit,
    parse_coded,
    serialize_access_unit,
    serialize_coded,
)
from transcoder.ledger import Ledger
from transcoder.media import decoder
from transcoder.rtp.video import VideoReceiver
from transcoder.sdp import parse_sdp, select_video
from transcoder.service.worker_words import SOURCE_CODECS

BITMAP = PictureCodec("X-BITMAP")


class BitmapDepacketizer(Depacketizer):
    """Every packet is a picture, behind the palette of the session description; an empty one is a fault."""

    def __init__(self, options: DepacketizerOptions) -> None:
        self._palette = options.parameter_sets
        self._ready: deque[AccessUnit] = deque()
        self._damaged = False
        self._faults: Counter[str] = Counter()

    @property
    @override
    def faults(self) -> Counter[str]:
        return self._faults

    @override
    def receive(self, packet: RtpPacket, now: float) -> None:
        if not packet.payload:
            self._faults["empty picture"] += 1
            return
        elements = [*self._palette, bytes(packet.payload)]
        self._ready.append(
            AccessUnit(
                codec=BITMAP, timestamp=packet.timestamp, nal_units=elements, damaged=self._damaged, arrival=now,
                random_access=True, completed=now,
            )
        )  # fmt: skip
        self._damaged = False

    @override
    def lose(self, *, restart: bool) -> None:
        self._damaged = True

    @override
    def next_access_unit(self) -> AccessUnit | None:
        return self._ready.popleft() if self._ready else None


FORMAT = VideoPayloadFormat(
    title="bitmap",
    codec=BITMAP,
    number=77,
    encodings=("X-BITMAP", "X-BMP"),
    depacketizer=BitmapDepacketizer,
    from_fmtp=lambda parameters: FormatParameters(parameter_sets=(parameters["palette"].encode(),)),
)
DESCRIPTION = (
    b"v=0\r\nm=video 0 RTP/AVP 99\r\na=rtpmap:99 x-bitmap\r\na=fmtp:99 palette=grey\r\na=control:track1\r\n"
    b"m=audio 0 RTP/AVP 0\r\n"
)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that adds a format."""
    monkeypatch.setattr(formats, "VIDEO", VideoPayloadFormats(*formats.VIDEO.ranks, (FORMAT,)))


def test_a_format_that_is_not_registered_is_not_selected() -> None:
    told = r"no H\.264, H\.265, MPEG-4 or JPEG video .* offers video of an unknown encoding"
    with pytest.raises(SdpSyntaxError, match=told):
        select_video(parse_sdp(DESCRIPTION))


@pytest.mark.usefixtures("registered")
def test_a_registered_format_is_selected_received_and_sent_to_the_worker(rtp: Callable[..., bytes]) -> None:
    description = parse_sdp(DESCRIPTION)
    assert description.media[0].formats[0].clock_rate == 90_000  # left out of rtpmap
    selection = select_video(description)
    assert (selection.codec, selection.payload_types, selection.parameter_sets) == (BITMAP, frozenset({99}), (b"grey",))

    receiver = VideoReceiver(
        codec=selection.codec, payload_types=selection.payload_types, clock_rate=selection.clock_rate, ledger=Ledger(),
        reorder=False, ssrc=1, cname="x", parameter_sets=selection.parameter_sets,
    )  # fmt: skip
    for number, payload in ((0, b"one"), (1, b""), (3, b"two")):
        receiver.receive_rtp(rtp(number, 3600 * number, payload, payload_type=99), 5.0)
    units = [receiver.next_access_unit(), receiver.next_access_unit()]
    assert [(unit.timestamp, unit.nal_units, unit.damaged) for unit in units if unit is not None] == [
        (0, [b"grey", b"one"], False),
        (3 * 3600, [b"grey", b"two"], True),  # packet 2 is missing before it
    ]
    assert receiver.next_access_unit() is None
    assert receiver.faults == {"empty picture": 1}

    parser = MessageParser()
    parser.receive_data(serialize_access_unit(BITMAP, 0, 7, 5.0, b"one"))
    message = parser.next_message()
    assert message is not None
    assert message[1][0] == 77
    assert parse_access_unit(message[1]).codec is BITMAP


@pytest.mark.usefixtures("registered")
def test_a_worker_sends_no_pictures_of_a_format_that_is_not_served() -> None:
    coded = bytearray(serialize_coded(0, Codec.H264, 2, 7, 1.0, (0.1, 0.2, 0.3), [b"\x65\x88\x84"])[5:])
    assert parse_coded(memoryview(bytes(coded)), 1).codec is Codec.H264
    for number in (0, 3, 4, 77, 255):
        coded[1] = number
        with pytest.raises(RemoteProtocolError, match="impossible header"):
            parse_coded(memoryview(bytes(coded)), 1)


@pytest.mark.usefixtures("registered")
def test_a_format_of_an_earlier_rank_is_preferred() -> None:
    media = b"m=video 0 RTP/AVP 99 26 97\r\na=rtpmap:99 X-BMP/90000\r\n"
    assert select_video(parse_sdp(media)).codec is PictureCodec.JPEG
    assert select_video(parse_sdp(media + b"a=rtpmap:97 H265/90000\r\n")).codec is Codec.H265


@pytest.mark.parametrize(
    "other",
    [
        VideoPayloadFormat(title="x", codec=Codec.H264, number=9, encodings=("X",), depacketizer=BitmapDepacketizer),
        VideoPayloadFormat(title="x", codec=BITMAP, number=1, encodings=("X",), depacketizer=BitmapDepacketizer),
        VideoPayloadFormat(title="x", codec=BITMAP, number=9, encodings=("X", "H264"), depacketizer=BitmapDepacketizer),
    ],
    ids=["codec", "number", "encoding"],
)
def test_nothing_belongs_to_two_formats(other: VideoPayloadFormat) -> None:
    with pytest.raises(ValueError, match="x takes the codec, number or encoding name of another format"):
        VideoPayloadFormats((h264.FORMAT,), (other,))


def test_every_format_has_a_decoder_and_every_decoder_a_format() -> None:
    assert set(decoder.NAMES) == {each.codec for each in formats.VIDEO}


def test_a_worker_may_report_every_format() -> None:
    """A worker that decodes a new format is not taken for one that breaks the protocol."""
    assert {each.codec.value for each in formats.VIDEO} == SOURCE_CODECS


def test_every_codec_of_ours_is_served() -> None:
    assert {each.codec for each in formats.VIDEO if each.serving} == set(Codec)
    with pytest.raises(KeyError):
        formats.VIDEO.of_codec(BITMAP)


def test_numbers_on_the_wire_are_as_they_were() -> None:
    assert {each.encodings[0]: each.number for each in formats.VIDEO} == {
        "H264": 1, "H265": 2, "JPEG": 3, "MP4V-ES": 4,
    }  # fmt: skip


def test_runs_of_fragments_are_taken_where_nal_units_come_in_order() -> None:
    options = DepacketizerOptions(ledger=Ledger())
    assert isinstance(h264.FORMAT.depacketizer(options), RunDepacketizer)
    assert not isinstance(jpeg.FORMAT.depacketizer(options), RunDepacketizer)
