"""Audio through the transcoder: a tone goes in as a camera would send it, the same tone comes out at the same time.

G.711 is coded here by its tables, G.726 and AAC by FFmpeg's encoders; what comes out is decoded by FFmpeg and measured.
"""

import itertools
import json
import math
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.media.audio import MAX_SKEW_S, AudioTranscoder
from transcoder.worker_options import AudioFormat

TONE_HZ, SECONDS, BEGIN = 440.0, 2.0, 900_000
PACKET_S = 0.02


def tone(rate: int, seconds: float = SECONDS, hz: float = TONE_HZ) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate) * 8000


def ulaw(samples: np.ndarray) -> bytes:
    """G.711 table 2a: sign, three bits of segment, four of step, all inverted; 14-bit input."""
    out = bytearray()
    for sample in samples:
        magnitude = min(int(abs(sample)) // 4 + 33, 8191)
        segment = magnitude.bit_length() - 6
        code = segment << 4 | (magnitude >> (segment + 1)) & 15
        out.append((code | (0x80 if sample < 0 else 0)) ^ 0xFF)
    return bytes(out)


def alaw(samples: np.ndarray) -> bytes:
    """G.711 table 1a: sign, segment and step, even bits inverted; 13-bit input."""
    out = bytearray()
    for sample in samples:
        magnitude = min(int(abs(sample)) // 8, 4095)
        segment = max(magnitude.bit_length() - 5, 0)
        code = segment << 4 | (magnitude >> max(segment, 1)) & 15
        out.append((code | (0 if sample < 0 else 0x80)) ^ 0x55)
    return bytes(out)


def linear(samples: np.ndarray) -> bytes:
    """16 bits, the more significant byte first (RFC 3551 section 4.5.11)."""
    return samples.astype(">i2").tobytes()


def encoded(codec: str, rate: int, samples: np.ndarray, **options: str) -> list[bytes]:
    """Packets of one of FFmpeg's encoders; AAC without ADTS."""
    context: Any = av.CodecContext.create(codec, "w")
    context.sample_rate = rate
    context.layout = "mono"
    context.format = "fltp" if codec == "aac" else "s16"
    context.time_base = Fraction(1, rate)
    context.options = options
    context.open()
    packets = []
    step = 1024 if codec == "aac" else round(rate * PACKET_S)
    for at in range(0, len(samples) - step + 1, step):
        piece = samples[at : at + step]
        plane = (piece / 32768).astype(np.float32) if codec == "aac" else piece.astype(np.int16)
        frame = av.AudioFrame.from_ndarray(plane.reshape(1, -1), format=context.format.name, layout="mono")
        frame.sample_rate = rate
        frame.pts = at
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def adts(frame: bytes, rate_index: int) -> bytes:
    """An AAC-LC frame of one channel with its header (ISO/IEC 13818-7 section 6.2): MPEG-4, no CRC, profile 1."""
    length = len(frame) + 7
    bits = f"{0xFFF:012b}000101{rate_index:04b}00010000{length:013b}{0x7FF:011b}00"
    assert len(bits) == 56
    return int(bits, 2).to_bytes(7) + frame


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def through(
    transcoder: AudioTranscoder, units: list[bytes], seconds: float, begin: int = BEGIN
) -> list[tuple[int, bytes]]:
    """Units of equal length, fed at their times."""
    return [
        frame
        for index, unit in enumerate(units)
        for frame in transcoder.process(unit, begin + round(index * seconds * 90_000))
    ]


def decode(transcoder: AudioTranscoder, frames: list[tuple[int, bytes]]) -> np.ndarray:
    context: Any = av.CodecContext.create("aac", "r")
    context.extradata = transcoder.config
    context.open()
    return np.concatenate([out.to_ndarray()[0] for _, data in frames for out in context.decode(av.Packet(data))])


def loudest_hz(samples: np.ndarray, rate: int) -> float:
    window = samples[-rate:] * np.hanning(rate)  # the last second: a bin is 1 Hz
    return float(np.argmax(np.abs(np.fft.rfft(window))))


def assert_tone(transcoder: AudioTranscoder, frames: list[tuple[int, bytes]], gain: float = 1.0) -> None:
    samples = decode(transcoder, frames)
    assert loudest_hz(samples, transcoder.rate) == pytest.approx(TONE_HZ, abs=2)
    level = math.sqrt(2) * float(np.sqrt(np.mean(samples[-transcoder.rate :] ** 2)))
    assert level == pytest.approx(8000 / 32768 * gain, rel=0.15)
    times = [pts for pts, _ in frames]
    frame_ticks = 1024 * 90_000 / transcoder.rate
    assert all(abs(later - earlier - frame_ticks) <= 1 for earlier, later in itertools.pairwise(times))


def g726(bits: int, codec: str = "g726le") -> list[bytes]:
    """Packets of 20 ms: 160 samples of so many bits."""
    return cut(b"".join(encoded(codec, 8000, tone(8000), code_size=str(bits))), 20 * bits)


CAMERAS = {
    "PCMU": (AudioFormat(encoding="PCMU", clock_rate=8000), lambda: cut(ulaw(tone(8000)), 160), 0.02),
    "PCMA": (AudioFormat(encoding="PCMA", clock_rate=8000), lambda: cut(alaw(tone(8000)), 160), 0.02),
    "PCMU at 16 kHz": (AudioFormat(encoding="PCMU", clock_rate=16_000), lambda: cut(ulaw(tone(16_000)), 640), 0.04),
    "PCMA, two channels": (
        AudioFormat(encoding="PCMA", clock_rate=8000, channels=2),
        lambda: cut(alaw(np.repeat(tone(8000), 2)), 320),
        0.02,
    ),
    "G726-16": (AudioFormat(encoding="G726-16", clock_rate=8000), lambda: g726(2), 0.02),
    "G726-24": (AudioFormat(encoding="G726-24", clock_rate=8000), lambda: g726(3), 0.02),
    "G726-32": (AudioFormat(encoding="G726-32", clock_rate=8000), lambda: g726(4), 0.02),
    "G726-40": (AudioFormat(encoding="G726-40", clock_rate=8000), lambda: g726(5), 0.02),
    "AAL2-G726-32": (
        AudioFormat(encoding="AAL2-G726-32", clock_rate=8000),
        lambda: g726(4, "g726"),
        0.02,
    ),
    "L16": (AudioFormat(encoding="L16", clock_rate=16_000), lambda: cut(linear(tone(16_000)), 640), 0.02),
    "L16, two channels": (
        AudioFormat(encoding="L16", clock_rate=44_100, channels=2),
        lambda: cut(linear(np.repeat(tone(44_100), 2)), 4 * 441),
        0.01,
    ),
    "G722": (AudioFormat(encoding="G722", clock_rate=8000), lambda: encoded("g722", 16_000, tone(16_000)), 0.02),
    "G722 at 16 kHz": (
        AudioFormat(encoding="G722", clock_rate=16_000),
        lambda: encoded("g722", 16_000, tone(16_000)),
        0.02,
    ),
    "Opus": (
        AudioFormat(encoding="OPUS", clock_rate=48_000, channels=2),
        lambda: encoded("libopus", 48_000, tone(48_000), application="voip"),
        0.02,
    ),
    # AudioSpecificConfig: object type 2, rate index 8 (16 kHz), 1 channel; index 3 (48 kHz)
    "AAC at 16 kHz": (
        AudioFormat(encoding="MPEG4-GENERIC", clock_rate=16_000, config=b"\x14\x08"),
        lambda: encoded("aac", 16_000, tone(16_000)),
        0.064,
    ),
    "AAC at 48 kHz": (
        AudioFormat(encoding="MPEG4-GENERIC", clock_rate=48_000, config=b"\x11\x88"),
        lambda: encoded("aac", 48_000, tone(48_000)),
        1024 / 48_000,
    ),
    "AAC without config": (
        AudioFormat(encoding="MPEG4-GENERIC", clock_rate=16_000),
        lambda: encoded("aac", 16_000, tone(16_000)),
        0.064,
    ),
    "ADTS in PCMA": (
        AudioFormat(encoding="PCMA", clock_rate=8000),
        lambda: [adts(frame, 8) for frame in encoded("aac", 16_000, tone(16_000))],
        0.064,
    ),
    "ADTS in AAC": (
        AudioFormat(encoding="MPEG4-GENERIC", clock_rate=16_000, config=b"\x14\x08"),
        lambda: [adts(frame, 8) for frame in encoded("aac", 16_000, tone(16_000))],
        0.064,
    ),
}


@pytest.mark.parametrize("name", CAMERAS)
def test_the_same_tone_at_the_same_time(name: str) -> None:
    source, make, seconds = CAMERAS[name]
    units = make()
    transcoder = AudioTranscoder(source)
    frames = through(transcoder, units, seconds)
    assert not transcoder.errors
    # two equal channels are added with the weights of ITU-R BS.775: 3 dB more
    assert_tone(transcoder, frames, math.sqrt(2) if source.channels == 2 else 1.0)
    # the first frame begins where the first unit did, less the encoder's own lead-in of one frame
    assert BEGIN - 1024 * 90_000 / transcoder.rate - 1 <= frames[0][0] <= BEGIN + 1
    # the last one ends where the last unit ended, less what both coders hold back
    end = frames[-1][0] + 1024 * 90_000 / transcoder.rate
    assert end == pytest.approx(BEGIN + len(units) * seconds * 90_000, abs=0.3 * 90_000)


@pytest.mark.parametrize(
    ("encoding", "served", "zero"),
    [("PCMA", AudioCodec.PCMA, {}), ("PCMU", AudioCodec.PCMU, {0x7F: 0xFF})],  # the mu-law has two zeros
)
def test_g711_to_g711_is_the_same_bytes(encoding: str, served: AudioCodec, zero: dict[int, int]) -> None:
    """Each code stands for a value in the middle of its step (G.711 tables 1 and 2), which has that code again."""
    codes = bytes(range(256)) * 10
    transcoder = AudioTranscoder(AudioFormat(encoding=encoding, clock_rate=8000, served=served))
    frames = through(transcoder, cut(codes, 160), 0.02)
    assert not transcoder.errors
    assert (transcoder.rate, transcoder.config) == (8000, b"")
    assert b"".join(data for _, data in frames) == bytes(zero.get(code, code) for code in codes[: 160 * len(frames)])
    assert len(frames) >= 15
    assert [pts for pts, _ in frames] == [BEGIN + 1800 * index for index in range(len(frames))]


LAWS = {AudioCodec.PCMA: "pcm_alaw", AudioCodec.PCMU: "pcm_mulaw"}


@pytest.mark.parametrize("served", LAWS)
@pytest.mark.parametrize("name", ["AAC at 48 kHz", "Opus", "G722", "L16, two channels", "G726-32"])
def test_any_sound_as_g711(name: str, served: AudioCodec) -> None:
    source, make, seconds = CAMERAS[name]
    transcoder = AudioTranscoder(replace(source, served=served))
    frames = through(transcoder, make(), seconds)
    assert not transcoder.errors
    assert {len(data) for _, data in frames} == {160}
    times = [pts for pts, _ in frames]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {1800}
    assert BEGIN - 0.05 * 90_000 <= times[0] <= BEGIN + 1
    decoder: Any = av.CodecContext.create(LAWS[served], "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    samples = np.concatenate([out.to_ndarray()[0] for _, data in frames for out in decoder.decode(av.Packet(data))])
    assert loudest_hz(samples, 8000) == pytest.approx(TONE_HZ, abs=2)
    level = math.sqrt(2) * float(np.sqrt(np.mean(samples[-8000:].astype(float) ** 2)))
    assert level == pytest.approx(8000 * (math.sqrt(2) if source.channels == 2 else 1), rel=0.15)


@pytest.mark.parametrize(
    ("clock_rate", "rate"),
    [(8000, 16_000), (11_025, 16_000), (16_000, 16_000), (22_050, 24_000), (32_000, 32_000), (44_100, 44_100),
     (48_000, 48_000), (96_000, 48_000)],
)  # fmt: skip
def test_rate_of_the_output(clock_rate: int, rate: int) -> None:
    source = AudioFormat(encoding="PCMU", clock_rate=clock_rate)
    transcoder = AudioTranscoder(source)
    assert source.rate == transcoder.rate == rate
    # AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1): 5 bits object type 2, 4 bits of rate index, 1 channel
    index = {48_000: 3, 44_100: 4, 32_000: 5, 24_000: 6, 16_000: 8}[rate]
    assert int.from_bytes(transcoder.config[:2]) >> 3 == 2 << 8 | index << 4 | 1


def test_rates_that_do_not_divide_each_other_lead_to_no_skew() -> None:
    """A frame of AAC at 22,050 Hz has 1114.56 samples at 24,000: rounded, they made a skew of 40 ms in four seconds."""
    transcoder = AudioTranscoder(AudioFormat(encoding="MPEG4-GENERIC", clock_rate=22_050, config=b"\x13\x88"))
    frames = through(transcoder, encoded("aac", 22_050, tone(22_050, 10.0)), 1024 / 22_050)
    assert not transcoder.errors
    assert_tone(transcoder, frames)


def test_a_gap_is_a_gap_in_the_output() -> None:
    units = cut(ulaw(tone(8000)), 160)
    transcoder = AudioTranscoder(AudioFormat(encoding="PCMU", clock_rate=8000))
    before = through(transcoder, units, 0.02)
    after = through(transcoder, units, 0.02, BEGIN + 10 * 90_000)
    assert transcoder.errors == {"skew": 1}
    assert before[-1][0] < BEGIN + 2.1 * 90_000
    assert BEGIN + 9.9 * 90_000 < after[-1][0] < BEGIN + 12.1 * 90_000
    times = [pts for pts, _ in before + after]
    assert times == sorted(times)


def test_jitter_below_the_limit_is_smoothed_out() -> None:
    rng = random.Random(5)
    transcoder = AudioTranscoder(AudioFormat(encoding="PCMU", clock_rate=8000))
    frames: list[Any] = []
    for index, unit in enumerate(cut(ulaw(tone(8000)), 160)):
        off = round(rng.uniform(-0.9, 0.9) * MAX_SKEW_S / 2 * 90_000)
        frames += transcoder.process(unit, BEGIN + index * 1800 + off)
    assert not transcoder.errors
    assert_tone(transcoder, frames)


def test_garbage_between_frames_of_aac_is_counted_and_survived() -> None:
    rng = random.Random(7)
    transcoder = AudioTranscoder(AudioFormat(encoding="MPEG4-GENERIC", clock_rate=16_000, config=b"\x14\x08"))
    units = encoded("aac", 16_000, tone(16_000, 4.0))
    frames: list[Any] = []
    for index, unit in enumerate(units):
        damaged = rng.randbytes(rng.randint(1, 400)) if index % 10 == 3 and index < 40 else unit
        frames += transcoder.process(damaged, BEGIN + index * 5760)
    assert sum(transcoder.errors.values()) > 0
    assert loudest_hz(decode(transcoder, frames), transcoder.rate) == pytest.approx(TONE_HZ, abs=2)


@pytest.mark.parametrize("encoding", ["PCMU", "G726-32", "G722", "L16", "OPUS", "MPEG4-GENERIC", "NOISE"])
def test_garbage_alone_raises_nothing(encoding: str) -> None:
    rng = random.Random(11)
    transcoder = AudioTranscoder(AudioFormat(encoding=encoding, clock_rate=8000))
    for index in range(200):
        for pts, frame in transcoder.process(rng.randbytes(rng.randint(0, 500)), BEGIN + index * 1800):
            assert abs(pts - BEGIN) < 10 * 90_000
            assert frame


def test_a_camera_that_changes_to_aac_within_its_g711() -> None:
    """A Dahua whose audio format is changed: the session description is what it was."""
    plain, coded = cut(alaw(tone(8000)), 160), [adts(f, 8) for f in encoded("aac", 16_000, tone(16_000, hz=1000.0))]
    transcoder = AudioTranscoder(AudioFormat(encoding="PCMA", clock_rate=8000))
    through(transcoder, plain, 0.02)
    changed = through(transcoder, coded, 0.064, BEGIN + 2 * 90_000)
    assert loudest_hz(decode(transcoder, changed), transcoder.rate) == pytest.approx(1000, abs=2)
    back = through(transcoder, plain, 0.02, BEGIN + 4 * 90_000)
    assert loudest_hz(decode(transcoder, back), transcoder.rate) == pytest.approx(TONE_HZ, abs=2)


def test_an_adts_frame_with_nothing_in_it_ends_nothing() -> None:
    """Nothing is the end of the stream to FFmpeg's decoders: what came after was not decoded."""
    empty = adts(b"\0\0", 8)  # with a checksum, which the header says, and nothing else
    empty = bytes([empty[0], empty[1] & 0xFE]) + empty[2:]
    transcoder = AudioTranscoder(AudioFormat(encoding="MPEG4-GENERIC", clock_rate=16_000, config=b"\x14\x08"))
    assert list(transcoder.process(empty, BEGIN)) == []
    frames = through(transcoder, encoded("aac", 16_000, tone(16_000)), 0.064)
    assert not transcoder.errors
    assert_tone(transcoder, frames)


def test_recorded_aac_inside_g711(vectors: Path) -> None:
    """Its frames claim another length than they have: it may be taken for anything, and G.711 that follows is heard."""
    lines = (vectors / "synthetic/audio_aac_inside_g711.rtp.jsonl").read_text().splitlines()
    packets = [json.loads(line) for line in lines if '"payload_hex"' in line]
    assert packets
    transcoder = AudioTranscoder(AudioFormat(encoding="PCMA", clock_rate=8000))
    for packet in packets:
        list(transcoder.process(bytes.fromhex(packet["payload_hex"]), BEGIN + packet["ts"] * 90_000 // 8000))
    assert loudest_hz(
        decode(transcoder, through(transcoder, cut(alaw(tone(8000)), 160), 0.02, BEGIN + 90_000)), transcoder.rate
    ) == pytest.approx(TONE_HZ, abs=2)
