import base64
import re

import pytest

from transcoder.lab.cameras.canary import Canary, CanaryMint
from transcoder.lab.cameras.canary_search import find, missing

VALUE = Canary(name="x", where="", value=b"0a1b2c3d4e5f6789")


def test_values_are_long_plain_and_repeatable() -> None:
    mint, other = CanaryMint("1/0"), CanaryMint("1/1")
    text, digits = mint.text("realm", "here"), mint.digits("session", "there", 18)
    assert re.fullmatch(r"[0-9a-f]{16}", text)
    assert re.fullmatch(r"[1-9][0-9]{17}", digits)
    assert mint.text("realm", "here") == text
    assert CanaryMint("1/0").text("realm", "here") == text
    assert other.text("realm", "here") != text
    assert CanaryMint("1/0").text("server", "here") != text
    assert [(canary.name, canary.value) for canary in mint.all()] == [
        ("realm", text.encode()),
        ("session", digits.encode()),
    ]


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"junk" + VALUE.value + b"junk", "raw"),
        (b"junk" + VALUE.value.upper(), "raw"),
        (VALUE.value.hex().encode(), "hex"),
        (VALUE.value.hex().upper().encode(), "hex"),
        *((base64.b64encode(b"q" * before + VALUE.value + b"zz"), "base64") for before in range(7)),
    ],
)
def test_every_form_is_found(data: bytes, form: str) -> None:
    assert [(finding.canary, finding.form) for finding in find(data, [VALUE])] == [(VALUE, form)]
    assert missing(data, [VALUE]) == []


def test_what_is_not_there_is_missing() -> None:
    other = Canary(name="y", where="", value=b"ffffeeeeddddcccc")
    data = b"." + VALUE.value[:-1] + b"." + VALUE.value[1:] + other.value
    assert missing(data, [VALUE, other]) == [VALUE]
    assert find(data, [VALUE, other])[0].offset == 32  # after two dots and twice 15 characters
