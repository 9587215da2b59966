"""Plain data is written as YAML that this product reads as the same data.

PyYAML leaves a text plain that YAML 1.1 takes for text, and YAML 1.2, by which configurations are read, for a number:
1e5 and 0o17.
"""

import re
from typing import Any, Final

import yaml

WIDTH: Final = 120
_NUMBER: Final = re.compile(r"[-+.0-9][-+.0-9a-zA-Z]*")
"""Matches all that looks like a number to any version of YAML."""
_BASE: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BASE):  # type: ignore[misc]  # libyaml's class is untyped
    """Puts quotes around texts that look like numbers."""


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if _NUMBER.fullmatch(text) else None)


_Dumper.add_representer(str, _text)


def write_document(value: object) -> str:
    """Return the YAML text of plain data: mappings with text as keys, lists, texts, numbers, true, false and null."""
    return str(
        yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=WIDTH)
    )
