"""One output: its format, what it sheds, its pictures."""

from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tests.support.pipeline_run import messages_of
from tests.support.shown_chain import FORMAT, SIZE, Chain, decoded
from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.errors import MediaError
from transcoder.ipc.messages import RANDOM_ACCESS, REPEATED, CodedMessage, MessageType, parse_snapshot
from transcoder.media.decoder import Decoder
from transcoder.media.encoders import Encoder, open_encoder, x264
from transcoder.media.encoders.x264_library import X264Context
from transcoder.worker import output_chain
from transcoder.worker_options import EncoderSettings, Fallback, Mask, OutputFormat, OutputOptions

ALL = Mask(polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))


# -- format ----------------------------------------------------------------------------------------------------------


def test_the_format_is_told_once_with_the_outputs_number() -> None:
    chain = Chain(number=2)
    for _ in range(8):
        chain.show()
    output = {"width": 320, "height": 240, "frame_rate": 25.0, "matrix": 2}
    assert chain.formats == [{"output_number": 2, "output": output, "slate": False}]


def test_the_matrix_and_the_size_of_square_samples_are_the_sources() -> None:
    chain = Chain()
    for index in range(4):
        chain.show(replace(decoded(index, matrix=6), aspect=Fraction(12, 11)))
    assert chain.formats[0]["output"] == {"width": 348, "height": 240, "frame_rate": 25.0, "matrix": 6}


def test_a_fixed_format_is_used_at_once_and_not_told() -> None:
    chain = Chain(fixed=FORMAT)
    [coded] = chain.show(decoded(0, (640, 480)))
    assert coded.flags & RANDOM_ACCESS
    assert chain.formats == []


def test_a_slate_gives_way_to_the_first_picture() -> None:
    chain = Chain(gop_s=10.0)
    [slate] = chain.repeat()
    assert slate.flags == REPEATED | RANDOM_ACCESS
    assert (chain.formats[0]["output"]["width"], chain.formats[0]["slate"]) == (1280, True)
    for _ in range(4):
        chain.show()
    assert (chain.formats[1]["output"]["width"], chain.formats[1]["slate"]) == (320, False)
    [repeated] = chain.repeat()
    assert repeated.flags == REPEATED
    assert len(chain.formats) == 2


# -- what readers were told before this start -------------------------------------------------------------------------


def sets_of(coded: CodedMessage) -> list[bytes]:
    """The parameter sets before the IDR of a coded picture."""
    assert coded.flags & RANDOM_ACCESS
    return coded.nal_units[:-1]


@pytest.mark.parametrize("profile", ["economy", "balanced", "quality", "motion"])
def test_a_slate_of_the_remembered_format_has_the_camera_s_parameter_sets(profile: str) -> None:
    """Byte by byte, so that a description is true before the camera and while it is away."""
    before = Chain(encoder=EncoderSettings(profile=profile))
    first = next(coded for coded in (before.show() for _ in range(8)) if coded)
    made = OutputFormat(**before.formats[0]["output"])
    chain = Chain(encoder=EncoderSettings(profile=profile), recalled=made)
    [slate] = chain.repeat()
    assert sets_of(slate) == sets_of(first[0])
    assert chain.formats == [{"output_number": 0, "output": asdict(made), "slate": True}]
    shown = [coded for coded in (chain.show() for _ in range(8)) if coded]
    assert not any(coded.flags & RANDOM_ACCESS for [coded] in shown)  # the encoder goes on
    assert chain.formats[1:] == [{"output_number": 0, "output": asdict(made), "slate": False}]


@pytest.mark.parametrize("size", [(640, 480), (160, 128)])
def test_a_camera_of_another_size_is_scaled_while_somebody_reads(size: tuple[int, int]) -> None:
    chain = Chain(recalled=FORMAT)
    chain.repeat()
    for _ in range(30):
        chain.show(decoded(chain.index, size))
    assert chain.formats[-1]["output"] == asdict(FORMAT)
    chain.chain.note_unread()
    [coded] = chain.show(decoded(chain.index, size))
    assert coded.flags & RANDOM_ACCESS
    last = chain.formats[-1]
    assert ((last["output"]["width"], last["output"]["height"]), last["slate"]) == (size, False)


def test_a_camera_of_another_rate_is_followed_at_once() -> None:
    """Other parameter sets of the same size come in the stream, and end nobody."""
    chain = Chain(recalled=replace(FORMAT, frame_rate=5.0))
    chain.repeat()
    for _ in range(8):
        chain.show()
    assert (chain.formats[-1]["output"], chain.formats[-1]["slate"]) == (asdict(FORMAT), False)


