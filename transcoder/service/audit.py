"""The audit log is a chain: each record holds the hash of the one before, so that none can be changed or taken out.

Whoever can write the database can write a whole new chain, or drop the newest records: keep the head that `export` and
`verify` print somewhere else, and verify against it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

GENESIS: Final = "0" * 64
"""The hash that the first record follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry is a verb or an event to record.

    Attributes:
        who: the writer.
        what: the verb or the event.
        stream: the stream's id, or "".
        detail: the details, without secrets.
    """

    who: str
    what: str
    stream: str = ""
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record is a link of the chain.

    Attributes:
        sequence: the number of the record: 1, 2, 3, ...
        at: the time of the record, UTC, RFC 3339.
        detail: the details as JSON.
        previous: the hash of the record before.
        hash: SHA-256 over all of the above, in hex.
    """

    sequence: int
    at: str
    who: str
    what: str
    stream: str
    detail: str
    previous: str
    hash: str

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps({**asdict(self), "detail": json.loads(self.detail)}, sort_keys=True)


def link(entry: Entry, *, sequence: int, at: str, previous: str) -> Record:
    """Make an entry the next record of a chain."""
    detail = json.dumps(entry.detail, sort_keys=True)
    values = (sequence, at, entry.who, entry.what, entry.stream, detail, previous)
    return Record(
        sequence=sequence,
        at=at,
        who=entry.who,
        what=entry.what,
        stream=entry.stream,
        detail=detail,
        previous=previous,
        hash=_digest(values),
    )


def _digest(values: tuple[int | str, ...]) -> str:
    # as a JSON list: no two different records have the same text
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def find_break(records: Iterable[Record]) -> str | None:
    """Walk a chain.

    Returns:
        The first fault of the chain, None where it is whole.
    """
    previous = GENESIS
    for sequence, record in enumerate(records, 1):
        if record.sequence != sequence:
            return f"record {sequence} is missing"
        if record.previous != previous:
            return f"record {sequence} doesn't follow the one before it"
        values = (record.sequence, record.at, record.who, record.what, record.stream, record.detail, record.previous)
        if record.hash != _digest(values):
            return f"record {sequence} was changed"
        previous = record.hash
    return None
