"""Cameras of MJPEG and MPEG-4 Part 2, on the wire and in ffmpeg."""

import asyncio
import re
from dataclasses import replace

import pytest

from tests.support.jpeg_file import encode
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.canary_search import find
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.packets import block, with_extension
from transcoder.lab.cameras.picture_packets import packetize_pictures
from transcoder.lab.cameras.server import SimulatedCamera

NAMES = ("mjpeg", "mpeg4")


def camera_of(name: str, contents, *settings: str) -> SimulatedCamera:
    behaviour = override(FAMILIES[name].behaviour, settings)
    return SimulatedCamera(behaviour, contents[behaviour.codec], password="s3cret")


async def recorded(camera: SimulatedCamera, client_class):
    async with camera:
        client = await client_class(camera.url).connect()
        await client.play()
        packets = await client.packets(0.8)
        client.close()
    return client.sdp, packets


async def test_mjpeg(contents, client_class) -> None:
    camera = camera_of("mjpeg", contents)
    sdp, packets = await recorded(camera, client_class)
    assert "m=video 0 RTP/AVP 26\r\n" in sdp
    assert "rtpmap" not in sdp
    first = [packet for packet in packets if packet.payload[1:4] == b"\0\0\0"]
    assert len(first) >= 14
    for packet in first:
        assert packet.extension[:2].hex() == "ffd8"
        assert len(packet.extension) == 4 + 4 * int.from_bytes(packet.extension[2:4])
        assert {canary.name for canary in camera.canaries()} >= {"jpeg_com", "jpeg_app1", "jpeg_app4"}
        found = {item.canary.name for item in find(packet.extension, camera.canaries())}
        assert found == {"jpeg_com", "jpeg_app1", "jpeg_app4"}
        assert packet.payload[4:8] == bytes((1, 255, 320 // 8, -(-180 // 8)))
        assert packet.payload[8:12] in {b"\0\0\0\x40", b"\0\0\0\x80"}
    others = [packet for packet in packets if packet.payload[1:4] != b"\0\0\0"]
    assert others
    assert not any(packet.extension for packet in others)


async def test_mpeg4(contents, client_class) -> None:
    camera = camera_of("mpeg4", contents)
    sdp, packets = await recorded(camera, client_class)
    [text] = re.findall(r"a=fmtp:96 profile-level-id=1;config=([0-9A-F]+)\r", sdp)
    config = bytes.fromhex(text)
    codes = [part[0] for part in re.split(rb"\x00\x00\x01", config)[1:]]
    assert codes[:2] == [0xB0, 0xB5]
    assert codes[-2:] == [0x20, 0xB2]
    video = [packet for packet in packets if packet.channel == 0 and packet.payload_type == 96]
    stream = b"".join(packet.payload for packet in video)
    found = {item.canary.name for item in find(stream, camera.canaries())}
    assert found == {"user_data", "user_data_picture", "mpeg4_reserved"}
    assert stream.count(b"\x00\x00\x01\xb6") >= 14
    assert {packet.payload_type for packet in packets if packet.channel == 0} == {96, 112}


async def test_mpeg4_without_config_and_with_nothing_else(contents, client_class) -> None:
    sdp, packets = await recorded(camera_of("mpeg4", contents, "parameter_sets=stream"), client_class)
    assert "config=" not in sdp
    assert any(b"\x00\x00\x01\x20" in packet.payload for packet in packets)
    sdp, packets = await recorded(camera_of("mpeg4", contents, "parameter_sets=sdp"), client_class)
    assert "config=" in sdp
    assert not any(b"\x00\x00\x01\x20" in packet.payload for packet in packets)


@pytest.mark.process
@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("name", NAMES)
async def test_ffmpeg_plays_it(name: str, transport: str, contents, ffmpeg: str) -> None:
    settings = ("video_extension=none",) if name == "mjpeg" else ()  # which ffmpeg does not read
    async with camera_of(name, contents, *settings) as camera:
        arguments = ["-v", "error", "-xerror", "-nostdin", "-rtsp_transport", transport, "-i", camera.url]
        output = ["-map", "0:v", "-t", "1.25", "-fps_mode", "passthrough", "-f", "framemd5", "-"]
        process = await asyncio.create_subprocess_exec(
            ffmpeg, *arguments, *output, stdin=asyncio.subprocess.DEVNULL, stdout=-1, stderr=-1
        )
        out, errors = await asyncio.wait_for(process.communicate(), 30)
    sums = [line.rpartition(",")[2] for line in out.decode().splitlines() if not line.startswith("#")]
    assert errors.decode() == ""
    assert process.returncode == 0
    assert 23 <= len(sums) <= 27
    assert sums[20:23] == sums[:3]  # after 20 pictures the loop begins anew


def test_a_large_picture_has_its_size_in_the_extension_only(contents) -> None:
    content = replace(contents[PictureCodec.JPEG], width=2592, height=1944)
    camera = SimulatedCamera(FAMILIES["mjpeg"].behaviour, content).camera
    extension = camera._surroundings[0].jpeg_extension
    assert b"\xff\xc0\x00\x11\x08" + (1944).to_bytes(2) + (2592).to_bytes(2) in extension


def test_with_extension() -> None:
    part = block([b"first", b"second"])
    changed = with_extension(part, b"\xff\xd8\0\1abcd")
    assert changed.packets == ((0, 25, 0x90), (29, 18, 0x80))
    assert changed.data[16:29] == b"\xff\xd8\0\1abcdfirst"
    assert changed.data[29 + 16 :] == b"second"
    assert with_extension(part, b"") is part


@pytest.mark.parametrize(("wraps", "sides"), [(True, (64, 4)), (False, (0, 0))])
def test_a_side_of_over_2040_pixels(wraps: bool, sides: tuple[int, int]) -> None:
    """RFC 2435 section 3.1.5 has units of 8 pixels: 2560 is 320, which is 64 modulo 256."""
    payloads = packetize_pictures(PictureCodec.JPEG, [encode(2560, 32)], 1400, wraps=wraps)
    assert {(payload[6], payload[7]) for payload in payloads} == {sides}
