"""Control of a running gateway: every verb of every interface, and the file, ends here.

A change is made in this order: validated against what holds now, kept on the disk, applied to the streams that differ,
answered. Changes are validated and kept one at a time, so that no writer can undo another's by what it read before.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.config import Config, ConfigFile, StreamConfig, stream_keys
from transcoder.config.overlay import Difference, EffectiveConfig, Overlay, difference
from transcoder.control import (
    EVENT_TYPES,
    Control,
    GatewayNumbers,
    InfoDocument,
    LedgerEntryDocument,
    ProbeDocument,
    SessionDocument,
    SessionsDocument,
    StatsDocument,
    Status,
    StreamDocument,
    StreamNumbers,
    StreamStateDocument,
    Writer,
    gateway_documents,
)
from transcoder.control.events import Events, Feed
from transcoder.control.shown import described, hide, shown, unhidden, without_secrets
from transcoder.control.source_probe import probe
from transcoder.control.stream_documents import StreamDocuments
from transcoder.errors import CommandRejected, ConfigError
from transcoder.logs import redact
from transcoder.output.session import ReaderSession
from transcoder.rejection import Code, Rejected
from transcoder.rtsp.session import EndReason
from transcoder.service.audit import Entry
from transcoder.service.gateway import Gateway
from transcoder.service.settings import source_options
from transcoder.service.store import Store, StoreError, now_text
from transcoder.service.stream import Stream
from transcoder.text import printable

LIVE_SECTIONS: Final = frozenset({"sources", "rtsp", "http"})
"""Parts of the file, besides streams, that are taken up while running: networks, users, tokens."""
MAX_PROBES: Final = 4
"""At a time: each holds a connection to a camera."""
MAX_SNAPSHOTS: Final = 4

log = structlog.get_logger()


class Controller(Control):
    """Steers a gateway.

    Args:
        effective: what holds.
        store: where changes are kept; None where there is no place for it, and then no change is made.
        etag_key: random.
        examples: whether bytes of what was dropped may be shown.
    """

    def __init__(
        self, effective: EffectiveConfig, store: Store | None, etag_key: bytes, *, examples: bool = False
    ) -> None:
        self.gateway = Gateway(effective.config, self.on_event)
        self._effective = effective
        self._store = store
        self._etag_key = etag_key
        self._examples = examples
        self._changing = asyncio.Lock()
        self._work: set[asyncio.Task[None]] = set()
        self._events = Events()
        self._views: dict[str, StreamDocuments] = {}
        self._probes = asyncio.Semaphore(MAX_PROBES)
        self._snapshots = asyncio.Semaphore(MAX_SNAPSHOTS)
        self._started = clock.monotonic()
        self._started_text = now_text()
        self.api_url: str | None = None
        self.broker: gateway_documents.BrokerLink | None = None
        self.on_sections: Callable[[Config], None] | None = None

    # -- questions -----------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """What holds."""
        return self._effective.config

    @override
    def ids(self) -> list[str]:
        return [name for name in self.config.streams if name in self.gateway.streams]

    def _config_of(self, stream: str) -> StreamConfig:
        config = self.config.streams.get(stream)
        if config is None:
            raise Rejected(Code.UNKNOWN_STREAM, f"there is no stream {printable(stream, 63)!r}")
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
            origin=self._effective.origin(stream),
            etag=self._effective.etag(stream, self._etag_key),
            state=self.state(stream),
        )

    @override
    def state(self, stream: str) -> StreamStateDocument:
        return self._view(stream).state(self._running(stream), self._config_of(stream))

    @override
    def status(self, stream: str) -> Status:
        return self._view(stream).status(self._running(stream))

    @override
    def properties(self, stream: str) -> Mapping[str, Any]:
        keys = stream_keys(self._config_of(stream), secrets=False)
        del keys["source"]
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
        return gateway_documents.info(self.gateway, self.config.node, self.api_url, self._started_text)

    @override
    def stats(self) -> StatsDocument:
        uptime_s = clock.monotonic() - self._started
        return gateway_documents.stats(self.gateway, lambda of: self._view(of.name).status(of), uptime_s, self.broker)

    @override
    def gateway_numbers(self) -> GatewayNumbers:
        return gateway_documents.numbers(self.gateway, self._store, self.broker)

    @override
    def sessions(self, stream: str | None = None, *, peers: bool) -> SessionsDocument:
        if stream is not None:
            self._config_of(stream)
        return gateway_documents.sessions(self.gateway, stream, peers=peers)

    @override
    def session(self, session: str, *, peers: bool) -> SessionDocument:
        return gateway_documents.session(self._reader(session), peers=peers)

    def _reader(self, session: str) -> ReaderSession:
        found = gateway_documents.find_session(self.gateway, session)
        if found is None:
            raise Rejected(Code.UNKNOWN_SESSION, f"there is no session {printable(session, 63)!r}")
        return found

    @override
    def configuration(self) -> tuple[dict[str, Any], str]:
        config = self.config
        top = config.model_dump(mode="json", exclude={"streams", "http", "mqtt", "rtsp"})
        streams = {name: shown(stream) for name, stream in config.streams.items()}
        tags = {name: self._effective.etag(name, self._etag_key) for name in streams}
        whole = json.dumps([top, tags], sort_keys=True, default=str)
        tag = hashlib.blake2b(whole.encode(), key=self._etag_key, digest_size=12).hexdigest()
        return {**top, "streams": streams}, tag

    # -- changes -------------------------------------------------------------------------------------------------

    @override
    async def add(self, stream: str, keys: object, by: Writer) -> StreamDocument:
        await self._change(stream, "add", keys, by, lambda effective: effective.add(stream, keys))
        return self.stream(stream)

    @override
    async def update(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        await self._change(stream, "update", keys, by, lambda effective: effective.update(stream, keys), if_match)
        return self.stream(stream)

    @override
    async def replace(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        keys = unhidden(keys, self.config.streams.get(stream))
        await self._change(stream, "replace", keys, by, lambda effective: effective.replace(stream, keys), if_match)
        return self.stream(stream)

    @override
    async def remove(self, stream: str, by: Writer, if_match: str | None = None) -> None:
        await self._change(stream, "remove", {}, by, lambda effective: effective.remove(stream), if_match)
        self._views.pop(stream, None)

    async def _change(
        self,
        stream: str,
        verb: str,
        keys: object,
        by: Writer,
        edit: Callable[[EffectiveConfig], EffectiveConfig],
        if_match: str | None = None,
    ) -> None:
        work = asyncio.get_running_loop().create_task(self._carry_out(stream, verb, keys, by, edit, if_match))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        try:
            # a caller that goes away must not leave a change that is kept and not applied
            await asyncio.shield(work)
        except Rejected as error:
            self.note_rejected(stream, "; ".join(error.problems) or str(error), by)
            raise

    async def _carry_out(
        self,
        stream: str,
        verb: str,
        keys: object,
        by: Writer,
        edit: Callable[[EffectiveConfig], EffectiveConfig],
        if_match: str | None,
    ) -> None:
        async with self._changing:
            if if_match is not None:
                self._check_tag(stream, if_match)
            new = edit(self._effective)
            found = difference(self._effective.config, new.config)
            overlays = {
                name: new.overlays.get(name)
                for name in {*self._effective.overlays, *new.overlays}
                if new.overlays.get(name) != self._effective.overlays.get(name)
            }
            if overlays or found.streams:
                detail = {"keys": hide(keys), "changed": described(found)}
                await self._keep([Entry(who=str(by), what=verb, stream=stream, detail=detail)], overlays)
            self._effective = new
        await self._apply(found)

    def _check_tag(self, stream: str, if_match: str) -> None:
        self._config_of(stream)
        if self._effective.etag(stream, self._etag_key) != if_match:
            raise Rejected(Code.CONFLICT, f"stream {stream} was changed meanwhile; read it again")

    async def _keep(self, entries: list[Entry], overlays: Mapping[str, Overlay | None]) -> None:
        if self._store is None:
            raise Rejected(Code.NOT_KEPT, "changes can't be kept: the state_dir is not usable")
        try:
            await self._store.commit(entries, overlays)
        except StoreError as error:
            raise Rejected(Code.NOT_KEPT, f"the change could not be kept: {error}") from None

    async def _apply(self, found: Difference) -> None:
        """Take up what differs, and nothing else."""
        if not found.streams and not found.sections:
            return
        await self.gateway.apply(self.config, found.streams)
        for kind, names in (("added", found.added), ("removed", found.removed)):
            for name in names:
                self._events.publish(kind, name)
        for name, paths in found.changed.items():
            self._events.publish("updated", name, {"changed": list(paths)})

    async def reload(self, file: ConfigFile) -> None:
        """The file is another one: take up what differs.

        Raises:
            ConfigError: it is not valid together with what was set at runtime; nothing was changed.
        """
        async with self._changing:
            new = self._effective.with_file(file)
            found = difference(self._effective.config, new.config)
            overlays = {name: new.overlays.get(name) for name in {*self._effective.overlays, *new.overlays}}
            entry = Entry(who="file", what="reload", detail={"changed": described(found)})
            if self._store is not None:
                try:
                    await self._store.commit([entry], overlays, file.raw)
                except StoreError as error:
                    raise ConfigError([f"the reload could not be kept: {error}"]) from None
            self._effective = new
        await self._apply(found)
        if self.on_sections is not None:
            self.on_sections(self.config)
        later = [name for name in found.sections if name not in LIVE_SECTIONS]
        if later:
            log.warning("these keys are taken up at the next start", keys=later)
        self._events.publish("config_reloaded", None, {"changed": described(found), "at_next_start": later})
        log.info("configuration reloaded", **described(found))

    def reload_failed(self, problems: list[str]) -> None:
        """The file is another one and can't be used."""
        shown = [redact(problem) for problem in problems]
        log.error("configuration not reloaded: nothing was changed", problems=shown)
        self._events.publish("config_rejected", None, {"by": "file", "reason": shown[0], "problems": shown})

    def publish_unusable(self, stream: str, problems: tuple[str, ...]) -> None:
        """What was kept for a stream is not valid any more."""
        shown = [redact(problem) for problem in problems]
        self._events.publish("config_rejected", stream, {"by": "store", "reason": shown[0], "problems": shown})

    # -- other verbs ---------------------------------------------------------------------------------------------

    @override
    async def restart(self, stream: str, by: Writer) -> StreamDocument:
        self._running(stream)
        if self._store is not None:
            await self._keep([Entry(who=str(by), what="restart", stream=stream, detail={})], {})
        await self.gateway.restart(stream)
        self._events.publish("restarted", stream, {"by": str(by)})
        return self.stream(stream)

    @override
    async def end_session(self, session: str, by: Writer) -> None:
        reader = self._reader(session)
        if self._store is not None:
            detail = {"session": session, "user": reader.user, "peer": reader.peer}
            await self._keep([Entry(who=str(by), what="end_session", stream=reader.stream, detail=detail)], {})
        self.gateway.server.end_reader(reader, EndReason.OPERATOR)

    @override
    def keyframe(self, stream: str) -> None:
        self._running(stream).outputs.request_idr()

    @override
    async def snapshot(self, stream: str) -> bytes:
        running = self._running(stream)
        if self._snapshots.locked():
            raise Rejected(Code.BUSY, f"{MAX_SNAPSHOTS} snapshots are being made already")
        async with self._snapshots:
            try:
                return await running.snapshot()
            except CommandRejected as error:
                raise Rejected(Code.UNAVAILABLE, str(error)) from None

    @override
    async def probe(self, source: object = None, stream: str = "") -> ProbeDocument:
        config = self._config_of(stream) if source is None else self._effective.source_of(source)
        if self._probes.locked():
            raise Rejected(Code.BUSY, f"{MAX_PROBES} cameras are being probed already")
        async with self._probes:
            return await probe(source_options(config, self.gateway.may_connect))

    @override
    def note_rejected(self, stream: str | None, reason: str, by: Writer) -> None:
        log.warning("change refused", stream=stream, by=str(by), reason=reason)
        known = stream if stream in self.config.streams else None
        detail = {"by": str(by), "reason": printable(redact(reason), 2000)}
        if known is None and stream is not None:
            detail["id"] = printable(stream, 63)
        self._events.publish("config_rejected", known, detail)

    # -- events --------------------------------------------------------------------------------------------------

    @override
    def events(self, after: int | None = None) -> Feed:
        return self._events.listen(after)

    def on_event(self, stream: str | None, kind: str, detail: dict[str, Any]) -> None:
        """Something happened to a stream or its readers, or, with None, to no stream in particular."""
        if kind not in EVENT_TYPES:  # a bug of ours, and no reason to end a stream
            log.error("an event that isn't in the documents", stream=stream, kind=kind)
            return
        safe = {key: without_secrets(value) for key, value in detail.items()}
        self._events.publish(kind, stream, safe)
        if stream is None:
            return
        if stream in self.config.streams:
            self._view(stream).note(kind)
        if kind == "channel_seen" and self._store is not None:
            self._store.note_channel(stream, str(safe.get("layer", "")), str(safe.get("kind", "")))

    def sample(self) -> None:
        """Called about once a second."""
        now = clock.monotonic()
        for name, stream in list(self.gateway.streams.items()):
            self._view(name).sample(stream, now)

    def close(self) -> None:
        """End all feeds."""
        self._events.close()
