"""One output: description, IDR pictures, repeated picture and readers; time passes when a test says so."""

import base64
import itertools
from dataclasses import replace

import pytest

from tests.support.outputs import (
    AUDIO,
    FORMAT,
    IDR,
    IDR_SLICE,
    OTHER_SLICE,
    PPS,
    SPS,
    SPS_640,
    SPS_LEVEL_5,
    Served,
    coded,
    reader,
    track,
)
from transcoder.codecs.nal import Codec
from transcoder.errors import TransportError
from transcoder.output.output import (
    AUDIO_WAIT_S,
    IDR_INTERVAL_S,
    PARAMETER_SETS_WAIT_S,
    QUIET_S,
    SLATE_WAIT_S,
)
from transcoder.output.remembered import Remembered
from transcoder.output.repeats import REPEAT_S
from transcoder.rtsp.session import EndReason, ServerOptions
from transcoder.worker_options import OutputFormat, OutputOptions

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


async def test_a_stream_that_was_disabled_is_described_no_more(served: Served) -> None:
    served.give(*IDR)
    await served.describe("192.0.2.1")  # the control
    served.owner.is_enabled = False
    with pytest.raises(TransportError, match="disabled"):
        await served.describe("192.0.2.1")


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
