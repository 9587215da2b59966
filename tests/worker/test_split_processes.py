"""Both halves of a worker over the memory that two processes share; here they are in one process."""

import mmap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import av
import numpy as np
import pytest

from tests.support.coded_video import encode
from tests.support.linked_halves import LinkedHalves, audio_format, parsed, report
from tests.support.pipeline_run import Run, messages_of
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.ipc.messages import DECODE_ONLY, RANDOM_ACCESS, MessageType, parse_audio, serialize_output_number
from transcoder.ipc.planes import MEMORY_SIZE, plan_planes
from transcoder.media.common_picture import CommonLayout
from transcoder.media.decoder import padded_packet
from transcoder.worker import decoding_process, encoding_process, linked_streams, shared_planes
from transcoder.worker import sound as sound_module
from transcoder.worker.output_chain import OutputChain
from transcoder.worker.shared_planes import StreamLink
from transcoder.worker.sound import Sound
from transcoder.worker_options import AudioFormat, Mask, OutputFormat, OutputOptions, Place, Role, WorkerOptions

SIZE = (320, 240)
UNITS = encode("H264", SIZE, 30)
ULAW = (0x8F, 0x0F)
"""Two samples of G.711 of the same size, one positive, one negative."""


@pytest.fixture
def halves() -> Iterator[LinkedHalves]:
    with closing(LinkedHalves()) as made:
        yield made


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj422p", "yuv420p10le"])
def test_two_processes_make_what_one_makes(pixel_format: str) -> None:
    units = encode("H264", SIZE, 12, pixel_format=pixel_format)
    masks = (Mask(polygon=((0.2, 0.2), (0.8, 0.2), (0.5, 0.9)), style="pixelate"),)
    with closing(LinkedHalves(WorkerOptions(masks=masks))) as halves:
        halves.feed_all(units)
        run = Run(WorkerOptions(masks=masks), Codec.H264)
        run.feed(units)
        assert [picture.nal_units for picture in halves.coded] == [picture.nal_units for picture in run.coded]
        assert len(halves.coded) == 9
        assert halves.broken() == []
        assert MessageType.SOURCE_FORMAT in halves.kinds()


