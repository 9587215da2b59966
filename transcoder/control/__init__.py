"""MQTT and HTTP carry out the same verbs and show the same documents; both are here, with the controller."""

from transcoder.control.asset_documents import AssetDocument, AssetImportDocument, AssetsDocument
from transcoder.control.document_parts import PushDocument
from transcoder.control.documents import (
    EVENT_TYPES,
    EndedSessionDocument,
    EventDocument,
    EventsDocument,
    FaultsDocument,
    InfoDocument,
    LedgerEntryDocument,
    OutputDocument,
    RenditionDocument,
    ServedDocument,
    ServedSpanDocument,
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
from transcoder.control.numbers import LEFT_OUT, GatewayNumbers, OnvifNumbers, StreamNumbers
from transcoder.control.page_documents import (
    AuditDocument,
    AuditEntryDocument,
    HistoryDocument,
    TileDocument,
    WallDocument,
)
from transcoder.control.probe_documents import ProbeChannelDocument, ProbeDocument, ProbeMediaDocument
from transcoder.control.swap_documents import SwapDocument
from transcoder.control.verbs import Control, EventFeed, WallWatcher
from transcoder.control.writer import Writer
from transcoder.output.status import ENCODE_BOUNDS_S

__all__ = [
    "ENCODE_BOUNDS_S",
    "EVENT_TYPES",
    "LEFT_OUT",
    "AssetDocument",
    "AssetImportDocument",
    "AssetsDocument",
    "AuditDocument",
    "AuditEntryDocument",
    "Control",
    "EndedSessionDocument",
    "EventDocument",
    "EventFeed",
    "EventsDocument",
    "FaultsDocument",
    "GatewayNumbers",
    "HistoryDocument",
    "InfoDocument",
    "LedgerEntryDocument",
    "OnvifNumbers",
    "OutputDocument",
    "ProbeChannelDocument",
    "ProbeDocument",
    "ProbeMediaDocument",
    "PushDocument",
    "RenditionDocument",
    "ServedDocument",
    "ServedSpanDocument",
    "SessionDocument",
    "SessionsDocument",
    "SourceDocument",
    "StatsDocument",
    "Status",
    "StreamDocument",
    "StreamNumbers",
    "StreamStateDocument",
    "SwapDocument",
    "TileDocument",
    "VerdictDocument",
    "VerdictsDocument",
    "WallDocument",
    "WallWatcher",
    "WorkerDocument",
    "Writer",
]
