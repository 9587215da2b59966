"""What the operator says stands; what the gateway finds out is shown beside it, and a tie is no knowledge."""

import pytest

from transcoder.assets.findings import Finding, Told, tell

STREAM = Finding(field="maker", value="Hikvision", by="stream", evidence=("realm of 12 hexadecimal digits",))
REGISTRY = Finding(field="maker", value="Dahua", by="registry", evidence=("prefix 3cef8c",))
ONVIF = Finding(field="brand", value="Annke", by="onvif", evidence=("Manufacturer",))


def test_the_operators_word_is_never_overridden_and_a_contradiction_is_shown() -> None:
    told = tell("Uniview", [STREAM, REGISTRY, ONVIF], "maker")
    assert told == Told(value="Uniview", by="operator", contradicted_by=(STREAM, REGISTRY))


def test_a_finding_that_agrees_with_the_operator_in_other_letters_is_no_contradiction() -> None:
    assert tell("hikvision", [STREAM], "maker") == Told(value="hikvision", by="operator")


def test_the_registry_is_believed_before_the_stream() -> None:
    told = tell(None, [STREAM, REGISTRY], "maker")
    assert (told.value, told.by, told.evidence) == ("Dahua", "registry", ("prefix 3cef8c",))
    assert told.contradicted_by == (STREAM,)


def test_brand_is_never_maker() -> None:
    assert tell(None, [ONVIF], "maker") == Told()
    assert tell(None, [ONVIF], "brand").value == "Annke"


def test_two_findings_of_one_rank_that_disagree_say_nothing() -> None:
    other = Finding(field="maker", value="Dahua", by="stream")
    assert tell(None, [STREAM, other], "maker") == Told(contradicted_by=(STREAM, other))


def test_a_finding_survives_the_way_through_json_and_damage_is_refused() -> None:
    assert Finding.from_dict(STREAM.to_dict()) == STREAM
    for damaged in ({}, {**STREAM.to_dict(), "by": "rumour"}, {**STREAM.to_dict(), "more": 1}):
        with pytest.raises(ValueError, match="no finding"):
            Finding.from_dict(damaged)


def test_what_a_camera_says_of_itself_is_cut() -> None:
    found = Finding(field="model", value="x" * 4096, by="onvif", evidence=("y" * 4096,) * 100).bounded()
    assert (len(found.value), len(found.evidence), len(found.evidence[0])) == (128, 8, 200)
