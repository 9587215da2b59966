"""Records of the audit log are shown to whoever looks at one stream."""

import json
from collections.abc import Iterable
from typing import Final

from transcoder.control.page_documents import AuditDocument, AuditEntryDocument
from transcoder.service.audit import Record
from transcoder.service.audit_records import changed_streams

MAX_ENTRIES: Final = 100
MAX_DETAIL: Final = 4096
"""Characters of a record's details that are shown: a whole configuration may stand in them, a hundred times."""


def audit_document(stream: str, records: Iterable[Record], *, details: bool) -> AuditDocument:
    """Make the document of a stream's audit entries.

    Args:
        stream: the stream's id.
        records: the records that concern the stream, the newest first.
        details: whether to show the details, in which the address of a camera or of a reader may stand.
    """
    return AuditDocument(entries=tuple(_entry(stream, record, details=details) for record in records))


def _entry(stream: str, record: Record, *, details: bool) -> AuditEntryDocument:
    interface, _, name = record.who.partition(":")
    # a reload names all streams that it changed
    is_shown = details and bool(record.stream) and len(record.detail) <= MAX_DETAIL
    return AuditEntryDocument(
        number=record.sequence,
        at=record.at,
        interface=interface,
        name=name or None,
        action=record.what,
        changes=tuple(changed_streams(record).get(stream, ())),
        detail=json.loads(record.detail) if is_shown else None,
    )
