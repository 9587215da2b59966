"""The questions that every interface asks of a running gateway are answered here; nothing is changed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from typing_extensions import override

from transcoder import clock
from transcoder.config import Config, StreamConfig, stream_keys
from transcoder.control import (
    AuditDocument,
    Control,
    EventsDocument,
    GatewayNumbers,
    HistoryDocument,
    InfoDocument,
    LedgerEntryDocument,
    ServedDocument,
    SessionDocument,
    SessionsDocument,
    StatsDocument,
    Status,
    StreamDocument,
    StreamNumbers,
    StreamStateDocument,
    VerdictsDocument,
    WallDocument,
    gateway_documents,
)
from transcoder.control.assets import Assets
from transcoder.control.audit_documents import MAX_ENTRIES, audit_document
from transcoder.control.changes import Changes
from transcoder.control.interfaces import Interfaces
from transcoder.control.publisher import Publisher
from transcoder.control.shown import shown
from transcoder.control.stream_documents import StreamDocuments, served_document, verdict_document
from transcoder.control.wall import Wall, gateway_document
from transcoder.output.session import ReaderSession
from transcoder.rejection import MAX_NAME, Code, Rejected, unknown_stream
from transcoder.service.gateway import Gateway
from transcoder.service.store import Store, StoreError, now_text
from transcoder.service.stream import Stream
from transcoder.service.verifier import Verifier
from transcoder.text import printable


class Questions(Control):
    """Answers what a gateway is asked; the controller makes the parts that it looks at."""

    gateway: Gateway
    verifier: Verifier
    assets: Assets
    _changes: Changes
    _store: Store | None
    _interfaces: Interfaces
    _publisher: Publisher
    _views: dict[str, StreamDocuments]
    _examples: bool
    _wall: Wall
    _started: float
    _started_text: str

    @property
    def config(self) -> Config:
        """Return the configuration in force: the file with the changes made at runtime."""
        return self._changes.effective.config

    @override
    def ids(self) -> list[str]:
        return [name for name in self.config.streams if name in self.gateway.streams]

    def _config_of(self, stream: str) -> StreamConfig:
        config = self.config.streams.get(stream)
        if config is None:
            raise unknown_stream(stream)
        return config

    def _running(self, stream: str) -> Stream:
        self._config_of(stream)
        running = self.gateway.streams.get(stream)
        if running is None:
            raise Rejected(Code.UNAVAILABLE, f"stream {stream} is about to be started or ended")
        return running

    def _view(self, stream: str) -> StreamDocuments:
        return self._views.setdefault(stream, StreamDocuments(examples=self._examples))

    @override
    def stream(self, stream: str) -> StreamDocument:
        return StreamDocument(
            id=stream,
            config=shown(self._config_of(stream)),
            origin=self._changes.effective.origin(stream),
            etag=self._changes.etag(stream),
            state=self.state(stream),
        )

    @override
    def state(self, stream: str) -> StreamStateDocument:
        config, verdict = self._config_of(stream), self.verifier.latest(stream)
        return self._view(stream).state(self._running(stream), config, verdict, self.assets.state_of(stream))

    @override
    def status(self, stream: str) -> Status:
        return self._view(stream).status(self._running(stream))

    @override
    def properties(self, stream: str) -> Mapping[str, Any]:
        keys = stream_keys(self._config_of(stream), secrets=False)
        del keys["source"], keys["push"]
        return keys

    @override
    def ledger(self, stream: str) -> list[LedgerEntryDocument]:
        return self._view(stream).ledger(self._running(stream).ledger)

    @override
    def numbers(self, stream: str) -> StreamNumbers:
        running = self._running(stream)
        return self._view(stream).numbers(running, gateway_documents.readers_by_transport(self.gateway, stream))

    @override
    def info(self) -> InfoDocument:
        return gateway_documents.info(
            self.gateway, self.verifier.measures, self.config.node, self._interfaces.api_url, self._started_text
        )

    @override
    def stats(self) -> StatsDocument:
        uptime_s, broker = clock.monotonic() - self._started, self._interfaces.broker
        return gateway_documents.stats(self.gateway, lambda of: self._view(of.name).status(of), uptime_s, broker)

    @override
    def gateway_numbers(self) -> GatewayNumbers:
        store = self._store if self.config.state_dir is not None else gateway_documents.UNWANTED
        faces = self._interfaces
        found = gateway_documents.numbers(self.gateway, store, faces.broker, self._publisher, faces.onvif)
        return replace(found, assets=self.assets.counts())

    @override
    def served(self, stream: str, since: float | None = None) -> ServedDocument:
        return served_document(self._running(stream).status.output.spans, since)

    @override
    def history(self, stream: str) -> HistoryDocument:
        self._running(stream)
        return self._view(stream).history.document(clock.wall_clock())

    @override
    async def audit(self, stream: str, *, details: bool) -> AuditDocument:
        self._config_of(stream)
        try:
            found = await self._store.audit_of(stream, MAX_ENTRIES) if self._store is not None else []
        except StoreError as error:
            raise Rejected(Code.UNAVAILABLE, str(error)) from None
        return audit_document(stream, found, details=details)

    @override
    def wall(self, *, addresses: bool) -> WallDocument:
        return self._wall.document(clock.monotonic(), addresses=addresses)

    def _make_wall(self, addresses: bool) -> WallDocument:  # a callback
        streams, config = self.gateway.streams, self.config
        known = {name: each for name, each in config.streams.items() if name in streams}
        return WallDocument(
            gateway=gateway_document(self.stats(), config.node, now_text(), self._started_text),
            tiles=tuple(
                self._view(name).tile(streams[name], each, addresses=addresses) for name, each in known.items()
            ),
        )

    @override
    def verdicts(self, stream: str) -> VerdictsDocument:
        self._config_of(stream)
        return VerdictsDocument(verdicts=tuple(map(verdict_document, self.verifier.verdicts(stream))))

    @override
    async def signed_verdict(self, stream: str, number: int) -> dict[str, Any]:
        self._config_of(stream)
        try:
            found = await self._store.signed_verdict(stream, number) if self._store is not None else None
        except StoreError as error:
            raise Rejected(Code.UNAVAILABLE, str(error)) from None
        if found is None:
            raise Rejected(Code.UNKNOWN_VERDICT, f"no signed statement {number} of this stream is kept")
        return found

    @override
    def sessions(self, stream: str | None = None, *, peers: bool) -> SessionsDocument:
        if stream is not None:
            self._config_of(stream)
        return gateway_documents.sessions(self.gateway, stream, peers=peers)

    @override
    def session(self, session: str, *, peers: bool) -> SessionDocument:
        return gateway_documents.session(self._reader(session), peers=peers)

    def _reader(self, session: str) -> ReaderSession:
        reader = gateway_documents.find_session(self.gateway, session)
        if reader is None:
            raise Rejected(Code.UNKNOWN_SESSION, f"there is no session {printable(session, MAX_NAME)!r}")
        return reader

    @override
    def configuration(self) -> tuple[dict[str, Any], str]:
        return self._changes.shown()

    @override
    def past_events(self, stream: str, since: float | None = None) -> EventsDocument:
        self._config_of(stream)
        return EventsDocument(events=self._publisher.past(stream, since))
