"""Audit entries of one stream, as they are shown."""

from typing import Any

from transcoder.control.audit_documents import MAX_DETAIL, audit_document
from transcoder.service.audit import GENESIS, Entry, Record, link

AT = "2026-11-29T12:00:00.000Z"


def record(who: str, what: str, stream: str = "front", **detail: Any) -> Record:
    entry = Entry(who=who, what=what, stream=stream, detail=detail)
    return link(entry, sequence=7, at=AT, previous=GENESIS)


CHANGE = record(
    "http:ops", "update", keys={"source": "rtsp://10.0.0.9/"}, changed={"changed": {"front": ["source.url", "asset"]}}
)


def test_an_entry_says_who_did_what_and_which_keys_were_different_afterwards() -> None:
    found = audit_document("front", [CHANGE, record("gateway", "channel_seen", layer="rtcp", kind="bye")], details=True)
    assert [entry.model_dump() for entry in found.entries] == [
        {
            "number": 7,
            "at": AT,
            "interface": "http",
            "name": "ops",
            "action": "update",
            "changes": ("source.url", "asset"),
            "detail": {
                "keys": {"source": "rtsp://10.0.0.9/"},
                "changed": {"changed": {"front": ["source.url", "asset"]}},
            },
        },
        {
            "number": 7,
            "at": AT,
            "interface": "gateway",
            "name": None,
            "action": "channel_seen",
            "changes": (),
            "detail": {"layer": "rtcp", "kind": "bye"},
        },
    ]


def test_without_details_no_address_stands_there() -> None:
    found = audit_document("front", [CHANGE], details=False)
    assert "10.0.0.9" not in found.model_dump_json()
    assert found.entries[0].changes == ("source.url", "asset")


def test_details_of_other_streams_and_long_ones_are_left_out() -> None:
    reload = record("file", "reload", "", changed={"changed": {"front": ["enabled"], "yard": ["source.url"]}})
    long = record("http:ops", "update", keys={"title": "x" * MAX_DETAIL})
    first, second = audit_document("front", [reload, long], details=True).entries
    assert (first.detail, first.changes, second.detail) == (None, ("enabled",), None)
