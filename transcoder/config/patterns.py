"""The patterns of names in a configuration, each with words for whoever gave a name that does not match."""

from collections.abc import Mapping
from typing import Final

STREAM_ID_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""Matches one level of a URL path and of an MQTT topic; the length is that of a DNS label."""
RENDITION_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,30}$"
"""Matches the second level of a URL path, and one level of an MQTT topic; the length is half a stream id's."""
NODE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
"""Matches one level of an MQTT topic."""
USER_PATTERN: Final = r'^[^\s:"\x00-\x1f\x7f-\x9f](?:[^:"\x00-\x1f\x7f-\x9f]{0,62}[^\s:"\x00-\x1f\x7f-\x9f])?$'
"""Matches a user's name. A colon would end the name in Basic (RFC 7617, 2), and a quote would end it in Digest (RFC
7616, 3.4); blanks at an end are lost where it is typed."""
LABEL_PATTERN: Final = r"^[a-z][a-z0-9_]{0,31}$"
"""Matches a label's name, which may also be the name of a label in Prometheus."""
TARGET_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,30}$"
"""Matches the name of a target that a stream is sent to; it is shorter than a stream's, as it stands beside one."""
RULE_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,30}$"
"""Matches a rule that assets fall under, such as ndaa-889."""
EXTRA_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f]{1,64}$"
"""Matches the name of a column of a spreadsheet: one line of any characters."""

WORDS: Final[Mapping[str, str]] = {
    STREAM_ID_PATTERN: "lower-case letters, digits, - and _, at most 63, with a letter or a digit first",
    RENDITION_PATTERN: "lower-case letters, digits, - and _, at most 31, with a letter or a digit first",
    NODE_PATTERN: "letters, digits, dots, - and _, at most 63, with a letter or a digit first",
    USER_PATTERN: "any characters but colons and double quotes, at most 64, with no blank first or last",
    LABEL_PATTERN: "lower-case letters, digits and _, at most 32, with a letter first",
    TARGET_PATTERN: "lower-case letters, digits, - and _, at most 31, with a letter or a digit first",
    RULE_PATTERN: "lower-case letters, digits and -, at most 31, with a letter or a digit first",
}
"""What a name is made of, by its pattern."""
SEPARATORS: Final[Mapping[str, str]] = {
    STREAM_ID_PATTERN: "-",
    RENDITION_PATTERN: "-",
    NODE_PATTERN: "-",
    USER_PATTERN: "-",
    LABEL_PATTERN: "_",
    TARGET_PATTERN: "-",
    RULE_PATTERN: "-",
}
"""What may stand where a name has another character, by its pattern."""
LOWER_CASE: Final = frozenset({STREAM_ID_PATTERN, RENDITION_PATTERN, LABEL_PATTERN, TARGET_PATTERN, RULE_PATTERN})
"""The patterns of names without capital letters."""
