"""The keys of assets, and the ids by which streams and assets name them."""

import time
from datetime import date
from pathlib import Path

import pytest

from transcoder.config import parse
from transcoder.config.asset import last_day
from transcoder.config.asset_links import successors
from transcoder.errors import ConfigError

NOWHERE = Path("/nonexistent")


def config(assets: str, stream: str = ""):
    return parse(f"streams: {{front: {{source: 'rtsp://10.0.0.2/'{stream}}}}}\nassets: {{{assets}}}", NOWHERE, {})


def problems(assets: str, stream: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config(assets, stream)
    return caught.value.problems


def test_an_asset_needs_no_key_and_takes_what_a_list_says() -> None:
    assert config("pole-17: {}").assets["pole-17"].maker is None
    asset = config("pole-17: {mac: 4419B63F5E51, serial: 12345678, planned: 2027-Q2, installed: 2019-04-01}, x-1: {}")
    assert asset.assets["pole-17"].mac == "44:19:b6:3f:5e:51"
    assert asset.assets["pole-17"].serial == "12345678"
    assert list(asset.assets) == ["pole-17", "x-1"]


def test_columns_without_a_key_are_kept_also_those_that_look_like_an_extension() -> None:
    asset = config("pole-17: {extra: {DriverNumber: 421, x-ray: 'no'}}").assets["pole-17"]
    assert asset.extra == {"DriverNumber": "421", "x-ray": "no"}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("planned: 2027-Q5", "assets.pole-17.planned: must be a day such as 2027-06-30, or a quarter such as 2027-Q2"),
        ("planned: 0000-Q1", "assets.pole-17.planned: must be a day such as 2027-06-30, or a quarter such as 2027-Q2"),
        ("planned: next year", "assets.pole-17.planned: must be a day such as 2027-06-30, or a quarter such as"),
        ("planned: 0202-06-30", "assets.pole-17.planned: must be a day such as 2027-06-30, or a quarter such as"),
        ("planned: 9999-Q4", "assets.pole-17.planned: must be a day such as 2027-06-30, or a quarter such as 2027-Q2"),
        ("retired: 0001-01-01", "assets.pole-17.retired: must be a day such as 2027-06-30"),
        ("installed: 2019-02-30", "assets.pole-17.installed: must be a day such as 2027-06-30"),
        ("retired: 2026-Q1", "assets.pole-17.retired: must be a day such as 2027-06-30"),
        ("mac: 44:19:b6", "assets.pole-17.mac: must be a MAC address such as 44:19:b6:3f:5e:51"),
        ("exempt: {reason: old, by: CISO}", "assets.pole-17.exempt.until: is missing"),
        ("scope: []", "assets.pole-17: scope is set by hand: scope_reason has to say why"),
        ("colour: red", "assets.pole-17.colour: unknown key"),
        ("successor: pole-18", "assets.pole-17.successor: there is no asset 'pole-18', did you mean pole-17?"),
        ("successor: pole-17", "assets.pole-17.successor: the asset would follow upon itself: pole-17 -> pole-17"),
    ],
)
def test_a_mistake_is_named_with_its_key(written, problem) -> None:
    found = problems(f"pole-17: {{{written}}}")
    assert [line.startswith(problem) for line in found] == [True], found


def test_a_stream_names_an_asset_that_exists() -> None:
    assert config("pole-17: {}", ", asset: pole-17").streams["front"].asset == "pole-17"
    assert problems("pole-17: {}", ", asset: pole17") == [
        "streams.front.asset: there is no asset 'pole17', did you mean pole-17?"
    ]


def test_assets_that_follow_upon_each_other_in_a_circle_are_named_and_others_not() -> None:
    found = problems("a: {successor: b}, b: {successor: c}, c: {successor: b}")
    assert found == [
        "assets.b.successor: the asset would follow upon itself: b -> c -> b",
        "assets.c.successor: the asset would follow upon itself: c -> b -> c",
    ]


def test_a_circle_of_successors_ends() -> None:
    assets = config("a: {}, b: {}").assets
    circle = {
        "a": assets["a"].model_copy(update={"successor": "b"}),
        "b": assets["b"].model_copy(update={"successor": "a"}),
    }
    assert list(successors("a", circle)) == ["b"]


def test_a_chain_of_assets_is_bounded_and_costs_no_more_than_it_has_to() -> None:
    chain = {f"a{number}": f"a{number + 1}" for number in range(4000)}
    written = ", ".join(f"{name}: {{successor: {later}}}" for name, later in chain.items())
    began = time.monotonic()
    found = problems(f"{written}, a4000: {{}}")
    assert time.monotonic() - began < 5
    assert found[0] == "assets.a0.successor: more than 32 assets would follow upon each other"
    short = ", ".join(f"{name}: {{successor: {later}}}" for name, later in list(chain.items())[:31])
    assert len(list(successors("a0", config(f"{short}, a31: {{}}").assets))) == 31


def test_many_unknown_assets_are_named_without_looking_long_for_what_was_meant() -> None:
    assets = ", ".join(f"pole-{number}: {{}}" for number in range(2000))
    streams = ", ".join(f"s{number}: {{source: 'rtsp://10.0.0.2/', asset: pole{number}}}" for number in range(300))
    with pytest.raises(ConfigError) as caught:
        parse(f"streams: {{{streams}}}\nassets: {{{assets}}}", NOWHERE, {})
    advised = [line for line in caught.value.problems if "did you mean" in line]
    assert (len(caught.value.problems), len(advised)) == (300, 8)


def test_a_plan_for_a_quarter_holds_to_its_last_day() -> None:
    days = [last_day(planned) for planned in ("2027-Q1", "2027-Q2", "2027-Q3", "2027-Q4", "2027-05-03")]
    assert days == [date(2027, 3, 31), date(2027, 6, 30), date(2027, 9, 30), date(2027, 12, 31), date(2027, 5, 3)]


def test_defaults_hold_no_asset() -> None:
    with pytest.raises(ConfigError, match=r"defaults\.asset: unknown key"):
        parse("streams: {front: {source: 'rtsp://10.0.0.2/'}}\ndefaults: {asset: x}\nassets: {x: {}}", NOWHERE, {})


@pytest.mark.parametrize(
    "written",
    ["mac: tiger", f"serial: tiger{'x' * 128}", f"firmware: tiger{'x' * 128}", f"location_exact: tiger{'x' * 128}"],
)
def test_a_problem_does_not_repeat_what_helps_an_attacker_as_events_and_logs_tell_it(written) -> None:
    [line] = problems(f"pole-17: {{{written}}}")
    assert line.startswith("assets.pole-17.")
    assert "tiger" not in line