@pytest.mark.parametrize("profile", ["balanced", "motion"])
def test_a_banner_is_on_slates_and_snapshots_and_on_no_picture_of_the_camera(profile: str) -> None:
    chain, decoder = Chain(gop_s=10.0, encoder=EncoderSettings(profile=profile)), Decoder(Codec.H264)

    def luma(coded: list[CodedMessage]) -> np.ndarray:
        [message] = coded
        [picture] = decoder.decode(join_byte_stream(message.nal_units), message.pts)
        return np.array(picture.planes[0][:, : SIZE[0]], int)

    still = decoded(0)
    for index in range(4):
        coded = chain.show(replace(still, pts=still.pts + index * 3600))
        before = luma(coded) if coded else None
    assert before is not None
    chain.chain.banner = "Front door\nno signal since 14:05"
    with_banner = luma(chain.repeat())
    assert (with_banner > 200).sum() > 500
    assert (before > 200).sum() == 0
    assert np.abs(luma(chain.repeat()) - with_banner).mean() < 2
    [body] = [body for body, _ in messages_of(chain.chain.snapshot(), MessageType.SNAPSHOT_TAKEN)]
    [shown] = Decoder(PictureCodec.JPEG).decode(parse_snapshot(body, 1)[1], 0)
    assert (shown.planes[0] > 200).sum() > 500
    after = luma(chain.show(replace(still, pts=still.pts + 90_000 * 4, arrival=still.arrival + 4)))
    assert np.abs(after - before).mean() < 2


def test_a_frame_rate_cap_is_announced() -> None:
    chain = Chain(fps=10.0)
    for _ in range(4):
        chain.show()
    assert chain.formats[0]["output"]["frame_rate"] == 10.0


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"bitrate_kbps": 500}, {"preset": "veryfast"}, {"encoder": EncoderSettings(crf=35.0)}], ids=str
)
def test_settings_of_the_encoder_change_at_an_idr_and_nothing_else_does(changes: dict) -> None:
    chain = Chain(fixed=FORMAT)
    assert [bool(chain.show()[0].flags & RANDOM_ACCESS) for _ in range(3)] == [True, False, False]
    chain.change(**changes)
    assert [bool(chain.show()[0].flags & RANDOM_ACCESS) for _ in range(3)] == [True, False, False]
    assert chain.formats == []


def test_another_bitrate_needs_no_other_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[OutputOptions] = []

    def opening(options: OutputOptions, output: OutputFormat) -> Encoder:
        opened.append(options)
        return open_encoder(options, output)

    monkeypatch.setattr(output_chain, "open_encoder", opening)
    chain = Chain(fixed=FORMAT)
    for changes in ({}, {"bitrate_kbps": 500}, {"bitrate_kbps": 8000}, {"preset": "veryfast", "bitrate_kbps": 500}):
        chain.change(**changes)
        chain.show()
    assert len(opened) == 2
    chain.change(bitrate_kbps=30_000)  # of another level
    chain.show()
    assert [options.bitrate_kbps for options in opened] == [OutputOptions().bitrate_kbps, 500, 30_000]


def test_a_setting_that_is_no_encoders_changes_without_one() -> None:
    chain = Chain(fixed=FORMAT)
    chain.show()
    chain.change(gop_s=5.0)
    assert not chain.show()[0].flags & RANDOM_ACCESS


def test_another_codec_is_another_format() -> None:
    chain = Chain()
    for _ in range(5):
        chain.show()
    chain.change(codec=Codec.H265)
    [coded] = chain.show()
    assert coded.codec is Codec.H265
    assert coded.flags & RANDOM_ACCESS
    assert len(chain.formats) == 2


def test_a_profile_that_there_is_not_costs_the_picture_and_another_helps() -> None:
    chain = Chain(fixed=FORMAT, encoder=EncoderSettings(profile="fastest"))
    with pytest.raises(MediaError, match="no encoder profile fastest"):
        chain.show()
    chain.change(encoder=EncoderSettings())
    assert chain.show()[0].flags & RANDOM_ACCESS


# -- what is shed ----------------------------------------------------------------------------------------------------


def test_over_the_cap_is_counted() -> None:
    chain = Chain(fixed=FORMAT, fps=5.0)
    shown = [bool(chain.show()) for _ in range(50)]
    assert sum(shown) == pytest.approx(10, abs=1)
    assert chain.counters["capped_pictures"] == 50 - sum(shown)


def test_an_idr_does_not_wait_for_the_cap() -> None:
    chain = Chain(fixed=FORMAT, fps=1.0, gop_s=10.0)
    assert chain.show()
    assert chain.show() == []
    chain.chain.force_idr()
    [coded] = chain.show()
    assert coded.flags & RANDOM_ACCESS


def test_the_grid_of_idrs_is_the_outputs_own() -> None:
    chain = Chain(fixed=FORMAT, gop_s=0.4)
    idrs = [index for index in range(31) if chain.show()[0].flags & RANDOM_ACCESS]
    assert idrs == [0, 10, 20, 30]


def idrs(chain: Chain, keys: set[int], count: int, readers: set[int] | None = None) -> list[int]:
    """The numbers of the pictures that are IDRs where some are the camera's random access points."""
    found = []
    for index in range(count):
        if readers and index in readers:
            chain.chain.force_idr()
        found += [index for coded in chain.show(key=index in keys) if coded.flags & RANDOM_ACCESS]
    return found


