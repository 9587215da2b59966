"""The sound of one output: its description, its packets, and the silence in its place."""

import itertools

import pytest

from tests.support.outputs import (
    AUDIO,
    IDR,
    PCMU,
    NotedOutlet,
    Served,
    reader,
    track,
)
from transcoder.output.fanout import Track
from transcoder.output.output import (
    AUDIO_WAIT_S,
)
from transcoder.rtp.sender import PreparedAccessUnit
from transcoder.rtsp.session import EndReason
from transcoder.worker_options import OutputOptions


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
