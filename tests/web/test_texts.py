"""Every text of the page is there in both languages, with the same parameters."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, get_args

import pytest

from transcoder.assets.state import State
from transcoder.control import EVENT_TYPES
from transcoder.media.scene import LIMITS
from transcoder.rtsp.session import EndReason
from transcoder.source.problems import MEANINGS
from transcoder.web import load

PARAMETER = re.compile(r"\{(\w+)\}")
ASKED = re.compile(r"""\bt\(\s*"([\w.-]+)\"""")
FILES = {name: file.content.decode() for name, file in load().items()}


def _dictionary(name: str) -> Mapping[str, Mapping[str, str]]:
    text = re.sub(r"^\s*//.*$", "", FILES[name], flags=re.MULTILINE)
    body = text[text.index("export default") + len("export default") :].strip().removesuffix(";")
    body = re.sub(r"^(\s*)(en|nl):", r'\1"\2":', body, flags=re.MULTILINE)
    found: dict[str, Any] = json.loads(re.sub(r",(\s*})", r"\1", body))
    return found


TEXTS = [name for name in FILES if name.startswith("text/")]


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_there_in_both_languages(name: str) -> None:
    dictionary = _dictionary(name)
    assert set(dictionary) == {"en", "nl"}
    assert list(dictionary["en"]) == list(dictionary["nl"])
    for key, text in dictionary["en"].items():
        assert text.strip()
        assert dictionary["nl"][key].strip(), key
        assert set(PARAMETER.findall(text)) == set(PARAMETER.findall(dictionary["nl"][key])), key


def test_no_key_has_two_texts() -> None:
    keys = [key for name in TEXTS for key in _dictionary(name)["en"]]
    assert len(keys) == len(set(keys))


def test_what_a_script_asks_for_is_there() -> None:
    known = {key for name in TEXTS for key in _dictionary(name)["en"]}
    for name, content in FILES.items():
        if name.startswith("js/"):
            assert set(ASKED.findall(content)) - known == set(), name


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("event", EVENT_TYPES),
        ("reason", {reason.value for reason in EndReason}),
        ("problem", set(MEANINGS)),
        ("condition", set(LIMITS)),
        ("asset", set(get_args(State))),
    ],
)
def test_what_the_gateway_names_in_code_has_words(prefix: str, names: Collection[str]) -> None:
    known = {key for name in TEXTS for key in _dictionary(name)["en"]}
    assert {f"{prefix}.{name}" for name in names} - known == set()
