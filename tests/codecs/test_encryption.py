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
