"""SOAP requests are read with a parser that takes no document type and few elements; answers are SOAP 1.2.

A request is told by the first element of its body alone: clients differ in URL, SOAPAction and content type (ZoneMinder
sends SOAP 1.2 as text/xml).
"""

from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser
from typing_extensions import override

from transcoder.onvif.faults import Fault, malformed
from transcoder.onvif.markup import Markup, element
from transcoder.onvif.namespaces import ADDRESSING, PREFIXES, SECURITY, SOAP, SOAP_1_1
from transcoder.text import printable

MAX_BODY: Final = 16_384
"""Bytes of a request at most; the largest of a client, which sets an encoder, has 4 kB. The worst takes 4 ms."""
MAX_DEPTH: Final = 32
"""Elements in each other at most; requests of clients have up to 9."""
MAX_ELEMENTS: Final = 1024
"""Elements of a request at most; requests of clients have up to 40."""
MAX_ATTRIBUTES: Final = 32
"""Attributes of one element at most."""
MAX_VALUE: Final = 256
"""Characters of an argument at most: a token has 64, a filter of topics a hundred."""
ENCODINGS: Final = frozenset({"utf-8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "us-ascii"})
"""Encodings that a document may name: those that expat reads by itself. Python is asked for every other one, and keeps
each name that it was ever asked for, whoever asks."""


class _TooMuch(Exception):  # noqa: N818  # it becomes a fault
    """A document is larger than any request."""


class _Builder(TreeBuilder):
    """Builds the tree of a request, and gives up where it grows past what requests have."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    @override
    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS or len(attrs) > MAX_ATTRIBUTES:
            raise _TooMuch
        return super().start(tag, attrs)

    @override
    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapRequest:
    """Holds what a client asks.

    Attributes:
        operation: the first element of the body.
        security: the header of WS-Security, None where there is none.
        action: the action of WS-Addressing, "" where the client names none.
        message_id: the id of the message, "" where it has none.
        to: the address that the client sends to, "" where it names none.
    """

    operation: Element
    security: Element | None = None
    action: str = ""
    message_id: str = ""
    to: str = ""

    @property
    def namespace(self) -> str:
        """Return the namespace of the operation."""
        return self.operation.tag[1:].partition("}")[0] if self.operation.tag.startswith("{") else ""

    @property
    def name(self) -> str:
        """Return the name of the operation."""
        return self.operation.tag.rpartition("}")[2]


def parse_tree(body: bytes) -> Element:
    """Return the root of a document.

    Raises:
        Fault: the document is not well-formed, has a document type, or is larger than any request.
    """
    if len(body) > MAX_BODY:
        raise malformed(f"the request has more than {MAX_BODY} bytes")
    parser = DefusedXMLParser(target=_Builder(), forbid_dtd=True)
    parser.parser.XmlDeclHandler = _declared
    try:
        parser.feed(body)
        root = parser.close()
    except _TooMuch:
        raise malformed("the request has too many elements") from None
    except DefusedXmlException:
        raise malformed("the request has a document type, which SOAP does not allow") from None
    except (ParseError, ValueError) as error:
        raise malformed(f"the request is no well-formed XML: {printable(str(error), 80)}") from None
    if not isinstance(root, Element):
        raise malformed("the request is empty")
    return root


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    """Look at the XML declaration of a document, before its encoding is looked for.

    Raises:
        ValueError: it names an encoding that is not read here.
    """
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise ValueError("its encoding is not read here: UTF-8 is")


def parse_request(body: bytes) -> SoapRequest:
    """Read a request.

    Raises:
        Fault: the request is no SOAP.

    Source: SOAP 1.2 part 1 section 5.
    """
    root = parse_tree(body)
    namespace = root.tag.partition("}")[0].lstrip("{")
    if root.tag.rpartition("}")[2] != "Envelope":
        raise malformed("the request is no SOAP envelope")
    if namespace not in {SOAP, SOAP_1_1}:
        raise Fault("the envelope is of no version of SOAP that is known: 1.2 is spoken here", "s:VersionMismatch")
    content = root.find(f"{{{namespace}}}Body")
    if content is None or not len(content):
        raise malformed("the request has no body, or an empty one")
    header = root.find(f"{{{namespace}}}Header")
    return SoapRequest(
        operation=content[0],
        security=header.find(f"{{{SECURITY}}}Security") if header is not None else None,
        action=_addressing(header, "Action"),
        message_id=_addressing(header, "MessageID"),
        to=_addressing(header, "To"),
    )


def _addressing(header: Element | None, name: str) -> str:
    found = header.findtext(f"{{{ADDRESSING}}}{name}", "") if header is not None else ""
    return found.strip()[:MAX_VALUE]


def argument(parent: Element, *path: str) -> Element | None:
    """Return an element of a request by its names, whatever their namespaces; None where it is not there."""
    found: Element | None = parent
    for name in path:
        found = (
            next((each for each in found if each.tag.rpartition("}")[2] == name), None) if found is not None else None
        )
    return found


def argument_text(parent: Element, *path: str) -> str:
    """Return the text of an element of a request, "" where it is not there."""
    found = argument(parent, *path)
    return (found.text or "").strip()[:MAX_VALUE] if found is not None else ""


_BOUND: Final = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())


def envelope(body: Markup, request: SoapRequest | None = None) -> bytes:
    """Return an answer; its first byte is the first of the XML declaration, because UniFi looks for it there.

    Args:
        body: what stands in the body.
        request: the request that is answered, whose addresses are answered, too.
    """
    header: Markup | None = None
    if request is not None and (request.action or request.message_id):
        action = request.action.removesuffix("Request") + "Response" if request.action else None
        header = element(
            "s:Header",
            element("a:Action", action) if action else None,
            element("a:RelatesTo", request.message_id) if request.message_id else None,
        )
    whole = f"<s:Envelope{_BOUND}>{header or ''}{element('s:Body', body)}</s:Envelope>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'.encode()
