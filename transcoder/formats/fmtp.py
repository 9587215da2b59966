"""This module reads the values of fmtp parameters, which describe a format in a session description."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence

from transcoder.codecs.nal import Codec, header_size, is_parameter_set, nal_unit_type, split_byte_stream

MAX_PARAMETER_SETS = 16
_MAX_TEXT = 8192
"""The largest number of characters of one parameter set in base64; real ones have about 100."""


def number(parameters: Mapping[str, str], name: str) -> int | None:
    """Return the value of a parameter that is a number of at most ten digits, else None."""
    value = parameters.get(name, "")
    return int(value) if re.fullmatch(r"[0-9]{1,10}", value) else None


def parameter_sets(codec: Codec, parameters: Mapping[str, str], names: Sequence[str], kinds: int) -> tuple[bytes, ...]:
    """Return the parameter sets of an fmtp line.

    The sets have no start codes and no trailing zeros. Cameras put start codes before (Tenda) or after (GW Security) a
    set, zeros behind it (Dahua), quotes around the comma. They leave out the PPS or the VPS (LTS), which the stream may
    give once and never again: the others count. They leave out the NAL unit header (VStarcam): where a value is no set,
    and not every type is there, the line is broken and none counts.

    Args:
        codec: the codec of the sets.
        parameters: the parameters of the line.
        names: the names of the parameters that hold sets.
        kinds: the number of types of parameter sets that the codec has.
    """
    found: list[bytes] = []
    is_whole = True
    for name in names:
        for item in parameters.get(name, "").split(","):
            text = item.strip().strip('"').strip()
            if not text:
                continue
            sets = [unit for unit in _units(text) if _is_set(codec, unit)]
            is_whole = is_whole and bool(sets)
            found.extend(sets)
    types = {nal_unit_type(codec, unit) for unit in found}
    return tuple(found[:MAX_PARAMETER_SETS]) if is_whole or len(types) == kinds else ()


def _units(text: str) -> list[bytes]:
    """Return the NAL units of a value in base64, none where it is too long or no base64."""
    if len(text) > _MAX_TEXT:
        return []
    try:
        return list(split_byte_stream(base64.b64decode(text + "=" * (-len(text) % 4))))
    except (binascii.Error, ValueError):
        return []


def _is_set(codec: Codec, unit: bytes) -> bool:
    """Return whether a NAL unit is a parameter set with a body."""
    return len(unit) > header_size(codec) and unit[0] < 0x80 and is_parameter_set(codec, nal_unit_type(codec, unit))


def serialize_sets(sets: Sequence[bytes]) -> list[str]:
    """Return parameter sets in base64, as an fmtp line holds them."""
    return [base64.b64encode(unit).decode() for unit in sets]
