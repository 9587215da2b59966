"""One output: description, IDR pictures, repeated picture and readers; time passes when a test says so."""

import base64
import itertools
from dataclasses import replace

import pytest

from tests.support.outputs import (
    IDR_SLICE,
    OTHER_SLICE,
    PPS,
    SPS,
    SPS_640,
    SPS_LEVEL_5,
    FakeTiming,
    NotedMaker,
    NotedOutlet,
    NotedOwner,
    coded,
    reader,
    track,
)
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec
from transcoder.errors import TransportError
from transcoder.formats.served_audio import ServedAudio
from transcoder.output.fanout import Reader, Track
from transcoder.output.output import (
    AUDIO_WAIT_S,
    IDR_INTERVAL_S,
    PARAMETER_SETS_WAIT_S,
    QUIET_S,
    SLATE_WAIT_S,
    WAKE_WAIT_S,
    Output,
)
from transcoder.output.remembered import Remembered
from transcoder.output.repeats import REPEAT_S
from transcoder.rtp.sender import PreparedAccessUnit
from transcoder.rtsp.session import EndReason, ServerOptions
from transcoder.worker_options import OutputFormat, OutputOptions

IDR = (SPS, PPS, IDR_SLICE)
FORMAT = OutputFormat(width=352, height=208, frame_rate=12.5, matrix=1)
AUDIO = ServedAudio(clock_rate=16_000, config=b"\x14\x08")
PCMU = ServedAudio(codec=AudioCodec.PCMU, clock_rate=8000)


class Served(Output):
    """An output, and what it asks for."""

    def __init__(self, number: int = 1) -> None:
        self.timing, self.maker, self.owner = FakeTiming(), NotedMaker(), NotedOwner()
        super().__init__("front", number, OutputOptions(), self.maker, self.owner, self.timing, session_id=77)

    def give(self, *nal_units: bytes, repeated: bool = False, delay_s: float = 0.0) -> bool:
        now = self.timing.at
        return self.on_picture(*coded(*nal_units, at=now, repeated=repeated, delay_s=delay_s), now)

    async def sdp(self) -> list[str]:
        return (await self.describe("192.0.2.1")).decode().splitlines()

    def pass_time(self, seconds: float) -> None:
        """Let time pass in the steps of the gateway."""
        for _ in range(round(seconds / 0.25)):
            self.timing.advance(0.25)
            self.tick(self.timing.at)


@pytest.fixture
async def served() -> Served:
    return Served()


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_nothing_is_served_before_the_first_idr(served: Served) -> None:
    assert not served.give(OTHER_SLICE)
    assert served.status.pictures == 0
    assert served.give(*IDR)
    assert served.give(OTHER_SLICE)
    assert (served.status.pictures, served.status.idr) == (2, 1)


def test_what_is_counted(served: Served) -> None:
    served.give(*IDR, delay_s=0.03)
    served.give(*IDR, repeated=True, delay_s=5.0)
    status = served.status
    assert (status.pictures, status.repeated, status.idr) == (2, 1, 2)
    assert status.bytes == 2 * sum(map(len, IDR))
    assert (status.decode_s, status.stages_s, status.encode_s) == pytest.approx((0.008, 0.004, 0.009))
    assert status.encode_counts[3] == sum(status.encode_counts) == 2  # 3 ms to 5 ms
    assert status.delay_s(1.0) == pytest.approx(0.03)  # a repeated picture is not late


def test_a_picture_that_was_repeated_is_none_of_the_camera(served: Served) -> None:
    assert not served.give(*IDR, repeated=True)
    assert served.give(*IDR)


def test_when_which_pictures_were_served(served: Served) -> None:
    served.give(*IDR)
    served.pass_time(2)
    served.give(*IDR, repeated=True)
    served.pass_time(1)
    served.give(*IDR, repeated=True)
    told = served.status.spans.told(served.timing.at - 3, served.timing.at, 100.0)
    assert [(span["begin"], span["shows"], span["pictures"]) for span in told["spans"]] == [
        (97.0, "camera", 1),
        (99.0, "slate", 2),
    ]


