"""The QP stays what it is until the cap asks for more, and the decoder's buffer never runs over."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.media.encoders.rate import IDR_OFFSET, RateControl

FPS = 25
TICKS = 90_000 // FPS
SAMPLES = 1920 * 1080
QP = 28


class Scene:
    """Pictures whose size follows the quantiser's step: each six steps of QP halve the bits."""

    def __init__(self, idr_bits: float, p_bits: float) -> None:
        self.idr_bits, self.p_bits = idr_bits, p_bits

    def bits(self, qp: int, *, is_idr: bool) -> int:
        at, bits = (QP - IDR_OFFSET, self.idr_bits) if is_idr else (QP, self.p_bits)
        return max(int(bits * 2.0 ** ((at - qp) / 6)), 100)


def run(control: RateControl, scene: Scene, pictures: int, gop: int = FPS, first: int = 0) -> list[tuple[int, int]]:
    """Return (QP, bits) of each picture."""
    coded = []
    for number in range(first, first + pictures):
        is_idr = number % gop == 0
        qp = control.choose(number * TICKS, is_idr=is_idr, gop_rest_s=(gop - number % gop) / FPS)
        bits = scene.bits(qp, is_idr=is_idr)
        control.note(bits, is_idr=is_idr)
        coded.append((qp, bits))
    return coded


def test_under_the_cap_the_quality_is_constant() -> None:
    control = RateControl(QP, SAMPLES, bitrate_kbps=4000)
    coded = run(control, Scene(idr_bits=900e3, p_bits=30e3), 200)
    assert {qp for number, (qp, _) in enumerate(coded) if number % FPS == 0} == {QP - IDR_OFFSET}
    assert {qp for number, (qp, _) in enumerate(coded) if number % FPS} == {QP}


@pytest.mark.parametrize("buffer_s", [0.5, 1.0, 2.0])
def test_a_busy_scene_is_held_at_the_cap(buffer_s: float) -> None:
    control = RateControl(QP, SAMPLES, bitrate_kbps=2000, buffer_s=buffer_s)
    coded = run(control, Scene(idr_bits=1600e3, p_bits=400e3), 500)
    per_second = [sum(bits for _, bits in coded[start : start + FPS]) for start in range(100, 500, FPS)]
    assert max(per_second) <= 2000e3
    assert sum(per_second) / len(per_second) >= 0.8 * 2000e3, "bits that are there are used"


def test_a_moment_of_motion_does_not_cost_quality_for_long() -> None:
    control = RateControl(QP, SAMPLES, bitrate_kbps=4000)
    quiet, busy = Scene(900e3, 30e3), Scene(1500e3, 600e3)
    run(control, quiet, 100)
    assert max(qp for qp, _ in run(control, busy, 50, first=100)) > QP
    coded = run(control, quiet, 250, first=150)
    assert [qp for qp, _ in coded[-FPS + 1 :]] == [QP] * (FPS - 1)


def test_another_bitrate_holds_from_the_next_picture_on() -> None:
    control = RateControl(QP, SAMPLES, bitrate_kbps=8000)
    scene = Scene(900e3, 150e3)
    run(control, scene, 100)
    assert control.offset == 0
    control.set_bitrate(1000)
    coded = run(control, scene, 200, first=100)
    assert sum(bits for _, bits in coded[100:]) <= 1000e3 * 100 / FPS
    control.set_bitrate(8000)
    run(control, scene, 400, first=300)
    assert control.offset == 0


def test_a_picture_that_no_buffer_holds_is_made_anew_until_it_fits() -> None:
    """The first picture of a scene may be noise, of which nothing was known."""
    control = RateControl(QP, SAMPLES, bitrate_kbps=500)
    scene = Scene(idr_bits=8e6, p_bits=1e6)
    qp: int | None = control.choose(0, is_idr=True)
    tries = 0
    while qp is not None:
        bits, tries = scene.bits(qp, is_idr=True), tries + 1
        qp = control.again(bits)
    assert (bits <= 500e3, tries <= 3) == (True, True)
    control.note(bits, is_idr=True)
    assert control.again(500_000) is None
    endless = RateControl(QP, SAMPLES, bitrate_kbps=1)
    qp, tries = endless.choose(0, is_idr=True), 0
    while qp is not None:
        assert qp <= 51
        qp, tries = endless.again(10_000_000), tries + 1
    assert tries < 5, "at the highest QP it goes as it is"


class Noise(Scene):
    """Pictures between IDRs take twice the bits two steps of QP lower."""

    def bits(self, qp: int, *, is_idr: bool) -> int:
        return Scene.bits(self, qp if is_idr else QP + 3 * (qp - QP), is_idr=is_idr)


def test_noise_at_the_cap_is_no_pulse() -> None:
    coded = run(RateControl(QP, SAMPLES, bitrate_kbps=6000), Noise(idr_bits=1600e3, p_bits=400e3), 500)
    shown = [qp for number, (qp, _) in enumerate(coded) if number >= 100 and number % FPS]
    assert max(shown) - min(shown) <= 6
    assert sum(bits for _, bits in coded[100:]) <= 6000e3 * (400 / FPS + 1), "the rate, and what the bucket holds"


def test_it_says_when_no_quantiser_keeps_the_cap() -> None:
    control = RateControl(QP, SAMPLES, bitrate_kbps=500)
    run(control, Scene(8e6, 6e6), 100)
    assert control.is_helpless
    calm = RateControl(QP, SAMPLES, bitrate_kbps=2000)
    run(calm, Scene(1600e3, 400e3), 200)
    assert not calm.is_helpless


def test_quality_falls_and_rises_in_small_steps_at_an_idr() -> None:
    control = RateControl(QP, SAMPLES, bitrate_kbps=1000)
    run(control, Scene(1600e3, 400e3), 100)
    before = control.offset
    assert before > 6
    control.set_bitrate(20_000)
    run(control, Scene(1600e3, 400e3), 1, first=100)
    assert before - 3 <= control.offset < before


@given(
    seed=st.integers(0, 1 << 30),
    kbps=st.integers(200, 8000),
    qp=st.integers(20, 40),
    gop=st.integers(5, 50),
)
def test_the_decoders_buffer_does_not_run_over(seed: int, kbps: int, qp: int, gop: int) -> None:
    """Whatever a scene does by a third from one picture to the next, the bucket holds it, or the QP is the highest."""
    chance = random.Random(seed)
    control = RateControl(qp, SAMPLES, kbps)
    size = kbps * 1000.0
    fullness, idr, p = 0.0, chance.uniform(1e5, 2e6), chance.uniform(1e3, 4e5)
    for number in range(120):
        idr, p = idr * chance.uniform(0.8, 1.3), p * chance.uniform(0.8, 1.3)
        idr, p = min(idr, 4e6), min(p, 8e5)
        is_idr = number % gop == 0
        fullness = max(0.0, fullness - size / FPS) if number else 0.0
        chosen = control.choose(number * TICKS, is_idr=is_idr, gop_rest_s=(gop - number % gop) / FPS)
        bits = Scene(idr, p).bits(chosen, is_idr=is_idr)
        control.note(bits, is_idr=is_idr)
        more = 2 * bits  # a picture may take that much more than the last of its kind
        fullness += bits
        assert 0 <= chosen <= 51
        assert chosen == 51 or number == 0 or fullness <= size + more
        assert control.fullness_bits == pytest.approx(fullness)
