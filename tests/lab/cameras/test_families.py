"""Each family, on the wire: a client that shares no code with the product, and ffmpeg."""

import asyncio
import re
from itertools import pairwise

import pytest

from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.canary_search import missing
from transcoder.lab.cameras.families import FAMILIES, SOUND
from transcoder.lab.cameras.server import SimulatedCamera

GOP = 10
CLOCK_PER_PICTURE = 4500


def camera_of(name: str, contents: dict[SourceCodec, Content], *settings: str, **options) -> SimulatedCamera:
    behaviour = override(FAMILIES[name].behaviour, settings)
    return SimulatedCamera(behaviour, contents[behaviour.codec], **{"password": "s3cret", **options})


async def recorded(camera: SimulatedCamera, client_class, seconds: float = 0.8, media: list[int] | None = None):
    async with camera:
        client = await client_class(camera.url).connect()
        client.password, password = None, client.password
        status, _, _ = await client.request("DESCRIBE", f"rtsp://{client.host}:{client.port}/")
        client.password = password
        assert status == (401 if password else 404)
        texts = await client.play(media)
        packets = await client.packets(seconds)
        client.close()
    return client, texts, packets


def nal_units(packets, payload_type: int, codec: Codec) -> list[bytes]:
    """NAL units of a track, put together by hand (RFC 6184 5.7.1 and 5.8, RFC 7798 4.4.2 and 4.4.3)."""
    units: list[bytes] = []
    aggregate, fragment, header = (24, 28, 1) if codec is Codec.H264 else (48, 49, 2)
    for packet in packets:
        if packet.channel != 0 or packet.payload_type != payload_type:
            continue
        data = packet.payload
        kind = data[0] & 31 if codec is Codec.H264 else data[0] >> 1 & 63
        if kind == aggregate:
            at = header
            while at < len(data):
                size = int.from_bytes(data[at : at + 2])
                units.append(data[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == fragment:
            flags = data[header]
            if flags & 0x80:
                first = (data[0] & 0xE0) | (flags & 31) if codec is Codec.H264 else (data[0] & 0x81) | (flags & 63) << 1
                units.append(bytes((first,)) + data[1:header] + data[header + 1 :])
            else:
                units[-1] += data[header + 1 :]
        else:
            units.append(data)
    return units


@pytest.mark.parametrize("name", sorted(FAMILIES))
async def test_every_canary_is_on_the_wire(name: str, contents, client_class) -> None:
    camera = camera_of(name, contents)
    listed = camera.canaries()
    client, _, _ = await recorded(camera, client_class)
    assert len(listed) >= (10 if name in SOUND else 6)
    assert camera.canaries() == listed
    assert missing(bytes(client.recorded), camera.canaries()) == []
    assert len({canary.value for canary in camera.canaries()}) == len(camera.canaries())


@pytest.mark.parametrize("name", SOUND)
async def test_every_canary_without_a_login(name: str, contents, client_class) -> None:
    camera = camera_of(name, contents, password=None)
    async with camera:
        client = await client_class(camera.url).connect()
        await client.play()
        await client.packets(0.8)
        client.close()
    assert missing(bytes(client.recorded), camera.canaries()) == []


@pytest.mark.parametrize("name", SOUND)
async def test_no_canary_of_another_camera_is(name: str, contents, client_class) -> None:
    other = camera_of(name, contents, seed="other")
    client, _, _ = await recorded(camera_of(name, contents), client_class, 0.3)
    assert missing(bytes(client.recorded), other.canaries()) == other.canaries()


@pytest.mark.parametrize("name", SOUND)
async def test_video_loops_without_a_seam(name: str, contents, client_class) -> None:
    """The loop is 1 s long; 1.3 s show its end and its beginning."""
    camera = camera_of(name, contents)
    behaviour = camera.camera.behaviour
    _, _, packets = await recorded(camera, client_class, 1.3, [0])
    video = [packet for packet in packets if packet.payload_type == behaviour.video_payload_type]
    assert len({packet.ssrc for packet in packets if packet.channel == 0}) == 1
    assert all((b.sequence_number - a.sequence_number) & 0xFFFF == 1 for a, b in pairwise(video))
    times = [packet.timestamp for packet in video if packet.marker]
    assert len(times) >= 24
    assert all((b - a) & 0xFFFFFFFF in range(CLOCK_PER_PICTURE - 1, CLOCK_PER_PICTURE + 2) for a, b in pairwise(times))
    assert all(a.timestamp == b.timestamp for a, b in pairwise(video) if not a.marker)
    assert max(len(packet.payload) for packet in video) <= 1400
    content = camera.camera.content
    assert isinstance(content.codec, Codec)
    sent = nal_units(packets, behaviour.video_payload_type, content.codec)
    pictures = [unit for unit in sent if any(unit in au.nal_units for au in content.access_units) and len(unit) > 40]
    loop = [unit for au in content.access_units for unit in au.nal_units if len(unit) > 40]
    whole = len(pictures) - 1  # the last one may be cut off
    assert pictures[:whole] == (loop * 2)[:whole]


@pytest.mark.process
@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("name", SOUND)
async def test_ffmpeg_plays_it(name: str, transport: str, contents, ffmpeg: str) -> None:
    async with camera_of(name, contents) as camera:
        arguments = ["-v", "error", "-xerror", "-nostdin", "-rtsp_transport", transport, "-i", camera.url]
        output = ["-map", "0:v", "-t", "1.25", "-fps_mode", "passthrough", "-f", "framemd5", "-"]
        process = await asyncio.create_subprocess_exec(
            ffmpeg, *arguments, *output, stdin=asyncio.subprocess.DEVNULL, stdout=-1, stderr=-1
        )
        out, errors = await asyncio.wait_for(process.communicate(), 30)
    sums = [line.rpartition(",")[2] for line in out.decode().splitlines() if not line.startswith("#")]
    assert errors.decode() == ""
    assert process.returncode == 0
    assert 24 <= len(sums) <= 26
    assert sums[20:24] == sums[:4]  # after 20 pictures the loop begins anew
    assert len(set(sums[:20])) == 20


async def test_hikvision(contents, client_class) -> None:
    client, texts, packets = await recorded(camera_of("hikvision", contents), client_class)
    [media_info] = re.findall(r"a=Media_header:MEDIAINFO=([0-9A-F]+);", client.sdp)
    assert bytes.fromhex(media_info)[:4] == b"IMKH"
    assert len(media_info) == 80
    assert "profile-level-id=420029;" in client.sdp
    assert re.search(r"a=control:rtsp://[^?]*/trackID=1\?transportmode=unicast&profile=Profile_1\r", client.sdp)
    assert "vnd.onvif.metadata/90000" in client.sdp
    assert all(re.search(r"Session: {9}\d+", text) for text in texts)
    assert re.search(r"RTP-Info: url=rtsp://.*trackID=1\?transportmode", texts[-1])
    private = [packet for packet in packets if packet.payload_type == 112]
    video = [packet for packet in packets if packet.payload_type == 96]
    assert all(packet.channel == 0 and packet.payload == b"" and packet.marker for packet in private)
    assert {packet.extension[:2].hex() for packet in private} == {"0001", "0002"}
    assert {packet.ssrc for packet in private} == {video[0].ssrc}
    assert {packet.timestamp for packet in private} >= {packet.timestamp for packet in video}
    assert all((b.sequence_number - a.sequence_number) & 0xFFFF == 1 for a, b in pairwise(private))
    assert abs(private[0].sequence_number - video[0].sequence_number) > 100
    at, items = 4, {}
    extension = private[0].extension
    while at < len(extension) and extension[at]:
        items[extension[at]] = extension[at + 2 : at + 2 + extension[at + 1]]
        at += 2 + extension[at + 1]
    assert set(items) == {0x40, 0x45, 0x41}
    assert items[0x40].startswith(b"HK")
    assert len(items[0x41]) == 16
    extended = [packet for packet in video if packet.extension]
    assert [packet.extension[:2].hex() for packet in extended] == ["4000"] * len(extended)
    assert len(extended) == 2  # one for each of the IDR pictures of 0.8 s


async def test_dahua(contents, client_class) -> None:
    camera = camera_of("dahua", contents)
    async with camera:
        client = client_class(camera.url)
        await client.connect()
        password, client.password = client.password, None
        status, text, _ = await client.request("OPTIONS", client.base)
        assert status == 401
        assert re.search(r'realm="Login to [0-9a-f]{16}"', text)
        client.password = password
        texts = await client.play()
        packets = await client.packets(0.6)
        client.close()
    assert client.content_base.endswith("proto=Onvif/")
    assert "a=packetization-supported:DH\r\na=rtppayload-supported:DH\r\n" in client.sdp
    assert re.search(r"sprop-sps=.*sprop-pps=.*sprop-vps=", client.sdp)
    assert re.search(r"ssrc= +[0-9A-F]+\r", texts[0])
    assert "RTP-Info: url=trackID=0;" in texts[-1]
    units = nal_units(packets, 98, Codec.H265)
    types = [unit[0] >> 1 for unit in units]
    pictures = sum(kind < 32 for kind in types)
    assert types.count(35) >= pictures >= 11
    assert sum(unit[:5].hex() == "4e01050030" for unit in units) >= pictures
    assert types[0] == 35
    assert {38, 39, 40, 45} <= set(types)
    assert b"(none)" in client.recorded
    audio = [packet for packet in packets if packet.channel == 2]
    assert 12 <= len(audio) <= 18
    assert all((b.timestamp - a.timestamp) & 0xFFFFFFFF == 320 for a, b in pairwise(audio))
    metadata = [packet for packet in packets if packet.channel == 4]
    assert metadata[0].marker
    assert metadata[0].payload_type == 107
    assert metadata[0].payload.startswith(b"<?xml")


async def test_uniview(contents, client_class) -> None:
    client, _, packets = await recorded(camera_of("uniview", contents), client_class)
    assert re.search(r"o=- 7\d+ 1 IN \r\n", client.sdp)
    assert "\r\nc=IN \r\n" in client.sdp
    assert "\r\nt=" not in client.sdp
    assert "a=fmtp:107 DecoderTag=h3c-v3 RTCP=0" in client.sdp
    assert "a=sendonly" in client.sdp
    video = [packet for packet in packets if packet.channel == 0]
    private = [index for index, packet in enumerate(video) if packet.payload_type == 50]
    assert len(private) == 2  # IDR pictures of 0.8 s
    for index in private:
        assert video[index - 1].marker
        assert video[index].sequence_number == video[index - 1].sequence_number
        assert video[index].timestamp == video[index - 1].timestamp
    assert not [packet for packet in packets if packet.channel == 6]  # nothing comes on the talk-back media


async def test_h264dvr(contents, client_class) -> None:
    client, texts, packets = await recorded(camera_of("h264dvr", contents), client_class)
    ids = [re.findall(r"Session: (\d+)", text)[0] for text in texts]
    assert ids[0] != ids[1]
    assert "s=" not in [line[:2] for line in client.sdp.splitlines()]
    assert "a=rtpmap:96 H264/90000 \r\n" in client.sdp
    assert all("\r\nCseq: " in text for text in texts)
    assert "RTP-Info" not in texts[-1]
    units = nal_units(packets, 96, Codec.H264)
    assert sum(unit[:2].hex() == "06e5" for unit in units) >= 15
    assert {packet.payload_type for packet in packets if packet.channel == 2} == {8}
    assert client.challenge == ""  # the password in the path was enough


async def test_unrequested_media_are_pushed(contents, client_class) -> None:
    camera = camera_of("dahua", contents, "push_unrequested=true")
    client, texts, packets = await recorded(camera, client_class, 0.8, [0])
    assert len(texts) == 2
    assert {packet.channel for packet in packets} == {0, 2, 4}
    assert missing(bytes(client.recorded), camera.canaries()) == []


async def test_marker_never_set(contents, client_class) -> None:
    _, _, packets = await recorded(camera_of("uniview", contents, "marker=none"), client_class, 0.5, [0])
    assert packets
    assert not any(packet.marker for packet in packets)


async def test_starts_in_the_middle_of_a_gop(contents, client_class) -> None:
    camera = camera_of("h264dvr", contents, "start_at_idr=false")
    _, _, packets = await recorded(camera, client_class, 0.5, [0])
    types = [unit[0] & 31 for unit in nal_units(packets, 96, Codec.H264)]
    assert types.index(5) > types.index(1)
    assert types[: types.index(5)].count(1) == 5