def test_idrs_follow_the_cameras() -> None:
    keys = {0, 30, 60, 90, 120}
    assert idrs(Chain(fixed=FORMAT), keys, 130)[-2:] == [90, 120]


@pytest.mark.parametrize("phase", range(1, 30, 4))
def test_a_reader_that_comes_at_any_phase_moves_no_other_idr(phase: int) -> None:
    keys = {0, 30, 60, 90, 120}
    alone = idrs(Chain(fixed=FORMAT), keys, 130)
    assert idrs(Chain(fixed=FORMAT), keys, 130, {90 + phase}) == sorted({*alone, 90 + phase})


def test_the_picture_after_a_capped_or_late_key_inherits_it() -> None:
    chain = Chain(fixed=FORMAT)
    for index in range(110):
        key, late = index % 30 == 0, 0.5 if index == 90 else 0.0
        found = [bool(coded.flags & RANDOM_ACCESS) for coded in chain.show(decoded(index, late=late), key=key)]
        assert found == {90: [], 91: [True]}.get(index, found)
        assert index < 92 or found == [False]


def test_another_gop_s_counts_from_the_last_planned_idr() -> None:
    chain = Chain(fixed=FORMAT, gop_s=2.0)
    assert idrs(chain, set(), 25) == [0]
    chain.change(gop_s=0.8)
    assert chain.show()[0].flags & RANDOM_ACCESS


def test_the_divisor_to_begin_with() -> None:
    chain = Chain(fixed=FORMAT, rate_divisor=4)
    chain.show()
    assert chain.chain.rate_divisor == 4


# -- pictures --------------------------------------------------------------------------------------------------------


def test_processor_time_of_the_steps_before_is_passed_on() -> None:
    [coded] = Chain(fixed=FORMAT).show()
    assert (coded.decode_s, coded.stages_s) == (0.5, 0.25)
    assert 0 < coded.encode_s < 5


def test_a_snapshot_is_of_the_picture_and_empty_before() -> None:
    chain = Chain(number=1, fixed=FORMAT)
    [body] = [body for body, _ in messages_of(chain.chain.snapshot(), MessageType.SNAPSHOT_TAKEN)]
    assert parse_snapshot(body, 2) == (1, b"")
    chain.show()
    [body] = [body for body, _ in messages_of(chain.chain.snapshot(), MessageType.SNAPSHOT_TAKEN)]
    number, jpeg = parse_snapshot(body, 2)
    assert (number, jpeg[:2]) == (1, b"\xff\xd8")


def test_a_mask_lies_on_the_picture_that_an_encoder_gets() -> None:
    chain = Chain(masks=(ALL,), fixed=FORMAT)
    drawn = chain.chain.draw(decoded(0))
    assert drawn.planes[0][:, :320].max() == 16


def test_a_mask_that_can_not_be_drawn_means_no_picture_and_no_snapshot() -> None:
    chain = Chain(masks=(replace(ALL, style="sepia"),), fixed=FORMAT)
    with pytest.raises(MediaError):
        chain.show()
    assert chain.counters["pictures_without_mask"] == 1
    [body] = [body for body, _ in messages_of(chain.chain.snapshot(), MessageType.SNAPSHOT_TAKEN)]
    assert parse_snapshot(body, 1) == (0, b"")


def test_times_never_step_back() -> None:
    chain = Chain(fixed=FORMAT)
    first = chain.show(decoded(50))[0].pts
    assert chain.show(decoded(20))[0].pts == first + 1


# -- x264's interfaces -------------------------------------------------------------------------------------------------


def test_an_encoder_that_calls_x264_over_ffmpegs_interface_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(fixed=FORMAT)
    chain.show()
    assert not any(reason.counter in chain.counters for reason in Fallback)
    monkeypatch.setattr(X264Context, "reconstruction", lambda _: None)
    monkeypatch.setattr(x264, "_CHECKED", set())
    chain.change(encoder=EncoderSettings(crf=35.0))
    shown = [chain.show() for _ in range(5)]
    assert all(shown)
    chain.change(encoder=EncoderSettings(crf=30.0))
    chain.show()
    found = {reason: chain.counters[reason.counter] for reason in Fallback}
    assert found == {reason: 2 * (reason is Fallback.RECONSTRUCTION) for reason in Fallback}


def test_an_encoder_that_falls_back_later_is_counted_once_too(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, encode = Chain(fixed=FORMAT), x264.X264Encoder.encode
    numbers = iter(range(6))

    def encode_and_fall_back(encoder: x264.X264Encoder, *arguments: Any, **options: Any) -> list[bytes]:
        if next(numbers) == 3:
            encoder.fallback = Fallback.DIFFERENCE
        return encode(encoder, *arguments, **options)

    monkeypatch.setattr(x264.X264Encoder, "encode", encode_and_fall_back)
    for _ in range(6):
        assert chain.show()
    assert {name: count for name, count in chain.counters.items() if "fallback" in name} == {"fallback_difference": 1}