# -- the description ---------------------------------------------------------------------------------------------------


async def test_the_description_is_of_our_encoder(served: Served) -> None:
    served.on_format(FORMAT)
    served.give(*IDR)
    lines = await served.sdp()
    assert served.timing.waits == []
    sets = ",".join(base64.b64encode(unit).decode() for unit in (SPS, PPS))
    assert any(f"sprop-parameter-sets={sets}" in line for line in lines)
    assert "a=framerate:12.5" in lines
    assert "b=AS:4000" in lines
    assert served.status.format == {"codec": "H264", "width": 352, "height": 208, "frame_rate": 12.5, "matrix": 1}


def session_id(lines: list[str]) -> int:
    [origin] = [line for line in lines if line.startswith("o=")]
    return int(origin.split()[1])


async def test_every_change_is_another_session_and_nothing_else_is(served: Served) -> None:
    """RFC 4566 section 5.2."""
    found = []
    for units in (
        IDR,
        IDR,
        (OTHER_SLICE,),
        (IDR_SLICE,),
        (SPS_LEVEL_5, PPS, IDR_SLICE),
        (SPS_640, PPS, IDR_SLICE),
        IDR,
    ):
        served.give(*units)
        found.append(session_id(await served.sdp()))
    assert found == [78, 78, 78, 78, 79, 80, 81]


async def test_a_description_waits_for_the_first_picture(served: Served) -> None:
    served.timing.while_waiting = lambda: served.give(*IDR)
    await served.sdp()
    assert served.timing.waits == [PARAMETER_SETS_WAIT_S]
    assert served.maker.repeats == []


async def test_then_for_a_slate(served: Served) -> None:
    def wait() -> None:
        assert served.maker.is_needed  # a stream whose camera was never there has no worker before
        if served.maker.repeats:
            served.give(*IDR, repeated=True)

    served.timing.while_waiting = wait
    await served.sdp()
    assert served.timing.waits == [PARAMETER_SETS_WAIT_S, SLATE_WAIT_S]
    assert served.maker.repeats == [(1, 1000.0 + PARAMETER_SETS_WAIT_S)]


async def test_then_it_is_given_without_parameter_sets(served: Served) -> None:
    """A recorder that is refused goes into a back-off; each IDR has the parameter sets (RFC 6184 section 8.4)."""
    began = served.timing.at
    lines = await served.sdp()
    assert served.timing.waits == [PARAMETER_SETS_WAIT_S, SLATE_WAIT_S]
    assert served.timing.at - began < 2.0
    assert "a=fmtp:96 packetization-mode=1" in lines
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))
    served.maker.repeats.clear()
    served.pass_time(3.0)
    assert len(served.maker.repeats) == 3  # until there is somebody to make it
    served.give(*IDR, repeated=True)
    assert any("sprop-parameter-sets" in line for line in await served.sdp())


def test_a_reader_hears_what_an_output_says_and_not_that_it_took_too_long() -> None:
    assert ServerOptions().description_limit_s > PARAMETER_SETS_WAIT_S + SLATE_WAIT_S + AUDIO_WAIT_S


async def test_a_description_is_there_within_2_seconds_with_sound_too(served: Served) -> None:
    served.owner.expects_audio = True
    began = served.timing.at
    await served.sdp()
    assert served.timing.at - began <= 2.0


# -- what is remembered ------------------------------------------------------------------------------------------------


REMEMBERED = Remembered(format=FORMAT, parameter_sets=(SPS, PPS), audio=AUDIO)


async def test_what_readers_were_told_before_this_start_is_told_at_once(served: Served) -> None:
    served.recall(REMEMBERED)
    lines = await served.sdp()
    assert served.timing.waits == []
    assert "a=framerate:12.5" in lines
    assert any("sprop-parameter-sets" in line for line in lines)
    assert any(line.startswith("m=audio") for line in lines)
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))
    assert served.maker.repeats  # a slate, at once
    served.on_format(FORMAT)
    served.give(*IDR, repeated=True)
    served.give(*IDR)
    assert served.owner.ended == []
    assert await served.sdp() == lines


