"""Which rules cover a device, by its maker, the country and the day."""

from datetime import date

import pytest

from transcoder.assets.scope import (
    BY_OPERATOR,
    OWN_POLICY,
    country_of,
    is_scope_known,
    label_names,
    labels_for,
    with_operator,
)
from transcoder.assets.tables import scope_rules

TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("maker", "country", "labels"),
    [
        ("Hikvision", "", {"ndaa-889", "fcc-covered", "uk-nil", "nl-country"}),
        ("Zhejiang Dahua Technology Co., Ltd.", "", {"ndaa-889", "fcc-covered", "uk-nil", "nl-country"}),
        ("Uniview", "", {"uk-nil", "nl-country"}),  # on no list of names, and of the country that two rules mean
        ("TP-Link", "", {"uk-nil", "nl-country"}),
        ("Axis", "", set()),
        ("Hanwha Vision", "", set()),
        ("Anjvision", "", set()),  # no source tells its country
        ("Anjvision", "cn", {"uk-nil", "nl-country"}),  # the operator does
        ("Nobody", "CN", {"uk-nil", "nl-country"}),
        ("", "", set()),
    ],
)
def test_rules_by_maker_and_country(maker: str, country: str, labels: set[str]) -> None:
    assert set(label_names(maker, country, TODAY)) == labels


def test_a_rule_holds_from_a_day_on() -> None:
    assert label_names("Hikvision", "", date(2019, 8, 12)) == ()
    assert label_names("Hikvision", "", date(2019, 8, 13)) == ("ndaa-889",)
    assert "uk-nil" not in label_names("Uniview", "", date(2022, 11, 23))
    assert "uk-nil" in label_names("Uniview", "", date(2022, 11, 24))


def test_a_label_says_why() -> None:
    by_label = {each.label: each for each in labels_for("Hikvision", "", TODAY)}
    assert by_label["ndaa-889"].because == "the maker is Hikvision"
    assert by_label["uk-nil"].because == "the maker's country is CN"
    assert by_label["uk-nil"].since == date(2022, 11, 24)
    assert "National Intelligence Law" in by_label["uk-nil"].rule


def test_the_operator_goes_before_the_rules() -> None:
    labels = labels_for("Hikvision", "", TODAY)
    assert with_operator(labels, None, "") == labels
    assert with_operator(labels, (), "it has no network") == ()
    [own] = with_operator(labels, (OWN_POLICY,), "motion of 2023-05")
    assert (own.label, own.rule, own.because, own.since) == (OWN_POLICY, "motion of 2023-05", BY_OPERATOR, None)


def test_what_is_not_known_is_not_out_of_scope() -> None:
    assert country_of("Uniview") == "CN"
    assert country_of("Anjvision") == country_of("Nobody") == ""
    assert is_scope_known("Axis", "")
    assert not is_scope_known("Anjvision", "")
    assert is_scope_known("Anjvision", "CN")
    assert not is_scope_known("", "SE")
    assert [rule.label for rule in scope_rules()] == ["ndaa-889", "fcc-covered", "uk-nil", "nl-country"]
