"""MQTT and HTTP carry out the same verbs and show the same documents; both are here, with the controller."""

from transcoder.control.documents import (
    EVENT_TYPES,
    EndedSessionDocument,
    EventDocument,
    FaultsDocument,
    InfoDocument,
    LedgerEntryDocument,
    OutputDocument,
    ProbeDocument,
    ProbeMediaDocument,
    SessionDocument,
    SessionsDocument,
    SourceDocument,
    StatsDocument,
    Status,
    StreamDocument,
    StreamStateDocument,
    VerdictDocument,
    VerdictsDocument,
    WorkerDocument,
)
from transcoder.control.numbers import GatewayNumbers, StreamNumbers
from transcoder.control.verbs import Control, EventFeed, Writer
from transcoder.output.status import ENCODE_BOUNDS_S

__all__ = [
    "ENCODE_BOUNDS_S",
    "EVENT_TYPES",
    "Control",
    "EndedSessionDocument",
    "EventDocument",
    "EventFeed",
    "FaultsDocument",
    "GatewayNumbers",
    "InfoDocument",
    "LedgerEntryDocument",
    "OutputDocument",
    "ProbeDocument",
    "ProbeMediaDocument",
    "SessionDocument",
    "SessionsDocument",
    "SourceDocument",
    "StatsDocument",
    "Status",
    "StreamDocument",
    "StreamNumbers",
    "StreamStateDocument",
    "VerdictDocument",
    "VerdictsDocument",
    "WorkerDocument",
    "Writer",
]