async def test_a_camera_of_another_size_ends_those_who_were_told_the_remembered_one(served: Served) -> None:
    served.recall(REMEMBERED)
    served.give(SPS_640, PPS, IDR_SLICE)
    assert served.owner.ended == [("front", EndReason.FORMAT_CHANGE)]


async def test_what_is_known_is_not_replaced_by_what_is_remembered(served: Served) -> None:
    served.on_format(replace(FORMAT, frame_rate=5.0))
    served.recall(REMEMBERED)
    served.timing.while_waiting = lambda: served.give(*IDR)
    assert "a=framerate:5" in await served.sdp()


def test_what_is_told_is_remembered_when_it_changes_and_never_a_slate_s(served: Served) -> None:
    served.on_format(FORMAT, is_slate=True)
    served.give(*IDR, repeated=True)
    assert served.owner.remembered == []
    served.on_format(FORMAT)
    for _ in range(3):
        served.give(*IDR)
    served.on_audio(0, b"frame", AUDIO)
    expected = Remembered(format=FORMAT, parameter_sets=(SPS, PPS))
    assert served.owner.remembered == [expected, REMEMBERED]


async def test_a_disabled_stream_is_not_waited_for(served: Served) -> None:
    served.owner.is_enabled = False
    with pytest.raises(TransportError, match="disabled"):
        await served.describe("192.0.2.1")
    assert served.timing.waits == []


# -- other pictures ----------------------------------------------------------------------------------------------------


def test_another_size_ends_the_readers_and_other_parameter_sets_do_not(served: Served) -> None:
    served.on_format(FORMAT)
    for units in (IDR, (SPS_LEVEL_5, PPS, IDR_SLICE)):
        served.give(*units)
    assert served.owner.ended == []
    served.give(SPS_640, PPS, IDR_SLICE)
    assert served.owner.ended == [("front", EndReason.FORMAT_CHANGE)]
    assert served.owner.resized == [("front", served.status.format)]


@pytest.mark.parametrize("options", [OutputOptions(codec=Codec.H265), OutputOptions(size=(640, 360))])
async def test_a_shape_that_is_configured_ends_the_readers_before_it_comes(
    served: Served, options: OutputOptions
) -> None:
    served.on_format(FORMAT)
    served.configure(1, options)
    assert served.owner.ended == []  # nobody was told anything
    served.give(*IDR)
    served.configure(1, OutputOptions())
    assert served.owner.ended == [("front", EndReason.FORMAT_CHANGE)]
    assert not served.give(OTHER_SLICE)
    served.timing.while_waiting = lambda: served.give(*IDR)
    lines = await served.sdp()
    assert served.timing.waits == [PARAMETER_SETS_WAIT_S]
    assert not any(line.startswith("a=framerate") for line in lines)  # that was the old one's


async def test_other_settings_leave_the_readers(served: Served) -> None:
    served.give(*IDR)
    served.configure(0, OutputOptions(bitrate_kbps=20_000, gop_s=2, fps=5, preset="fast"))
    assert served.owner.ended == []
    assert served.fanout.limit == 20_000 * 125 * 2
    assert "b=AS:20000" in await served.sdp()
    served.request_idr()
    assert served.maker.forced == [0]


# -- IDR pictures on request -------------------------------------------------------------------------------------------


def test_readers_that_come_together_share_an_idr(served: Served) -> None:
    served.give(*IDR)
    served.request_idr()
    assert served.maker.forced == [1]
    for _ in range(5):
        served.request_idr()
        served.timing.advance(0.05)
    assert served.maker.forced == [1]
    served.timing.advance(IDR_INTERVAL_S)
    assert served.maker.forced == [1, 1]
    served.timing.advance(IDR_INTERVAL_S)
    served.request_idr()
    assert served.maker.forced == [1, 1, 1]


