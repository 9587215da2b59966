"""What is handed on of what a camera sends: access units in, coded units out; every time is given."""

import itertools
import random

import pytest

from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.ledger import Ledger
from transcoder.rtp.audio import AudioUnit
from transcoder.rtp.rtcp import SenderReport
from transcoder.sdp import parse_sdp, select_audio, select_video
from transcoder.source.intake import MAX_PICTURES_PER_S, AudioIntake, CodedUnit, VideoIntake
from transcoder.source.status import SourceStatus
from transcoder.worker_options import AudioFormat

# of x264, told to make 352x208 at 15 fps, Main profile
SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
PPS = bytes.fromhex("68ef0f2c80")
IDR, SLICE, SEI = b"\x65\x88\x84\x01", b"\x41\x9a\x02\x01", b"\x06\x05\x01\x41\x80"
"""first_mb_in_slice 0, slice_type 7 (I) and 5 (P), pic_parameter_set_id 0 (H.264 section 7.3.3)."""
START = b"\x00\x00\x00\x01"
SDP = b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
SPROP = b"a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z01AH9oFhuhAAAADAEAAAAeDxgyo,aO8PLIA=\r\n"


class Intake:
    """The intake of a stream whose camera described H.264 with parameter sets, and what it let through."""

    def __init__(self, sprop: bytes = SPROP) -> None:
        self.status = SourceStatus()
        self.ledger = Ledger()
        self.video = VideoIntake(self.ledger, self.status)
        self.described_size = self.video.select(select_video(parse_sdp(SDP + sprop)))
        self.units: list[CodedUnit] = []
        self.now = 5000.0
        self._numbers = itertools.count()

    def take(self, *nal_units: bytes, timestamp: int | None = None) -> None:
        unit = AccessUnit(
            codec=Codec.H264,
            timestamp=next(self._numbers) * 3600 if timestamp is None else timestamp,
            nal_units=list(nal_units),
            random_access=any(nal_unit[0] & 31 == 5 for nal_unit in nal_units),
            damaged=False,
            arrival=self.now,
            completed=self.now,
        )
        coded = self.video.take(unit)
        if coded is not None:
            self.units.append(coded)


@pytest.fixture
def intake() -> Intake:
    return Intake()


def test_only_what_is_allowed_is_handed_on(intake: Intake) -> None:
    intake.take(SPS, PPS, SEI, IDR, b"\x1e\x01\x02\x03")
    intake.take(b"\x09\xf0", SLICE, b"\x0c\xff\x80")
    assert [coded.data for coded in intake.units] == [
        START + SPS + START + PPS + START + IDR,
        START + SLICE,
    ]
    assert [coded.random_access for coded in intake.units] == [True, False]
    counted = {kind: entry.count for layer, kind, entry in intake.ledger if layer == "nal_in"}
    assert counted == {"h264 type 6": 1, "h264 type 30": 1, "h264 type 9": 1, "h264 type 12": 1}
    assert intake.status.access_units == 2
    assert intake.status.bytes == sum(len(coded.data) for coded in intake.units)


def test_the_described_size_is_told(intake: Intake) -> None:
    assert intake.described_size == (352, 208)


def test_described_parameter_sets_go_before_an_idr_that_lacks_them(intake: Intake) -> None:
    intake.take(IDR)
    assert intake.units[0].data == START + SPS + START + PPS + START + IDR


@pytest.mark.parametrize(("described", "given"), [(b"Z01AH9oFhuhAAAADAEAAAAeDxgyo", PPS), (b"aO8PLIA=", SPS)])
def test_sets_of_the_description_and_the_stream_are_one_store(described: bytes, given: bytes) -> None:
    """The description has one set, the stream the other, once: a worker that begins at any later IDR needs both."""
    intake = Intake(b"a=fmtp:96 packetization-mode=1;sprop-parameter-sets=" + described + b"\r\n")
    intake.take(given, IDR)
    intake.take(SLICE)
    intake.take(IDR)
    complete = START + SPS + START + PPS + START + IDR
    assert [coded.data for coded in intake.units] == [complete, START + SLICE, complete]
    assert intake.video.unreadable is None


def test_nothing_is_handed_on_before_the_first_idr(intake: Intake) -> None:
    for nal_unit in (SLICE, SLICE, IDR, SLICE):
        intake.take(nal_unit)
    assert [coded.random_access for coded in intake.units] == [True, False]
    assert intake.status.skipped_access_units == 2
    intake.video.skip_to_random_access()
    for nal_unit in (SLICE, IDR):
        intake.take(nal_unit)
    assert [coded.random_access for coded in intake.units] == [True, False, True]


def test_an_access_unit_of_which_nothing_is_allowed(intake: Intake) -> None:
    intake.take(SEI)
    assert intake.units == []
    assert intake.status.access_units == 1


def test_pictures_keep_their_distance(intake: Intake) -> None:
    for index in range(10):
        intake.now = 5000 + index * 0.04
        intake.take(IDR, timestamp=(0xFFFF_F000 + index * 3600) & 0xFFFF_FFFF)
    times = [coded.pts for coded in intake.units]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {3600}
    assert times[0] == 5000 * 90_000


def test_no_camera_sends_pictures_so_fast(intake: Intake) -> None:
    """A second's worth may come at once, as after a stall; more is shed, and what follows begins at an IDR."""
    for _ in range(1000):
        intake.take(IDR)
    assert len(intake.units) == MAX_PICTURES_PER_S == 240
    assert intake.status.shed_access_units == 760
    intake.now = 5000.1
    intake.take(SLICE)
    intake.take(IDR)
    intake.take(SLICE)
    assert [coded.random_access for coded in intake.units[240:]] == [True, False]
    intake.now = 5010
    for _ in range(1000):
        intake.take(IDR)
    assert len(intake.units) == 242 + 240


