"""Slices that can be what they claim to be, and slices that were encrypted on the camera."""

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from transcoder.codecs.encryption import MIN_SLICES, SliceCheck
from transcoder.codecs.nal import Codec, header_size, is_vcl, nal_unit_type, split_byte_stream


def check(codec: Codec, units: list[bytes], *, seed: int | None = None, share: float = 1.0) -> SliceCheck:
    """Feed NAL units, each first slice as a picture of its own; with a seed the start of slices becomes random."""
    rng = random.Random(seed)
    checked = SliceCheck(codec)
    timestamp = 0
    for unit in units:
        size = header_size(codec)
        if is_vcl(codec, nal_unit_type(codec, unit)):
            timestamp += 3600 if unit[size] & 0x80 else 0
            if seed is not None and rng.random() < share:
                noise = rng.randbytes(min(4096, len(unit) - size) // 16 * 16)  # as AES in ECB mode: whole blocks
                checked.look(unit[:size] + noise + unit[size + len(noise) :], timestamp)
                continue
        checked.look(unit, timestamp)
    return checked


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[bytes]]:
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        pytest.skip("ffmpeg is not installed")
    folder = tmp_path_factory.mktemp("encoded")

    def encode(codec: Codec, *options: str) -> list[bytes]:
        made = folder / "made"
        encoder = ["libx264", "-f", "h264"] if codec is Codec.H264 else ["libx265", "-f", "hevc"]
        source = ["-f", "lavfi", "-i", "testsrc2=s=320x192:r=10:d=6"]
        subprocess.run([ffmpeg, "-y", "-v", "error", *source, *options, "-c:v", *encoder, made], check=True, timeout=60)
        return list(split_byte_stream(made.read_bytes()))

    return encode


ENCODINGS = [
    (Codec.H264, ("-bf", "0", "-g", "20")),
    (Codec.H264, ("-bf", "2", "-g", "20", "-x264-params", "slices=4:cabac=0")),
    (Codec.H265, ("-g", "20")),
    (Codec.H265, ("-bf", "0", "-g", "20", "-x265-params", "slices=2:open-gop=1")),
]


@pytest.mark.process
@pytest.mark.parametrize(("codec", "options"), ENCODINGS)
def test_plain_and_encrypted(encoded: Callable[..., list[bytes]], codec: Codec, options: tuple[str, ...]) -> None:
    units = encoded(codec, *options)
    plain = check(codec, units)
    assert plain.checked >= 60
    assert plain.implausible == 0
    assert plain.sps is not None
    assert (plain.sps.width, plain.sps.height) == (320, 192)
    for seed in range(20):
        assert check(codec, units, seed=seed).encrypted, seed


@pytest.mark.process
def test_damage_is_no_encryption(encoded: Callable[..., list[bytes]]) -> None:
    units = encoded(Codec.H264, *ENCODINGS[0][1])
    damaged = check(Codec.H264, units, seed=1, share=0.3)
    assert damaged.implausible > 0
    assert not damaged.encrypted


@pytest.mark.process
def test_few_slices_tell_nothing(encoded: Callable[..., list[bytes]]) -> None:
    units = encoded(Codec.H264, *ENCODINGS[0][1])
    assert not check(Codec.H264, units[: MIN_SLICES - 1], seed=1).encrypted


def test_recorded(footage: Path) -> None:
    real = check(Codec.H265, list(split_byte_stream((footage / "tau_raw.h265").read_bytes())))
    assert (real.checked, real.implausible) == (276, 0)
    assert check(Codec.H265, list(split_byte_stream((footage / "tau_raw.h265").read_bytes())), seed=2).encrypted
    plain = check(Codec.H264, list(split_byte_stream((footage / "es/openh264_BA1_FT_C.264").read_bytes())))
    assert (plain.checked, plain.implausible) == (614, 0)


# of x264, told to make 352x208 at 15 fps, Main profile; PPS 0
SPS, PPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8"), bytes.fromhex("68ef0f2c80")
IDR = b"\x65\x88\x84\x00"
P_OF_PPS = {0: b"\x41\x9a\x02\x00", 1: b"\x41\x99\x00\x00", 2: b"\x41\x99\x80\x00", 15: b"\x41\x98\x20\x00"}
"""first_mb_in_slice 0, slice_type 5 (P), pic_parameter_set_id; ue(v) of H.264 section 9.1."""


def pictures(checked: SliceCheck, ids: list[int], count: int = 40) -> list[bool]:
    slices = [IDR, *(P_OF_PPS[ids[index % len(ids)]] for index in range(count))]
    return [checked.look(unit, 3600 * index) for index, unit in enumerate(slices)]


def test_a_pps_that_only_the_description_has_is_known() -> None:
    checked = SliceCheck(Codec.H264, (SPS, PPS, b"\x68\x5b\xc3\xcb\x20"))  # the second one begins with ue(1), ue(0)
    assert all(pictures(checked, [1]))
    assert not checked.encrypted
    assert checked.missing == ()


@pytest.mark.parametrize("ids", [[1], [15], [1, 2, 15]])
def test_a_pps_that_is_never_given_is_missing_and_no_encryption(ids: list[int]) -> None:
    checked = SliceCheck(Codec.H264, (SPS, PPS))
    assert pictures(checked, ids) == [True, *[False] * 40]
    assert checked.missing == tuple(ids)
    assert not checked.encrypted
    assert checked.evidence == "40 of 41 slices fit none of 1 PPS"
    checked.forget()
    assert checked.missing == tuple(ids)


def test_encrypted_slices_miss_nothing() -> None:
    for seed in range(200):
        rng, checked = random.Random(seed), SliceCheck(Codec.H264, (SPS, PPS))
        for index in range(4 * MIN_SLICES):
            checked.look((b"\x65" if index % 24 == 0 else b"\x41") + rng.randbytes(60), 3600 * index)
        assert checked.encrypted, seed
        assert checked.missing == (), seed