def test_an_idr_of_a_camera_that_is_away_is_a_repeated_picture(served: Served) -> None:
    served.give(*IDR)
    served.timing.advance(IDR_INTERVAL_S)
    served.request_idr()
    assert served.maker.repeats == []  # the next picture comes soon
    served.timing.advance(QUIET_S)
    served.request_idr()
    assert served.maker.repeats == [(1, served.timing.at)]


def test_an_output_that_was_stopped_asks_for_nothing(served: Served) -> None:
    served.request_idr()
    served.request_idr()
    served.stop()
    served.timing.advance(10)
    assert served.maker.forced == [1]


# -- the repeated picture ----------------------------------------------------------------------------------------------


def test_the_last_picture_is_repeated_while_there_is_none_and_somebody_watches(served: Served) -> None:
    served.give(*IDR)
    served.pass_time(5)
    assert served.maker.repeats == []
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))
    served.maker.repeats.clear()
    begin = served.timing.at
    served.pass_time(5)
    assert [at - begin for _, at in served.maker.repeats] == [REPEAT_S * number for number in (1, 2, 3, 4, 5)]
    assert served.status.readers == 1
    for _ in range(8):
        served.give(*IDR)
        served.pass_time(0.5)
    assert len(served.maker.repeats) == 5


def test_a_reader_that_joins_a_slate_gets_pictures_at_the_rate_that_it_was_told(served: Served) -> None:
    """A player opens a stream when it has measured the frame rate: half a minute at a picture a second."""
    served.on_format(FORMAT)
    served.give(*IDR)
    served.pass_time(5)
    assert served.maker.repeats == []
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))
    served.pass_time(2.0)
    assert len(served.maker.repeats) == 3  # there may be no worker yet
    served.maker.repeats.clear()
    served.give(*IDR, repeated=True)
    served.timing.advance(2.0)
    times = [shown for _, shown in served.maker.repeats]
    assert len(times) > 20
    assert [after - before for before, after in itertools.pairwise(times)] == pytest.approx([0.08] * (len(times) - 1))
    served.give(*IDR)
    served.maker.repeats.clear()
    served.timing.advance(0.1)
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))
    served.timing.advance(0.3)
    assert served.maker.repeats == []  # the camera's next picture comes soon


def test_between_bursts_nothing_is_repeated_in_the_way_of_what_comes(served: Served) -> None:
    """20 pictures at once every 2 s: the next ones are older than the pause. That a camera goes is still noticed."""
    served.give(*IDR)
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))

    def burst() -> None:
        now = served.timing.at
        for index in range(20):
            message, types = coded(*IDR, at=now - 1.6 + index / 10)
            served.on_picture(replace(message, arrival=now), types, now)

    burst()
    served.maker.repeats.clear()
    for _ in range(10):
        served.pass_time(2.0)
        burst()
    assert served.maker.repeats == []
    served.timing.advance(1.0)
    served.request_idr()  # somebody comes in the pause
    [(_, shown)] = served.maker.repeats
    assert shown == pytest.approx(served.timing.at - 1.6)
    served.pass_time(5.0)
    assert len(served.maker.repeats) >= 3
    served.pass_time(25.0)
    assert served.maker.repeats[-1][1] == served.timing.at


def test_without_a_description_there_is_nothing_to_repeat(served: Served) -> None:
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))
    served.maker.repeats.clear()
    served.pass_time(5)
    assert served.maker.repeats == []


# -- audio -------------------------------------------------------------------------------------------------------------


async def test_audio_is_described_once_there_is_any(served: Served) -> None:
    served.give(*IDR)
    assert not any(line.startswith("m=audio") for line in await served.sdp())
    assert served.timing.waits == []
    served.owner.expects_audio = True
    assert not any(line.startswith("m=audio") for line in await served.sdp())
    assert served.timing.waits == [AUDIO_WAIT_S]
    served.timing.while_waiting = lambda: served.on_audio(90_000_000, b"aac", AUDIO)
    lines = await served.sdp()
    assert any(line.startswith("m=audio") for line in lines)
    assert any("MPEG4-GENERIC/16000" in line.upper() for line in lines)
    assert any("config=1408" in line for line in lines)
    assert served.status.audio_units == 1


