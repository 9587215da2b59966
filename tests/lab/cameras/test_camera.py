"""The camera's clocks: what is due when, with the time handed in."""

import struct
from itertools import pairwise

import pytest

from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.camera import Camera
from transcoder.lab.cameras.families import FAMILIES


def camera_of(contents, family: str, *settings: str) -> Camera:
    behaviour = override(FAMILIES[family].behaviour, settings)
    return Camera(behaviour, contents[behaviour.codec], "1")


def timestamps(bursts, track: int = 0) -> list[int]:
    return [int.from_bytes(burst.data[8:12]) for burst in bursts if burst.track == track and not burst.rtcp]


def test_pictures_come_when_they_are_due(contents) -> None:
    camera = camera_of(contents, "h264dvr", "rtcp=false")
    assert camera.advance(10.0, 0.0, [0]) == []
    camera.start(10.0)
    assert len(camera.advance(10.0, 0.0, [0])) == 1
    assert camera.advance(10.049, 0.0, [0]) == []
    assert camera.next_due == pytest.approx(10.05)
    late = camera.advance(10.21, 0.0, [0])
    assert len(late) == 4
    assert [b - a for a, b in pairwise(timestamps(late))] == [4500, 4500, 4500]


def test_time_goes_on_while_nobody_reads(contents) -> None:
    camera = camera_of(contents, "h264dvr", "rtcp=false")
    camera.start(10.0)
    first = timestamps(camera.advance(10.0, 0.0, [0]))
    camera.stop()
    assert camera.advance(11.0, 0.0, [0]) == []
    camera.start(40.0)
    again = timestamps(camera.advance(40.0, 0.0, [0]))
    assert (again[0] - first[0]) & 0xFFFFFFFF == 30 * 90_000


def test_a_long_pause_of_the_process_is_left_out(contents) -> None:
    camera = camera_of(contents, "h264dvr", "rtcp=false")
    camera.start(10.0)
    before = timestamps(camera.advance(10.0, 0.0, [0]))
    after = camera.advance(25.0, 0.0, [0])
    assert len(after) == 1
    assert (timestamps(after)[0] - before[0]) & 0xFFFFFFFF == 15 * 90_000
    assert camera.anchor == (1, 25.0)


def test_sender_report(contents) -> None:
    camera = camera_of(contents, "dahua")
    camera.start(10.0)
    bursts = camera.advance(10.0, 1_700_000_000.5, [0])
    report = next(burst for burst in bursts if burst.rtcp)
    packet = bytes(report.data[4:])
    kind, length, ssrc, seconds, fraction, _, packets, octets = struct.unpack("!xBHIIIIII", packet[:28])
    video = [burst for burst in bursts if not burst.rtcp]
    assert (kind, length) == (200, 6)
    assert ssrc == camera.tracks[0].ssrc
    assert seconds == 1_700_000_000 + 2_208_988_800
    assert fraction == 1 << 31
    assert packets == sum(len(burst.packets) for burst in video)
    assert octets == sum(size - 12 for burst in video for _, size in burst.packets)
    # RFC 3550 section 6.5: SDES, one chunk, CNAME item, null-terminated to a 32-bit boundary
    source = packet[28:]
    assert source[:2] == b"\x81\xca"
    words = int.from_bytes(source[2:4])
    assert source[8] == 1
    assert source[10 : 10 + source[9]].startswith(b"(none)")
    assert source[10 + source[9]] == 0
    app = source[4 * (words + 1) :]
    assert app[:2] == b"\x80\xcc"
    assert len(app) == 4 * (int.from_bytes(app[2:4]) + 1)
    assert not [burst for burst in camera.advance(14.9, 0.0, [0]) if burst.rtcp]
    assert [burst for burst in camera.advance(15.0, 0.0, [0]) if burst.rtcp]


def test_cameras_share_the_content_but_not_the_numbers(contents) -> None:
    behaviour = FAMILIES["hikvision"].behaviour
    content = contents[behaviour.codec]
    one, two = Camera(behaviour, content, "1"), Camera(behaviour, content, "2")
    assert one.tracks[0].ssrc != two.tracks[0].ssrc
    assert one._blocks[0] is two._blocks[0]
    assert {canary.value for canary in one.canaries()}.isdisjoint(canary.value for canary in two.canaries())
