"""What a device told over ONVIF is taken from whoever asked it: the gateway itself asks no device."""

from collections.abc import Mapping
from dataclasses import fields

from transcoder.assets.findings import MAX_VALUE
from transcoder.assets.makers import DeviceInformation
from transcoder.rejection import Code, Rejected

PROPERTIES = tuple(field.name for field in fields(DeviceInformation))
"""The properties that a device may tell."""


def told_device(document: object) -> DeviceInformation:
    """Return what a device told.

    Args:
        document: the properties, of which there is one at least.

    Raises:
        Rejected: the document has something else. What can't be printed is replaced later, as in all findings.
    """
    if not isinstance(document, Mapping) or not document or not document.keys() <= set(PROPERTIES):
        raise Rejected(Code.INVALID, f"there must be a mapping of some of {', '.join(PROPERTIES)}, and nothing else")
    problems = [f"{name}: {problem}" for name, value in document.items() if (problem := _problem(value))]
    if problems:
        raise Rejected(Code.INVALID, problems[0], tuple(problems))
    return DeviceInformation(**document)


def _problem(value: object) -> str:
    if not isinstance(value, str):
        return "must be text"
    return f"must have {MAX_VALUE} characters at most" if len(value) > MAX_VALUE else ""