def listening(served: Served) -> NotedOutlet:
    """A reader of picture and sound that has begun."""
    sound = NotedOutlet()
    audio = Track(outlet=sound, sender=served.fanout.new_sender(5.0, audio=True))
    served.fanout.add(reader(track(served.fanout.new_sender(5.0)), audio))
    served.give(*IDR)
    return sound


def seconds_of(units: list[PreparedAccessUnit]) -> list[float]:
    """When each unit begins, counted from the first."""
    return [((unit.timestamp - units[0].timestamp) & 0xFFFF_FFFF) / AUDIO.clock_rate for unit in units]


async def test_silence_takes_the_place_of_sound_that_does_not_come(served: Served) -> None:
    """Recorders that take both tracks wrote nothing until the camera was back (Frigate, ffmpeg)."""
    served.give(*IDR)
    start = served.timing.now()
    served.on_audio(round(start * 90_000), b"aac", AUDIO)
    sound = listening(served)
    begun = len(sound.units)
    served.pass_time(0.25)
    assert len(sound.units) == begun, "sound is late sometimes"
    served.pass_time(3.0)
    times = seconds_of(sound.units)
    assert times[-1] == pytest.approx(3.25 - 0.25, abs=0.3), "silence keeps up with the clock, and stays behind it"
    assert {round(later - before, 4) for before, later in itertools.pairwise(times)} == {0.064}
    assert all(unit.data.endswith(bytes.fromhex("00000007")) for unit in sound.units[begun:])
    assert (served.status.audio_units, served.status.silent_audio_units) == (1, len(sound.units) - begun)
    served.on_audio(round(served.timing.now() * 90_000), b"back", AUDIO)
    assert sound.units[-1].data.endswith(b"back")
    times = seconds_of(sound.units)
    assert max(later - before for before, later in itertools.pairwise(times)) < 2 * 0.064, "and it leaves no hole"
    assert (served.status.audio_units, served.status.silent_audio_units) == (2, len(sound.units) - begun - 1)
    count = len(sound.units)
    served.pass_time(0.25)
    assert len(sound.units) == count


async def test_g711_and_its_silence_are_packets_of_20_ms_with_a_static_type(served: Served) -> None:
    """RFC 3551: payload type 0, no marker (section 4.1), one byte a sample, and 0xFF is the value 0 of the mu-law."""
    served.give(*IDR)
    served.on_audio(round(served.timing.now() * 90_000), b"\x12" * 160, PCMU)
    sound = listening(served)
    assert b"".join(unit.data[16:] for unit in sound.units) == b"\x12" * 160
    served.pass_time(2)
    assert len(sound.units) > 50
    assert {unit.data[4:6] for unit in sound.units} == {b"\x80\x00"}
    assert {unit.data[16:] for unit in sound.units[1:]} == {b"\xff" * 160}
    stamps = [unit.timestamp for unit in sound.units[1:]]
    assert {(later - before) & 0xFFFF_FFFF for before, later in itertools.pairwise(stamps)} == {160}
    lines = await served.sdp()
    assert lines[lines.index("m=audio 0 RTP/AVP 0") :] == [
        "m=audio 0 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=control:trackID=1", "a=recvonly",
    ]  # fmt: skip


async def test_a_description_without_sound_waits_for_none(served: Served) -> None:
    served.give(*IDR)
    served.owner.expects_audio = True
    waits = list(served.timing.waits)
    text = await served.describe("192.0.2.1", audio=False)
    assert b"m=audio" not in text
    assert served.timing.waits == waits
    served.on_audio(90_000_000, b"aac", AUDIO)
    assert b"m=audio" in await served.describe("192.0.2.1")
    assert await served.describe("192.0.2.1", audio=False) == text


