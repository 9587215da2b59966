"""Groups of little motion are ours, busy ones are x264's, and a cut gets an IDR where one is due."""

from transcoder.media.encoders.engine_choice import Engine, EngineChoice


def group(choice: EngineChoice, changed: float, coded: float, pictures: int = 24) -> set[Engine]:
    """Go through one group of pictures that are all alike; return who coded its P pictures."""
    choice.begin_group()
    seen = set()
    for number in range(pictures):
        known = coded if choice.engine is Engine.OWN else None
        seen.add(choice.choose(changed, known, since_idr_s=(number + 1) / 25))
    return seen


def test_a_quiet_scene_stays_ours() -> None:
    choice = EngineChoice()
    assert [group(choice, 0.15, 0.02) for _ in range(4)] == [{Engine.OWN}] * 4


def test_a_busy_group_is_followed_by_one_of_x264() -> None:
    choice = EngineChoice()
    assert group(choice, 0.6, 0.35) == {Engine.OWN}
    assert [group(choice, 0.6, 0.35) for _ in range(3)] == [{Engine.LIBRARY}] * 3


def test_fifteen_percent_is_not_busy_yet() -> None:
    choice = EngineChoice()
    group(choice, 0.6, 0.15)
    assert group(choice, 0.6, 0.15) == {Engine.OWN}


def test_when_it_calms_down_the_next_group_is_ours_again() -> None:
    choice = EngineChoice()
    group(choice, 0.6, 0.35)
    assert group(choice, 0.2, 0.35) == {Engine.LIBRARY}
    assert group(choice, 0.2, 0.02) == {Engine.OWN}


def test_noise_that_changes_much_and_codes_little_is_ours() -> None:
    """A noisy night changes nearly all macroblocks and has to code few of them."""
    choice = EngineChoice()
    assert [group(choice, 0.9, 0.1) for _ in range(3)] == [{Engine.OWN}] * 3


def test_a_cut_gets_an_idr_half_a_second_after_the_last() -> None:
    choice = EngineChoice()
    choice.begin_group()
    assert choice.choose(0.95, 0.6, since_idr_s=0.5) is Engine.IDR


def test_a_cut_just_after_an_idr_stays_ours() -> None:
    """The library's P picture would refer to the library's last picture, which no decoder has."""
    choice = EngineChoice()
    choice.begin_group()
    assert choice.choose(0.95, 0.6, since_idr_s=0.04) is Engine.OWN
    assert {choice.choose(0.1, 0.01, since_idr_s=number / 25) for number in range(2, 25)} == {Engine.OWN}
    assert group(choice, 0.1, 0.01) == {Engine.OWN}, "one picture was busy, the group was not"


def test_the_cameras_own_i_picture_is_no_cut() -> None:
    choice = EngineChoice()
    choice.begin_group()
    assert choice.choose(0.95, 0.2, since_idr_s=0.9) is Engine.OWN


def test_a_group_without_pictures_changes_nothing() -> None:
    choice = EngineChoice()
    group(choice, 0.6, 0.5)
    choice.begin_group()
    choice.begin_group()  # two IDRs in a row
    assert choice.engine is Engine.LIBRARY
