"""The reasons why a stream is not clean are put into few groups, so that fifty of them can be read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_GROUPS: Final = (
    ("canaries", r"canary "),
    ("marks of vendors", r"(?:(?!RTSP|SDP|fmtp).*: )?mark "),
    (
        "words in RTSP and SDP that are not ours",
        r"RTSP header|an RTSP body|SDP line|the SDP |fmtp |sprop-|profile-level-id|a request of the server",
    ),
    (
        "SEI, parameter sets and other NAL units",
        r"NAL units|a NAL unit|an SPS|an SEI|text in a parameter set|a start code|.*: no SPS",
    ),
    ("packets, their headers and RTCP", r"bytes between|frames on channel|.*: "),
)
"""Each group with the beginnings of its problems; a problem is of the first group that it fits."""
OTHERS: Final = "others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Holds problems of one kind.

    Attributes:
        title: the name of the group.
        problems: the problems with how often each occurred, the most frequent first.
    """

    title: str
    problems: tuple[tuple[str, int], ...]

    @property
    def count(self) -> int:
        """Return how often problems of the group occurred."""
        return sum(count for _, count in self.problems)


def group(problems: Mapping[str, int]) -> list[Group]:
    """Return the groups that have problems, in the order of the table."""
    found: dict[str, list[tuple[str, int]]] = {title: [] for title in (*(title for title, _ in _GROUPS), OTHERS)}
    for text, count in sorted(problems.items(), key=lambda item: -item[1]):
        found[_title(text)].append((text, count))
    return [Group(title=title, problems=tuple(members)) for title, members in found.items() if members]


def _title(text: str) -> str:
    return next((title for title, pattern in _GROUPS if re.match(pattern, text)), OTHERS)
