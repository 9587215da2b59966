"""Problems of a configuration are put into lines that an operator can act on.

Each line starts with the key path. A value is shown only where it can't be a secret.
"""

import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from transcoder.config.advice import advice, close_to, name_words
from transcoder.config.asset import CONFIDENTIAL
from transcoder.logs import redact

Key: TypeAlias = str | int

MAX_SHOWN: Final = 40
"""The characters of a key or value that a problem repeats at most: enough to find it, one line in a terminal."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_SENSITIVE: Final = CONFIDENTIAL | frozenset({"push", "stream_key", "source", "url", "username", "password", "token"})

_NO_STREAMS: Final = ": `streams: {}` will do where a list of assets is to be imported"

# pydantic's error type -> the text of the problem; {…} are taken from the error's context
_MESSAGES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_pattern_mismatch": "must match {pattern}",
}


def key_path(parts: Sequence[Key]) -> str:
    """Return a path as a problem shows it: `streams.front.masks[0].style`."""
    text = ""
    for part in parts:
        text = path_with(text, part)
    return text


def path_with(path: str, part: Key) -> str:
    """Return a path as a problem shows it, with one more part."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    short = part if len(part) <= MAX_SHOWN else part[:MAX_SHOWN] + "…"
    shown = short if _PLAIN_KEY.fullmatch(short) else repr(short)
    return f"{path}.{shown}" if path else shown


def shortened(problems: list[str], limit: int) -> list[str]:
    """Return the problems; where there are more than the limit, the last line tells how many are left out."""
    if len(problems) <= limit:
        return problems
    return [*problems[: limit - 1], f"configuration: has {len(problems) - limit + 1} more problems"]


def describe(error: ValidationError, model: type[BaseModel], data: object, *, limit: int | None = None) -> list[str]:
    """Turn pydantic's errors into problems.

    Args:
        error: the error that validation raised.
        model: the model that was validated.
        data: the data that was validated, to tell keys of the file from pydantic's own path elements.
        limit: the largest number of lines, None for no limit. Errors past the limit are counted and cost no more.
    """
    lines: dict[str, None] = {}  # in order, each once
    items = error.errors(include_url=False)
    above = {item["loc"][:depth] for item in items for depth in range(len(item["loc"]))}
    for index, item in enumerate(items):
        if limit is not None and len(lines) == limit - 1 and index < len(items) - 1:
            return [*lines, f"configuration: has {len(items) - index} more problems"]
        path, of_key = _real_path(item["loc"], data)
        kind = item["type"]
        if kind == "too_short" and item["loc"] in above:
            continue  # pydantic counts the good entries only; the bad ones are reported
        if kind == "extra_forbidden":
            message = _unknown(path, model)
        elif kind == "missing":
            last = path[-1] if path else ""
            either = f": give {last} or {last}_file" if last in {"password", "token"} else ""
            message = "is missing" + either + (_NO_STREAMS if path == ("streams",) else "")
        else:
            context = item.get("ctx", {})
            template = _MESSAGES.get(kind)
            message = template.format(**context) if template else str(context.get("error", item["msg"]))
            if kind == "string_pattern_mismatch":
                message = name_words(context["pattern"], path[-1] if of_key and path else item["input"]) or message
            elif kind == "too_short" and isinstance(item["input"], str | SecretStr):
                message = _MESSAGES["string_too_short"]
            message = ("this name " if of_key else "") + message
            if kind == "string_type" and isinstance(item["input"], int | float):
                message += ": put it in quotes"
            elif not of_key:
                shown = "" if _SENSITIVE.intersection(map(str, path)) else _shown(item["input"])
                message += shown + advice(kind, context, item["input"], path)
        line = f"{key_path(path) or 'configuration'}: {message}"
        lines[line] = None
    return list(lines)


def _real_path(loc: tuple[Key, ...], data: object) -> tuple[tuple[Key, ...], bool]:
    """Cut off the parts that pydantic adds to a path, and return whether a key itself is wrong.

    pydantic adds parts for unions, for mapping keys and for a source given as text.
    """
    path: list[Key] = []
    for part in loc:
        if part == "[key]" and part == loc[-1]:
            return tuple(path), True
        if isinstance(data, Mapping):
            data = data.get(part)  # None for a missing key, which ends its path
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            break
        path.append(part)
    return tuple(path), False


def _shown(value: object) -> str:
    if value is None:
        return " (it is empty)"
    if isinstance(value, bool):
        return f" (it is {str(value).lower()})"
    if isinstance(value, str | int | float):
        text = redact(repr(value))  # before the cut, behind which an "@" would tell that there was a password
        return f" (it is {text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '…'})"
    return ""


def _unknown(path: tuple[Key, ...], model: type[BaseModel]) -> str:
    key = str(path[-1])
    known, nested = _known_keys(path[:-1], model)
    if path == ("defaults", "source", "url"):
        return "not allowed here: each stream has a url of its own"
    if close := close_to(key, known):
        return f"unknown key, did you mean {close}?"
    if key in nested:
        return f"unknown key here, did you mean {nested[key]}.{key}?"
    return f"unknown key, known are {', '.join(known)}"


def _known_keys(path: tuple[Key, ...], model: type[BaseModel]) -> tuple[list[str], dict[str, str]]:
    """Return the keys at a path, and the keys one level below with the key that they are under."""
    here: list[Any] = [model]
    for part in path:
        here = [step for annotation in here for step in _step(annotation, part)]
    known: list[str] = []
    nested: dict[str, str] = {}
    for found in here:
        if not _is_model(found):
            continue
        for name, field in found.model_fields.items():
            known.append(name)
            for below in filter(_is_model, _unwrap(field.annotation)):
                nested.update({key: name for key in below.model_fields if key not in nested})
    return known, nested


def _step(annotation: Any, part: Key) -> list[Any]:
    if _is_model(annotation):
        field = annotation.model_fields.get(str(part))
        return _unwrap(field.annotation) if field else []
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return _unwrap(args[1])
    if origin in {tuple, list}:
        return _unwrap(args[0])
    return []


def _unwrap(annotation: Any) -> list[Any]:
    """Return the members of a union, without their annotations."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _unwrap(args[0])
    if origin in {Union, types.UnionType}:
        return [found for arg in args for found in _unwrap(arg)]
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
