"""Answers are written with these: whatever stands in them is escaped, because only Markup is taken as it is."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias
from xml.sax.saxutils import escape, quoteattr

_NO_XML: Final = {
    number: "?" for number in (*range(32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)) if number not in {9, 10, 13}
}
"""The characters that XML 1.0 can't hold (section 2.2)."""


class Markup(str):
    """A piece of XML that was written here."""

    __slots__ = ()


Content: TypeAlias = "str | float | bool | Markup | None"


def text_of(value: Content) -> str:
    """Return a value as XML schema writes it, not escaped yet."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).translate(_NO_XML)


def element(name: str, *content: Content, attributes: Mapping[str, Content] | None = None) -> Markup:
    """Return an element; what is None is left out.

    Args:
        name: the name with its prefix, one of ours.
        content: elements, which are Markup, or a value, which is escaped.
        attributes: the attributes by name.
    """
    given = (attributes or {}).items()
    written = "".join(f" {key}={quoteattr(text_of(value))}" for key, value in given if value is not None)
    parts = [each if isinstance(each, Markup) else escape(text_of(each)) for each in content if each is not None]
    inner = "".join(parts)
    return Markup(f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>")


def joined(parts: Iterable[Markup]) -> Markup:
    """Return elements one after another."""
    return Markup("".join(parts))
