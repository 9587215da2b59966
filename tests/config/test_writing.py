"""YAML that is written is read as the same data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.config.document import read_document
from transcoder.config.writing import write_document

texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_written_is_read_again(data: object) -> None:
    assert read_document(write_document(data), "test", []) == data


# YAML 1.2.2, 10.3.2, takes these for numbers where they are plain; YAML 1.1 takes some of them for text
@pytest.mark.parametrize(
    "text", ["1e5", "0o17", "+12", "0x1f", ".5", "1.", "12:30", "1_000", "-.inf", "null", "~", "no"]
)
def test_a_text_stays_a_text(text: str) -> None:
    assert read_document(write_document({"title": text}), "test", []) == {"title": text}