async def test_sound_of_another_format_ends_the_readers(served: Served) -> None:
    served.give(*IDR)
    served.on_audio(90_000_000, b"aac", AUDIO)
    served.on_audio(90_010_000, b"\x12" * 160, PCMU)
    assert served.owner.ended == [("front", EndReason.FORMAT_CHANGE)]
    served.give(*IDR)
    assert "a=rtpmap:0 PCMU/8000" in await served.sdp()


async def test_silence_is_for_readers_and_for_streams_with_sound(served: Served) -> None:
    served.give(*IDR)
    sound = listening(served)
    served.pass_time(5)
    assert sound.units == [], "nobody asked for sound"
    served.on_audio(round(served.timing.now() * 90_000), b"aac", AUDIO)
    for each in list(served.fanout._readers):
        served.fanout.remove(each)
    served.pass_time(30)
    assert served.status.silent_audio_units == 0
    late = listening(served)
    served.pass_time(1)
    assert 1.0 <= len(late.units) * 0.064 <= 3.5, "not half a minute at once"


async def test_an_output_without_sound_has_none_of_the_streams(served: Served) -> None:
    served.give(*IDR)
    await served.sdp()
    served.owner.expects_audio = True
    served.on_audio(90_000_000, b"aac", AUDIO)
    served.configure(1, OutputOptions(audio=False))
    assert served.owner.ended == [("front", EndReason.FORMAT_CHANGE)]
    served.on_audio(90_010_000, b"aac", AUDIO)
    served.give(*IDR)
    waits = list(served.timing.waits)
    assert not any(line.startswith("m=audio") for line in await served.sdp())
    assert (served.timing.waits, served.status.audio_units) == (waits, 1)


async def test_audio_that_is_turned_off_ends_the_readers(served: Served) -> None:
    served.give(*IDR)
    served.on_audio(90_000_000, b"aac", AUDIO)
    served.forget_audio()
    assert served.owner.ended == [("front", EndReason.FORMAT_CHANGE)]
    served.give(*IDR)
    assert not any(line.startswith("m=audio") for line in await served.sdp())


async def test_a_later_reader_is_told_the_true_rate(served: Served) -> None:
    """open-nvr#229: a rate that was claimed is not the one that is served; readers that are here are left alone."""
    served.on_format(FORMAT)
    served.give(*IDR)
    first = await served.sdp()
    for _ in range(100):
        served.timing.advance(1 / 10)
        served.give(OTHER_SLICE)
    second = await served.sdp()
    assert "a=framerate:12.5" in first
    assert "a=framerate:10" in second
    assert first[1] != second[1]  # o=, another session (RFC 4566 section 5.2)
    assert [a for a, b in zip(first, second, strict=True) if a != b] == [first[1], "a=framerate:12.5"]
    assert served.status.format["frame_rate"] == 10.0
    assert served.owner.ended == []


async def test_a_picture_every_8_seconds_is_announced_as_it_is_repeated(served: Served) -> None:
    served.on_format(OutputFormat(width=352, height=208, frame_rate=0.5, matrix=1))
    served.give(*IDR)
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))
    served.maker.repeats.clear()
    begin, count = served.timing.at, 0
    for quarter in range(4 * 80):
        served.timing.advance(0.25)
        served.tick(served.timing.at)
        count += len(served.maker.repeats)
        for _ in served.maker.repeats:
            served.give(OTHER_SLICE, repeated=True)
        served.maker.repeats.clear()
        if quarter % 32 == 31:
            served.give(OTHER_SLICE)
            count += 1
    assert "a=framerate:1" in await served.sdp()
    assert count / (served.timing.at - begin) == pytest.approx(1.0, abs=0.1)


async def test_the_worker_is_told_that_nobody_reads(served: Served) -> None:
    served.give(*IDR)
    served.pass_time(1.5)
    assert served.maker.unread == []
    await served.sdp()  # somebody sets up a session
    served.pass_time(1.5)
    assert served.maker.unread == []
    served.pass_time(0.5)
    assert served.maker.unread == [1]
    served.pass_time(4.0)
    assert served.maker.unread == [1, 1, 1]
    served.fanout.add(reader(track(served.fanout.new_sender(5.0))))
    served.pass_time(10)
    assert len(served.maker.unread) == 3


