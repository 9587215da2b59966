"""The line of each key, by its key path."""

import time
from pathlib import Path

import pytest

from transcoder.config import load
from transcoder.config.places import key_lines
from transcoder.errors import ConfigError

TEXT = """\
# a comment
node: gw1
streams:
  front:
    video: {fps: 5,
            codec: h264}
    masks:
      - polygon: [[0, 0], [1, 0],
                  [1, 1]]
      - {style: blur}
  "two words": &x {a: 1}
  again: *x
  1: {<<: *x}
"""


def test_each_key_has_its_line() -> None:
    lines = key_lines(TEXT)
    assert lines == {
        "node": 2,
        "streams": 3,
        "streams.front": 4,
        "streams.front.video": 5,
        "streams.front.video.fps": 5,
        "streams.front.video.codec": 6,
        "streams.front.masks": 7,
        "streams.front.masks[0]": 8,
        "streams.front.masks[0].polygon": 8,
        **{f"streams.front.masks[0].polygon[{i}]": 8 for i in (0, 1)},
        **{f"streams.front.masks[0].polygon[{i}][{j}]": 8 for i in (0, 1) for j in (0, 1)},
        "streams.front.masks[0].polygon[2]": 9,
        **{f"streams.front.masks[0].polygon[2][{j}]": 9 for j in (0, 1)},
        "streams.front.masks[1]": 10,
        "streams.front.masks[1].style": 10,
        "streams.'two words'": 11,
        "streams.'two words'.a": 11,
        "streams.again": 12,
        "streams.1": 13,
        "streams.1.'<<'": 13,
    }


@pytest.mark.parametrize(
    ("text", "lines"), [("a: 1\nb: [", {"a": 1, "b": 2}), ("", {}), ("[" * 100_000, None), ("- x", {"[0]": 1})]
)
def test_any_text_has_lines_as_far_as_it_goes(text: str, lines: dict[str, int] | None) -> None:
    assert lines is None or key_lines(text) == lines
    key_lines(text)


def test_a_missing_key_has_the_line_of_its_mapping(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "node: x\n\nstreams:\n  front:\n    video: {fps: 5}\n  back: {source: rtsp://10.0.0.2/, video: {fps: a}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.lines == [
        f"{path}:4: streams.front.source: is missing",
        f"{path}:6: streams.back.video.fps: must be a number (it is 'a')",
    ]
    assert str(caught.value).splitlines()[-1] == f"2 problems in {path}"


@pytest.mark.timeout(60)
def test_many_problems_are_placed_in_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("streams:\n" + "".join(f"  X{i}: 0\n" for i in range(10_000)))
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert len(caught.value.places) == 20_000
    assert time.process_time() - start < 5
