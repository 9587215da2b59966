"""What a worker may send in a second: honest encoders stay below it at every cap, floods do not."""

import pytest

from tests.service.test_coded_pictures import encoded
from transcoder.codecs.nal import Codec
from transcoder.errors import LimitExceeded
from transcoder.ipc.messages import MessageType
from transcoder.media.encoders import PROFILES
from transcoder.service.worker_budget import BUFFER_S, LOSSLESS_CRF, MESSAGES, MULTIPLE, Budget, WorkerBudget
from transcoder.worker_options import EncoderSettings, OutputOptions


def test_a_budget_is_so_much_at_once_and_so_much_a_second() -> None:
    budget = Budget(10, 20)
    assert [budget.spend(10, 0.0) for _ in range(3)] == [True, True, False]
    assert budget.spend(5, 1.6)
    assert not budget.spend(5, 1.6)
    assert budget.spend(20, 100.0)


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("profile", list(PROFILES[Codec.H264]))
@pytest.mark.parametrize(
    ("cap", "size", "rate"), [(64, (64, 48), 25.0), (64, (640, 360), 25.0), (2000, (320, 180), 12.0)]
)
def test_noise_of_an_honest_encoder_is_never_over_its_budget(
    codec: Codec, profile: str, cap: int, size: tuple[int, int], rate: float
) -> None:
    """Even from a camera that became three times faster than its output's frame rate says."""
    options = OutputOptions(codec=codec, bitrate_kbps=cap, encoder=EncoderSettings(profile=profile))
    second = int(rate)
    sizes = [8 * sum(map(len, units)) for units in encoded(options, size, 2 * second, idr_every=second, rate=rate)]
    for slow in (1, MULTIPLE):
        budget = WorkerBudget()
        for index in range(2000):  # the last of two seconds again and again
            bits = sizes[index if index < 2 * second else second + index % second]
            budget.count_picture(0, options, size, rate, bits, index / rate / slow)


def test_a_lossless_encoder_keeps_no_cap_and_is_not_held_to_one() -> None:
    options = OutputOptions(bitrate_kbps=64, encoder=EncoderSettings(crf=0.0))
    assert LOSSLESS_CRF > 0
    budget = WorkerBudget()
    for index, units in enumerate(encoded(options, (320, 180), 30, idr_every=25, rate=25.0)):
        budget.count_picture(0, options, (320, 180), 25.0, 8 * sum(map(len, units)), index / 25)


def test_the_buffer_of_all_profiles_is_the_one_that_is_reckoned_with() -> None:
    found = {getattr(settings, "buffer_s", None) for codec in PROFILES.values() for settings in codec.values()}
    assert found == {BUFFER_S}


def test_a_flood_of_pictures_is_over_the_budget_whatever_size_it_says() -> None:
    options = OutputOptions(bitrate_kbps=4000)
    for sizes in ([(1280, 720)], [(1280, 720), (640, 360)]):
        budget, sent = WorkerBudget(), 0.0
        with pytest.raises(LimitExceeded, match="3 times its cap"):  # noqa: PT012  # the loop is the flood
            for index in range(100_000):
                sent = index / 25
                budget.count_picture(0, options, sizes[index % len(sizes)], 25.0, 31_000_000 // 25, sent)
        assert sent < 8


@pytest.mark.parametrize("kind", list(MESSAGES))
def test_a_flood_of_messages_is_over_the_budget(kind: MessageType) -> None:
    budget = WorkerBudget()
    for index in range(1000):  # control: what our worker sends at most
        budget.count(kind, index / MESSAGES[kind])
    with pytest.raises(LimitExceeded, match=kind.name):  # noqa: PT012  # the loop is the flood
        for _ in range(10_000):
            budget.count(kind, 1000.0)