async def test_another_size_that_nobody_reads_is_told_and_described(served: Served) -> None:
    served.on_format(FORMAT)
    served.give(*IDR)
    served.on_format(OutputFormat(width=640, height=360, frame_rate=12.5, matrix=1))
    served.give(SPS_640, PPS, IDR_SLICE)
    [(path, made)] = served.owner.resized
    assert (path, made["width"], made["height"]) == ("front", 640, 360)
    assert base64.b64encode(SPS_640).decode() in "".join(await served.sdp())


async def test_a_worker_that_catches_up_is_no_faster_camera(served: Served) -> None:
    """Pictures wait in a busy machine for 0.7 s, are served at once, and the rest comes as the camera sends."""
    served.on_format(OutputFormat(width=352, height=208, frame_rate=10.0, matrix=1))
    served.give(*IDR)
    sent = served.timing.at
    for index in range(1, 120):
        message, types = coded(OTHER_SLICE, at=sent + index / 10)
        served.timing.advance(max(sent + max(index / 10, 0.7) - served.timing.at, 0.0))
        served.on_picture(message, types, served.timing.at)
        assert served.status.format["frame_rate"] == 10.0, index


# -- on demand ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def on_demand(served: Served) -> Served:
    served.configure(1, OutputOptions(on_demand=True))
    served.pass_time(1)
    return served


def awake(served: Served) -> list[bool]:
    assert {number for number, _ in served.maker.awake} <= {1}
    return [is_awake for _, is_awake in served.maker.awake]


async def test_an_output_on_demand_sleeps_until_it_is_described(on_demand: Served) -> None:
    assert awake(on_demand)[-1] is False
    on_demand.timing.while_waiting = lambda: on_demand.give(*IDR)
    assert await on_demand.sdp()
    assert awake(on_demand)[-2:] == [False, True]
    on_demand.pass_time(15)
    assert awake(on_demand)[-2:] == [True, False]
    told = len(on_demand.maker.awake)
    assert await on_demand.sdp(), "what it told stays true"
    assert len(on_demand.maker.awake) == told


async def test_an_output_on_demand_is_awake_as_long_as_it_is_read(on_demand: Served) -> None:
    on_demand.give(*IDR)
    one = reader(track(on_demand.fanout.new_sender(5.0)))
    on_demand.fanout.add(one)
    assert awake(on_demand)[-1] is True
    on_demand.pass_time(60)
    assert awake(on_demand)[-1] is True
    on_demand.fanout.remove(one)
    on_demand.pass_time(5)
    assert awake(on_demand)[-1] is True
    on_demand.pass_time(6)
    assert awake(on_demand)[-1] is False


async def test_the_gateways_own_reader_wakes_it_too(on_demand: Served) -> None:
    sender = on_demand.fanout.new_sender(5.0)
    on_demand.fanout.add(Reader({0: track(sender)}, None, is_counted=False))
    on_demand.pass_time(30)
    assert (awake(on_demand)[-1], on_demand.status.readers) == (True, 0)


async def test_a_slate_comes_where_no_picture_does_after_it_woke(on_demand: Served) -> None:
    on_demand.give(*IDR)
    on_demand.pass_time(30)
    before = len(on_demand.maker.repeats)
    on_demand.fanout.add(reader(track(on_demand.fanout.new_sender(5.0))))
    assert len(on_demand.maker.repeats) == before, "the camera's picture is given time"
    on_demand.pass_time(1)
    assert len(on_demand.maker.repeats) > before


async def test_whoever_wakes_it_waits_for_its_picture(on_demand: Served) -> None:
    waits: list[float] = []
    on_demand.timing.waits = waits
    on_demand.timing.while_waiting = lambda: on_demand.give(*IDR)
    await on_demand.wake()
    await on_demand.wake()
    assert waits == [WAKE_WAIT_S]
