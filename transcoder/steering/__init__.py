"""What is between those who steer (MQTT, HTTP) and what is steered: the verbs, the documents, the refusals."""

from transcoder.steering.documents import (
    EVENT_TYPES,
    EventDocument,
    FaultsDocument,
    InfoDocument,
    LedgerEntryDocument,
    OutputDocument,
    ProbeDocument,
    ProbeMediaDocument,
    SourceDocument,
    StatsDocument,
    Status,
    StreamDocument,
    StreamStateDocument,
)
from transcoder.steering.numbers import ENCODE_BOUNDS_S, StreamNumbers
from transcoder.steering.rejection import Code, Rejected
from transcoder.steering.verbs import EventFeed, Steering, Writer

__all__ = [
    "ENCODE_BOUNDS_S",
    "EVENT_TYPES",
    "Code",
    "EventDocument",
    "EventFeed",
    "FaultsDocument",
    "InfoDocument",
    "LedgerEntryDocument",
    "OutputDocument",
    "ProbeDocument",
    "ProbeMediaDocument",
    "Rejected",
    "SourceDocument",
    "StatsDocument",
    "Status",
    "Steering",
    "StreamDocument",
    "StreamNumbers",
    "StreamStateDocument",
    "Writer",
]