def test_idrs_follow_the_cameras_in_two_processes_too(halves: LinkedHalves) -> None:
    units = encode("H264", SIZE, 130, gop=30)
    for index, unit in enumerate(units):
        halves.feed(unit, 3600 * index, 0 if index % 30 else RANDOM_ACCESS)
    idrs = [picture.pts // 3600 for picture in halves.coded if picture.flags & RANDOM_ACCESS]
    assert idrs[-2:] == [90, 120]
    assert halves.broken() == []


def test_another_decoding_process_goes_on_with_the_next_picture(halves: LinkedHalves) -> None:
    halves.feed_all(UNITS[:10])
    before = len(halves.coded)
    halves.start_decoding()
    for index, unit in enumerate(UNITS[:10]):
        last = index == 9
        halves.feed(unit, 3600 * index, (0 if index else RANDOM_ACCESS) | (0 if last else DECODE_ONLY))
    assert len(halves.coded) == before  # these pictures were shown
    halves.feed(UNITS[10], 36_000)
    assert len(halves.coded) == before + 1
    assert not halves.coded[-1].flags & RANDOM_ACCESS
    assert halves.broken() == []


def test_another_encoding_process_takes_the_picture_that_lies_there(halves: LinkedHalves) -> None:
    halves.feed_all(UNITS[:10])
    before = len(halves.coded)
    fixed = OutputFormat(width=SIZE[0], height=SIZE[1], frame_rate=25.0)
    halves.options = WorkerOptions(outputs=(OutputOptions(fixed=fixed),))
    halves.start_encoding(3600 * 8, 3600 * 9)
    assert [(picture.pts, picture.flags) for picture in halves.coded[before:]] == [(3600 * 9, RANDOM_ACCESS)]
    assert halves.decoding._decoding._catching_up  # what waited meanwhile is decoded, however late
    halves.feed(UNITS[10], 36_000)
    assert [(picture.pts, picture.flags) for picture in halves.coded[before + 1 :]] == [(36_000, 0)]
    assert halves.broken() == []


def test_a_time_that_the_service_did_not_announce_shows_no_picture(halves: LinkedHalves) -> None:
    halves.feed_all(UNITS[:6])
    before = len(halves.coded)
    halves.feed(UNITS[6], 3600 * 6 + 1, announced=False)
    assert len(halves.coded) == before
    assert halves.broken() == ["a picture of a time that the service did not announce"]


def test_a_snapshot_is_made_by_the_encoding_half(halves: LinkedHalves) -> None:
    halves.feed_all(UNITS[:6])
    halves.tell(serialize_output_number(MessageType.SNAPSHOT, 0))
    kind, body = halves.told[-1]
    assert kind is MessageType.SNAPSHOT_TAKEN
    assert body[1:3] == b"\xff\xd8"


def test_the_reports_of_both_add_up_to_one_worker_s(halves: LinkedHalves) -> None:
    halves.feed_all(UNITS[:10])
    decoding, encoding = halves.decoding.stats(), halves.encoding.stats()
    assert decoding["counters"]["decoded_pictures"] == 10
    assert encoding["counters"]["encoded_pictures"] == len(halves.coded) == 7
    assert "encoded_pictures" not in decoding["counters"]
    assert "decoded_pictures" not in encoding["counters"]
    formats = [report(body) for kind, body in halves.told if kind is MessageType.SOURCE_FORMAT]
    assert [(found["width"], found["height"]) for found in formats] == [SIZE]


def test_pictures_that_are_no_later_are_left_out(halves: LinkedHalves) -> None:
    halves.feed_all(UNITS[:6])
    halves.feed(UNITS[6], 3600 * 5)
    assert halves.decoding.stats()["counters"]["unordered_pictures"] == 1
    assert halves.broken() == []


def test_pictures_that_a_camera_dates_in_decoding_order_are_shown(halves: LinkedHalves) -> None:
    units = encode("H264", SIZE, 24, parameters="bframes=2:b-adapt=0:scenecut=0")
    halves.feed_all(units)
    counters = halves.decoding.stats()["counters"]
    assert "unordered_pictures" not in counters
    assert counters["decoded_pictures"] > 16
    assert len(halves.coded) == counters["decoded_pictures"] - 3  # which tell the frame rate
    assert halves.broken() == []


# -- the map of changes ------------------------------------------------------------------------------------------------


def drawn(work: Any) -> list[np.ndarray]:
    """Our picture, as an encoder is given it."""
    picture = work._chains[0]._stages.picture
    return [plane[:, : picture.width >> (index > 0)].copy() for index, plane in enumerate(picture.planes)]


def assert_same(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for plane, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(plane, expected)


def whole(units: list[bytes]) -> list[np.ndarray]:
    """Our picture after these units in a worker of one process."""
    run = Run(WorkerOptions(), Codec.H264)
    run.feed(units)
    return drawn(run.pipeline.encoding)


def test_only_what_changed_is_written_and_said(halves: LinkedHalves) -> None:
    halves.feed_all(UNITS[:6])
    planes, changed = halves.link.writable().planes(*SIZE), halves.link.writable().changed(*SIZE)
    assert changed.shape == (15, 20)
    for plane in planes:
        plane[:] = 3
    halves.feed(UNITS[6], 3600 * 6)
    assert 2 <= np.count_nonzero(changed) < 30
    written = np.kron(changed, np.ones((16, 16), np.uint8)) != 0
    assert (planes[0][:, : SIZE[0]][~written] == 3).all()
    assert (planes[0][:, : SIZE[0]][written] > 3).all()
    assert_same(drawn(halves.encoding._encoding), whole(UNITS[:7]))


def test_pictures_that_one_half_leaves_out_are_no_gap_in_the_map(halves: LinkedHalves) -> None:
    halves.feed_all(UNITS[:10])
    halves.start_decoding()
    for index, unit in enumerate(UNITS[:13]):
        flags = RANDOM_ACCESS if index == 0 else 0
        halves.feed(unit, 3600 * index, flags | (DECODE_ONLY if index < 8 else 0))
        if index == 7:
            assert not halves.link.writable().changed(*SIZE).any()  # nothing was written
        if index == 8:
            assert halves.link.writable().changed(*SIZE).all()
    assert_same(drawn(halves.encoding._encoding), whole(UNITS[:13]))
    fixed = OutputFormat(width=SIZE[0], height=SIZE[1], frame_rate=25.0)
    halves.options = WorkerOptions(outputs=(OutputOptions(fixed=fixed),))
    halves.start_encoding(3600 * 12)
    assert halves.link.writable().changed(*SIZE).all()  # all is new to it
    assert_same(drawn(halves.encoding._encoding), whole(UNITS[:13]))
    halves.feed(UNITS[13], 3600 * 13)
    assert_same(drawn(halves.encoding._encoding), whole(UNITS[:14]))
    assert halves.broken() == []


def test_the_first_picture_of_a_decoding_process_is_no_change_of_scene(
    halves: LinkedHalves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it may have changed, but nobody knows; a picture that changed everywhere would be an IDR."""
    shares: list[float] = []
    observe = OutputChain.observe_change

    def noted(self: OutputChain, picture: Any, share: float) -> None:
        shares.append(share)
        observe(self, picture, share)

    monkeypatch.setattr(OutputChain, "observe_change", noted)
    halves.feed_all(UNITS[:6])
    halves.start_decoding()
    for index, unit in enumerate(UNITS[:12]):
        halves.feed(unit, 3600 * index, (0 if index else RANDOM_ACCESS) | (DECODE_ONLY if index < 6 else 0))
    assert len(shares) > 6
    assert max(shares) < 0.2
    assert halves.broken() == []


@pytest.mark.parametrize("lie", [0, 1, 2, 255])
def test_a_map_that_lies_costs_samples_alone(halves: LinkedHalves, lie: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoding half reads a map of the shape that belongs to the size, and any byte but 0 as a mark."""
    masks = (Mask(polygon=((0.2, 0.2), (0.8, 0.2), (0.5, 0.9)), style="blur"), Mask(polygon=((0, 0), (1, 0), (1, 0.3))))
    halves.options = WorkerOptions(masks=masks)
    halves.start_encoding()
    halves.feed_all(UNITS[:6])
    before = drawn(halves.encoding._encoding)
    write = CommonLayout.write

    def lying(self: CommonLayout, *arguments: Any) -> Any:
        write(self, *arguments)
        return np.full((15, 20), lie, np.uint8)

    monkeypatch.setattr(CommonLayout, "write", lying)
    for index in range(6, 12):
        halves.feed(UNITS[index], 3600 * index)
    assert halves.broken() == []
    if lie:
        run = Run(WorkerOptions(masks=masks), Codec.H264)
        run.feed(UNITS[:12])
        assert_same(drawn(halves.encoding._encoding), drawn(run.pipeline.encoding))
    else:
        assert_same(drawn(halves.encoding._encoding), before)  # masked as it was


# -- sound -------------------------------------------------------------------------------------------------------------


G711 = AudioFormat(encoding="PCMU", clock_rate=8000)
TONE = bytes(ULAW[index // 4 % 2] for index in range(160))
"""20 ms of a square wave of 1 kHz in G.711."""


def heard(frames: list[bytes], config: bytes) -> np.ndarray:
    """The samples of AAC frames, by FFmpeg's decoder."""
    decoder: Any = av.CodecContext.create("aac", "r")
    decoder.extradata = config
    return np.concatenate([piece.to_ndarray()[0] for data in frames for piece in decoder.decode(padded_packet(data))])


def test_sound_crosses_as_samples(halves: LinkedHalves) -> None:
    sound = Sound()
    list(sound.use_format(G711))
    one = [message for index in range(60) for message in sound.unit(1800 * index, TONE)]
    halves.set_audio(G711)
    for index in range(60):
        halves.feed_audio(TONE, 1800 * index)
    kinds = [kind for kind in halves.kinds() if kind is not MessageType.STATS]
    assert kinds[0] is MessageType.AUDIO_OUTPUT
    assert report(halves.told[0][1])["rate"] == 16_000
    direct = [parse_audio(body) for body, _ in messages_of(one, MessageType.AUDIO_CODED)]
    crossed = [parse_audio(memoryview(body)) for kind, body in halves.told if kind is MessageType.AUDIO_CODED]
    assert [pts for pts, _ in crossed] == [pts for pts, _ in direct]
    assert len(crossed) > 12
    # samples of 16 bits crossed, so the coder does not make the same bytes of them, but the same sound
    config = bytes.fromhex(report(halves.told[0][1])["config"])
    one_sound, other_sound = (heard([data for _, data in frames], config) for frames in (direct, crossed))
    assert np.abs(one_sound).max() > 0.1
    assert np.abs(one_sound - other_sound).mean() < 0.02 * np.abs(one_sound).mean()
    assert halves.encoding.stats()["counters"] == {"audio_out": len(crossed)}


def test_g711_crosses_in_pieces_of_its_own(halves: LinkedHalves) -> None:
    """Its codes stand for values in the middle of their steps: the same codes come out."""
    source = replace(G711, served=AudioCodec.PCMU)
    halves.set_audio(source)
    for index in range(60):
        halves.feed_audio(TONE, 1800 * index)
    assert report(halves.told[0][1]) == {"codec": "pcmu", "rate": 8000, "config": ""}
    crossed = [parse_audio(memoryview(body)) for kind, body in halves.told if kind is MessageType.AUDIO_CODED]
    assert len(crossed) > 55
    assert crossed == [(1800 * index, TONE) for index in range(len(crossed))]


def test_sound_of_a_rate_that_is_not_expected_is_left_out(halves: LinkedHalves) -> None:
    halves.set_audio(G711)
    halves.decoding.results(*parsed(audio_format(AudioFormat(encoding="PCMU", clock_rate=48_000))))
    for index in range(60):
        halves.feed_audio(TONE * 6, 1800 * index)
    assert halves.kinds() == []
    assert halves.broken() == []


def test_sound_that_can_not_be_encoded_is_said_once(halves: LinkedHalves, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(rate: int, codec: AudioCodec) -> None:
        raise MediaError(f"no encoder of {rate}")

    monkeypatch.setattr(sound_module, "AudioEncoder", refuse)
    halves.set_audio(G711)
    for index in range(20):
        halves.feed_audio(TONE, 1800 * index)
    assert halves.kinds() == [MessageType.FAILED]


# -- memory ------------------------------------------------------------------------------------------------------------


def test_the_memory_can_not_be_written_by_the_reader() -> None:
    link = StreamLink()
    written, read = link.writable().planes(64, 32), link.read_only().planes(64, 32)
    for plane in written:
        plane[:] = 200
    assert [int(plane.min()) for plane in read] == [200, 200, 200]
    with pytest.raises(ValueError, match="read-only"):
        read[0][:] = 1
    assert [plane.shape for plane in read] == [(plan.rows, plan.stride) for plan in plan_planes(64, 32)]
    with pytest.raises(PermissionError):
        mmap.mmap(link._read_only, MEMORY_SIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def test_a_planes_view_is_kept_for_a_size() -> None:
    planes = shared_planes.SharedPlanes(bytearray(MEMORY_SIZE))
    first = planes.planes(64, 32)
    assert planes.planes(64, 32) is first
    assert planes.planes(32, 64) is not first
    assert planes.samples.dtype == np.int16


# -- what the fork server keeps ----------------------------------------------------------------------------------------


def test_a_link_is_kept_as_long_as_a_process_lives() -> None:
    ended: list[int] = []

    def end(pid: int) -> None:
        ended.append(pid)
        streams.note_ended(pid)

    streams = linked_streams.LinkedStreams(end)
    decoding, encoding = (Place(role=role, stream=7) for role in (Role.DECODING, Role.ENCODING))
    with streams.prepared(encoding) as first:
        streams.note_started(encoding, 11)
    assert streams.peer(encoding) == 0
    with streams.prepared(decoding) as second:
        streams.note_started(decoding, 12)
    assert second is first is not None
    assert (streams.peer(decoding), streams.peer(encoding)) == (11, 12)
    with streams.prepared(decoding) as third:  # one that hangs: it is ended before another one takes its place
        streams.note_started(decoding, 13)
    assert ended == [12]
    assert third is first
    streams.note_ended(11)
    streams.note_ended(13)
    assert first.decoding.fileno() == -1
    with streams.prepared(decoding) as fourth:
        streams.note_started(decoding, 14)
    assert fourth is not first
    streams.note_ended(14)


def test_a_fork_that_fails_leaves_nothing() -> None:
    streams = linked_streams.LinkedStreams(lambda _: None)
    place = Place(role=Role.DECODING, stream=7)
    with pytest.raises(OSError, match="no memory"), streams.prepared(place) as link:
        raise OSError("no memory")
    assert link is not None
    assert link.decoding.fileno() == -1
    with streams.prepared(Place()) as nothing:
        assert nothing is None


def test_the_halves_are_run_by_their_modules() -> None:
    assert callable(decoding_process.run)
    assert callable(encoding_process.run)
