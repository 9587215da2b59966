"""What to do about a mistake in a configuration, where more can be said than what is wrong."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from transcoder.config.patterns import LOWER_CASE, SEPARATORS, WORDS

CLOSE: Final = 0.7
"""How alike two words are, by difflib's ratio, for one to be meant by the other: `vido` and `video` are, `asset` and
`masks`, at 0.6, are not."""
MAX_COMPARED: Final = 64
"""The characters of a word that are compared with others."""

_SAME: Final[Mapping[str, str]] = {
    **dict.fromkeys(("hevc", "h.265", "x265", "libx265", "265"), "h265"),
    **dict.fromkeys(("avc", "h.264", "x264", "libx264", "264"), "h264"),
    **dict.fromkeys(("interleaved", "rtp over tcp"), "tcp"),
    **dict.fromkeys(("none", "off", "false"), "drop"),
    **dict.fromkeys(("aac", "on", "true", "keep"), "reencode"),
    **dict.fromkeys(("black", "fill"), "solid"),
}
"""Other words for values of the configuration; each counts where the value is one of those that are allowed."""
_OF_STREAM: Final = frozenset({"source", "video", "audio", "masks", "encoder", "enabled", "title"})
"""Keys of a stream that are hardly ever the name of one."""
_CHOICE: Final = re.compile("'([^']*)'")
_MAPPINGS: Final = frozenset({"model_type", "model_attributes_type", "dict_type"})


def close_to(word: str, known: Sequence[str]) -> str | None:
    """Return the known word that another one was meant to be, None where there is no such word."""
    found = difflib.get_close_matches(word[:MAX_COMPARED], known, n=1, cutoff=CLOSE)
    return found[0] if found else None


def name_words(pattern: str, name: object) -> str | None:
    """Return what a name has to be made of, and a name like the given one that would do; None for other patterns."""
    if pattern not in WORDS:
        return None
    text = str(name)[:MAX_COMPARED]
    text = text.lower() if pattern in LOWER_CASE else text
    text = re.sub(r"[^A-Za-z0-9_]+", SEPARATORS[pattern], text).strip("-_")
    example = f"; for example {text}" if len(str(name)) < MAX_COMPARED and re.fullmatch(pattern, text) else ""
    return f"must consist of {WORDS[pattern]}{example}"


def advice(kind: str, context: Mapping[str, Any], value: object, path: Sequence[str | int]) -> str:
    """Return what to do about an error, to be written after what is wrong; mostly nothing.

    Args:
        kind: pydantic's type of the error.
        context: pydantic's context of the error.
        value: the value that is wrong.
        path: the path of its key.
    """
    if kind == "literal_error" and isinstance(value, str | int):
        meant = _meant(str(value), _CHOICE.findall(str(context.get("expected", ""))))
        return f", did you mean {meant}?" if meant else ""
    if kind in {"less_than_equal", "greater_than_equal"} and "polygon" in path:
        return ": corners are parts of the picture from 0 to 1, not pixels"
    if kind in _MAPPINGS:
        return _as_mapping(value, path)
    return ""


def _meant(word: str, choices: Sequence[str]) -> str | None:
    same = _SAME.get(word.lower())
    return same if same in choices else close_to(word.lower(), choices)


def _as_mapping(value: object, path: Sequence[str | int]) -> str:
    """Return the lines that are meant where a stream or the streams are no mapping."""
    if path == ("streams",):
        return "; write `streams:`, and below it, indented, `front: {source: rtsp://...}`"
    if len(path) == 2 and path[0] == "streams" and path[1] in _OF_STREAM:
        return ": is it a key of the stream above? Indent it more than the stream's name"
    if len(path) == 2 and path[0] == "streams":
        slipped = ", or indent its keys more than its name" if value is None else ""
        return f"; write `{path[1]}: {{source: rtsp://...}}`{slipped}"
    return ""
