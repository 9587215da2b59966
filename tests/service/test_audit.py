"""The audit log's chain."""

import hashlib
import json
from dataclasses import replace

from transcoder.service.audit import GENESIS, Entry, Record, find_break, link


def chain(count: int) -> list[Record]:
    records: list[Record] = []
    for number in range(1, count + 1):
        entry = Entry(who="http:ops", what="update", stream="front", detail={"keys": {"enabled": bool(number % 2)}})
        previous = records[-1].hash if records else GENESIS
        records.append(link(entry, sequence=number, at=f"2026-01-01T00:00:0{number}Z", previous=previous))
    return records


def test_a_hash_is_what_anybody_can_compute() -> None:
    (record,) = chain(1)
    text = (
        '[1, "2026-01-01T00:00:01Z", "http:ops", "update", "front", "{\\"keys\\": {\\"enabled\\": true}}", "' + "0" * 64
    )
    assert record.hash == hashlib.sha256((text + '"]').encode()).hexdigest()


def test_a_whole_chain() -> None:
    assert find_break([]) is None
    assert find_break(chain(5)) is None


def test_what_is_done_to_a_chain_is_found() -> None:
    records = chain(5)
    for other in (
        replace(records[2], at="2026-01-01T00:00:09Z"),
        replace(records[2], who="mqtt"),
        replace(records[2], what="add"),
        replace(records[2], stream="x"),
        replace(records[2], detail="{}"),
    ):
        changed = [*records[:2], other, *records[3:]]
        assert find_break(changed) == "record 3 was changed"
    assert find_break([*records[:2], *records[3:]]) == "record 3 is missing"
    assert find_break(records[1:]) == "record 1 is missing"
    assert find_break([records[0], records[2], records[1], *records[3:]]) == "record 2 is missing"
    relinked = link(
        Entry(who="mqtt", what="update", stream="front", detail={}),
        sequence=3,
        at=records[2].at,
        previous=records[2].previous,
    )
    assert find_break([*records[:2], relinked, *records[3:]]) == "record 4 doesn't follow the one before it"


def test_a_line_of_an_export() -> None:
    record = chain(1)[0]
    assert json.loads(record.to_json()) == {
        "sequence": 1,
        "at": "2026-01-01T00:00:01Z",
        "who": "http:ops",
        "what": "update",
        "stream": "front",
        "detail": {"keys": {"enabled": True}},
        "previous": GENESIS,
        "hash": record.hash,
    }
