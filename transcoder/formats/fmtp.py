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
    """Return the parameter sets of an fmtp line, or none unless there is one of each type.

    The sets have no start codes and no trailing zeros. Cameras put start codes before (Tenda) or after (GW Security) a
    set, zeros behind it (Dahua), quotes around the comma. They leave out the NAL unit header (VStarcam), the PPS or the
    VPS (LTS): then nothing is known before the stream tells it.

    Args:
        codec: the codec of the sets.
        parameters: the parameters of the line.
        names: the names of the parameters that hold sets.
        kinds: the number of types of parameter sets that the codec has.
    """
    found: list[bytes] = []
    for name in names:
        for item in parameters.get(name, "").split(","):
            text = item.strip().strip('"').strip()
            if not text or len(text) > _MAX_TEXT:
                continue
            try:
                data = base64.b64decode(text + "=" * (-len(text) % 4))
            except (binascii.Error, ValueError):
                continue
            found.extend(
                unit
                for unit in split_byte_stream(data)
                if len(unit) > header_size(codec)
                and unit[0] < 0x80
                and is_parameter_set(codec, nal_unit_type(codec, unit))
            )
    types = {nal_unit_type(codec, unit) for unit in found}
    return tuple(found[:MAX_PARAMETER_SETS]) if len(types) == kinds else ()


def serialize_sets(sets: Sequence[bytes]) -> list[str]:
    """Return parameter sets in base64, as an fmtp line holds them."""
    return [base64.b64encode(unit).decode() for unit in sets]
