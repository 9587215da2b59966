"""This module looks for canaries in recorded bytes: raw, hexadecimal and base64.

The search proves both halves of the claim: every canary is in the camera's own stream, none in the streams that the
gateway serves.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from transcoder.lab.cameras.canary import Canary


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Says where a canary was found.

    Attributes:
        canary: the canary.
        form: "raw", "hex" or "base64".
        offset: offset of its first occurrence in this form.
    """

    canary: Canary
    form: str
    offset: int


def find(data: bytes, canaries: Iterable[Canary]) -> list[Finding]:
    """Search for every canary in every form; letters match in either case, except in base64.

    Args:
        data: all recorded bytes, messages and packets in a row. A canary split over two packets is not found: search
            reassembled data too where a field may be long.
        canaries: the canaries to look for.

    Returns:
        At most one finding for each canary and form.
    """
    lower = data.lower()
    findings: list[Finding] = []
    for canary in canaries:
        forms = [
            ("raw", lower.find(canary.value.lower())),
            ("hex", lower.find(canary.value.hex().encode())),
            ("base64", min((at for at in map(data.find, base64_forms(canary.value)) if at >= 0), default=-1)),
        ]
        findings.extend(Finding(canary=canary, form=form, offset=offset) for form, offset in forms if offset >= 0)
    return findings


def missing(data: bytes, canaries: Iterable[Canary]) -> list[Canary]:
    """Return the canaries that are in the data in no form."""
    wanted = list(canaries)
    found = {finding.canary.name for finding in find(data, wanted)}
    return [canary for canary in wanted if canary.name not in found]


def base64_forms(value: bytes) -> list[bytes]:
    """Return the value in base64 at each of its three alignments, without the characters that neighbours change."""
    forms = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + value)
        first = -(-before * 8 // 6)
        last = (before + len(value)) * 8 // 6
        forms.append(text[first:last])
    return forms