def test_a_camera_at_sixty_pictures_is_never_slowed(intake: Intake) -> None:
    for index in range(600):
        intake.now = 5000 + index / 60
        intake.take(IDR)
    assert intake.status.shed_access_units == 0
    assert len(intake.units) == 600


def test_encrypted_pictures_are_not_handed_on(intake: Intake) -> None:
    rng = random.Random(3)
    for index in range(100):
        intake.now = 5000 + index * 0.04
        kind = b"\x65" if index % 25 == 0 else b"\x41"
        sets = (SPS, PPS) if index % 25 == 0 else ()
        intake.take(*sets, kind + rng.randbytes(200))
    assert intake.video.unreadable is not None
    assert intake.video.unreadable.code == "encrypted"
    handed_on = len(intake.units)
    assert handed_on < 5  # a random slice may look like one, before enough were seen
    for index in range(100):
        intake.now = 5010 + index * 0.04
        intake.take(SPS, PPS, b"\x65" + rng.randbytes(200))
    assert len(intake.units) == handed_on


def test_encryption_that_is_turned_off_is_noticed(intake: Intake) -> None:
    rng = random.Random(4)
    for index in range(100):
        intake.now = 5000 + index * 0.04
        intake.take(SPS, PPS, b"\x65" + rng.randbytes(200))
    assert intake.video.unreadable is not None
    assert intake.video.unreadable.code == "encrypted"
    before = len(intake.units)
    for index in range(1000):
        intake.now = 5010 + index * 0.04
        intake.take(SPS, PPS, IDR)
    assert intake.video.unreadable is None
    assert len(intake.units) > before + 400


# -- a connection after the other --------------------------------------------------------------------------------------


def test_dates_go_on_over_a_reconnection(intake: Intake) -> None:
    intake.take(IDR, timestamp=1_000_000)
    intake.video.reset()
    intake.now += 3.0
    intake.take(SLICE, timestamp=7)
    assert intake.status.skipped_access_units == 1  # it refers to a picture of the lost connection
    intake.now += 0.04
    intake.take(IDR, timestamp=3607)
    assert intake.units[1].pts == 5003 * 90_000 + 3600


def test_a_camera_that_begins_anew_within_a_connection(intake: Intake) -> None:
    intake.take(IDR, timestamp=1_000_000)
    intake.video.restart()
    intake.now += 0.04
    intake.take(SLICE, timestamp=7)
    assert [coded.pts for coded in intake.units] == [5000 * 90_000, 5000 * 90_000 + 3600]
    assert dict(intake.video.timestamp_repairs) == {}


def test_parameter_sets_that_were_added_are_told(intake: Intake) -> None:
    assert intake.video.faults == {}
    intake.take(IDR)
    intake.take(SPS, PPS, IDR)
    assert intake.video.faults == {"parameter sets added": 1}


def test_a_codec_without_nal_units_is_let_through_as_it_is() -> None:
    jpeg = Intake()
    description = b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n"
    selection = select_video(parse_sdp(description))
    assert jpeg.video.select(selection) is None
    picture = AccessUnit(
        codec=selection.codec, timestamp=0, nal_units=[b"\xff\xd8\xff\xd9"], random_access=True, damaged=False,
        arrival=1.0, completed=1.0,
    )  # fmt: skip
    assert jpeg.video.take(picture) == CodedUnit(
        codec=selection.codec, data=b"\xff\xd8\xff\xd9", pts=90_000, random_access=True
    )
    assert jpeg.video.unreadable is None


# -- audio -------------------------------------------------------------------------------------------------------------


class Audible:
    """The intake of a camera whose audio was set up: G.711."""

    def __init__(self) -> None:
        description = parse_sdp(SDP + b"m=audio 0 RTP/AVP 0\r\n")
        selection = select_audio(description, select_video(description))
        assert selection is not None
        self.status = SourceStatus()
        self.audio = AudioIntake(selection, self.status)

    def take(self, timestamp: int, arrival: float, *reports: SenderReport) -> int:
        """20 ms of it: when they begin."""
        unit = AudioUnit(timestamp=timestamp & 0xFFFF_FFFF, duration=160, data=bytes(160), arrival=arrival)
        return self.audio.take(unit, *(reports or (None, None)))


def test_audio_began_a_packet_before_it_came() -> None:
    audible = Audible()
    times = [audible.take(0xFFFF_FF00 + 160 * index, 5000 + 0.02 * index) for index in range(5)]
    assert audible.audio.format == AudioFormat(encoding="PCMU", clock_rate=8000, channels=1, config=b"")
    assert times == [5000 * 90_000 - 1800 + 1800 * index for index in range(5)]
    assert audible.status.audio_units == 5


def test_audio_that_begins_anew_follows_its_arrival() -> None:
    audible = Audible()
    audible.take(0, 5000.0)
    audible.audio.restart()
    assert audible.take(4_000_000, 5001.0) == 5001 * 90_000 - 1800


def test_audio_is_put_where_the_sender_reports_say() -> None:
    """Its sample 0 was taken a tenth of a second after the picture."""
    audible = Audible()
    video = SenderReport(ssrc=1, ntp=4_000_000_000 << 32, rtp_timestamp=0)
    audio = SenderReport(ssrc=2, ntp=(4_000_000_000 << 32) + (1 << 32) // 10, rtp_timestamp=0)
    audible.audio.note_video(0, 5000 * 90_000)
    assert audible.take(0, 5000.0, video, audio) == pytest.approx(5000 * 90_000 + 9000, abs=1)
