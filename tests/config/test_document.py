"""YAML as the 1.2 core schema reads it, checked against its tables and against what PyYAML writes."""

import math
import string
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from transcoder.config.document import read_document
from transcoder.errors import ConfigError


def read(text: str) -> object:
    problems: list[str] = []
    value = read_document(text, "file", problems)
    assert problems == []
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # YAML 1.2.2, 10.3.2 and example 10.9
        ("null", None), ("~", None), ("Null", None), ("''", ""), ("true", True), ("False", False), ("TRUE", True),
        ("0", 0), ("0o7", 7), ("0x3A", 58), ("-19", -19), ("+12", 12), ("007", 7),
        ("0.", 0.0), ("-0.0", -0.0), (".5", 0.5), ("+12e03", 12000.0), ("-2E+05", -200000.0),
        (".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf),
        # text there, something else in YAML 1.1
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("n", "n"), ("12:30", "12:30"), ("1_000", "1_000"),
        ("2001-12-14", "2001-12-14"), ("0b1", "0b1"), ("=", "="),
        ("'1'", "1"), ('"true"', "true"), ("! 1", "1"), ("!!str 1", "1"), ("|\n a\n b\n", "a\nb\n"),
        ("1" * 5000, "1" * 5000), ("0x", "0x"), ("1.2.3", "1.2.3"), ("10.0.0.1:8554", "10.0.0.1:8554"),
    ],
)  # fmt: skip
def test_core_schema(text, value):
    result = read(text)
    assert result == value
    assert type(result) is type(value)


def test_not_a_number():
    assert math.isnan(read(".nan"))  # type: ignore[arg-type]  # a float if the test is to pass


# no digits: PyYAML writes YAML 1.1, in which 1e5 and 0o7 are text
TEXT = st.text(alphabet=string.ascii_letters + "äß \n\t:#-{}[]&*!|>'\"%@`,?~", max_size=20)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(DATA, st.booleans())
def test_what_pyyaml_writes_is_read_back(data, flow):
    assert read(yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True)) == data


def test_merge_keys_as_in_the_specification_of_their_type():
    # yaml.org/type/merge: the mapping's own keys win, then the first of the list
    text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}\nd: {y: 3, <<: *a}\n'<<': kept\n"
    value = read(text)
    assert isinstance(value, dict)
    assert value["c"] == {"x": 1, "y": 3, "z": 2}
    assert value["d"] == {"x": 1, "y": 3}
    assert value["<<"] == "kept"
    with pytest.raises(ConfigError, match="<< takes a mapping"):
        read("a: {<<: 5}")


def test_keys_given_twice():
    problems: list[str] = []
    assert read_document("a:\n  b: 1\n  c: 2\n  b: 3\nl: [{x: 1, x: 2}]\n", "file", problems) == {
        "a": {"b": 1, "c": 2},
        "l": [{"x": 1}],
    }
    assert problems == ["a.b: given twice, in lines 2 and 4", "l[0].x: given twice, in lines 5 and 5"]


@pytest.mark.parametrize(
    "part",
    [
        "[",
        "{a: ",
        "- ",
        "? ",
        "a: &a [*a, ",
        "\n",
        "&a ",
        "*a ",
        "!a ",
        "'",
        '"',
        "%",
        "- - a\n",
        "a: b\n",
        "{}: ",
        "# ",
    ],
)
def test_time_is_linear_in_the_text(part):
    """256 KiB of anything: below 4 s on any machine; quadratic work on them would be 7e10 steps."""
    start = time.process_time()
    with pytest.raises(ConfigError):
        read(part * (256 * 1024 // len(part)) + "\x07" * (part in {"\n", "# "}) + "]")
    assert time.process_time() - start < 4


def test_a_line_that_is_indented_by_a_tab_is_named() -> None:
    """libyaml says only that a character can't start a token, and a tab can't be seen."""
    with pytest.raises(ConfigError, match=r"line 2, column 1: .*the line is indented by a tab"):
        read_document("streams:\n\tfront: {}\n", "f.yaml", [])
    with pytest.raises(ConfigError) as caught:
        read_document("streams:\n  front: {\ta: [}\n", "f.yaml", [])
    assert "indented" not in str(caught.value)
