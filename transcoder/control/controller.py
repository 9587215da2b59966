"""The controller of a running gateway carries out every verb of every interface, and every change of the file."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from typing_extensions import override

from transcoder import clock
from transcoder.assets.history import StateChange
from transcoder.config import Config, ConfigFile
from transcoder.config.difference import Difference
from transcoder.config.overlay import EffectiveConfig
from transcoder.control import (
    ProbeDocument,
    StreamDocument,
    SwapDocument,
    WallWatcher,
    Writer,
)
from transcoder.control.assets import Assets
from transcoder.control.cameras import CameraLooks
from transcoder.control.change_log import keys_for_next_start
from transcoder.control.changes import Change, Changes
from transcoder.control.events import Feed
from transcoder.control.interfaces import Interfaces, NoInterfaces
from transcoder.control.publisher import Publisher
from transcoder.control.questions import Questions
from transcoder.control.shown import restore_secrets
from transcoder.control.stream_documents import StreamDocuments, verdict_document
from transcoder.control.swap import Swaps
from transcoder.control.wall import Wall
from transcoder.control.wall_pictures import WallPictures
from transcoder.errors import CommandRejected, TransportError
from transcoder.output.output import Output
from transcoder.rejection import MAX_NAME, Code, Rejected
from transcoder.rtsp.session import EndReason
from transcoder.rtsp.urls import parse_url
from transcoder.service.asset_register import AssetRegister
from transcoder.service.audit import Entry
from transcoder.service.gateway import Gateway
from transcoder.service.kept_assets import KeptAssets
from transcoder.service.neighbourhood import Neighbourhood
from transcoder.service.reader_register import OnEvent
from transcoder.service.readiness import Readiness
from transcoder.service.store import Store, now_text
from transcoder.service.verdicts import Verdict
from transcoder.service.verifier import Verifier
from transcoder.service.verify_process import read_served
from transcoder.service.viewers import Viewer
from transcoder.text import printable
from transcoder.worker_options import MAIN, served_path

T = TypeVar("T")

MAX_SNAPSHOTS: Final = 4
"""Pictures in their own size that are made at the same time, at most."""
MAX_THUMBNAILS: Final = 16
"""Small pictures that are made at the same time, each by another process: as many as a usual wall has tiles."""
MAX_ASKED: Final = 128
"""Small pictures that are made or wait for their turn, at most: eight walls of sixteen."""
KEY_NAME: Final = "verify.key"
"""The key that signs verdicts, in the folder of the state; its public key lies beside it."""


class Controller(Questions):
    """The controller carries out the verbs on one gateway.

    Args:
        effective: the effective configuration.
        store: keeps changes; None where there is no place to keep them, and then no change is made.
        etag_key: a random key for tags.
        interfaces: the interfaces that are built on this controller.
        verdicts: the verdicts of earlier lives.
        kept_assets: what was kept of assets.
        make_gateway: makes the gateway from a configuration and a function that is told of events.
        examples: whether bytes of dropped things may be shown.
    """

    def __init__(
        self,
        effective: EffectiveConfig,
        store: Store | None,
        etag_key: bytes,
        interfaces: Interfaces | None = None,
        *,
        verdicts: Sequence[Verdict] = (),
        kept_assets: KeptAssets | None = None,
        make_gateway: Callable[[Config, OnEvent], Gateway] = Gateway,
        examples: bool = False,
    ) -> None:
        self.gateway = make_gateway(effective.config, self.on_event)
        self._changes = Changes(effective, store, etag_key, self._apply)
        self.gateway.networks.streams_of_file = lambda: self._changes.effective.file.config.streams
        self._store = store
        self._interfaces = interfaces or NoInterfaces()
        self._examples = examples
        self._publisher = Publisher()
        self._views: dict[str, StreamDocuments] = {}
        self._cameras = CameraLooks(self.gateway)
        self._swaps = Swaps(self._changes, self._cameras, self.state, self._publisher.swapped)
        self._snapshots = asyncio.Semaphore(MAX_SNAPSHOTS)
        self._thumbnails = asyncio.Semaphore(MAX_THUMBNAILS)
        self._thumbnails_asked = 0
        self.verifier = Verifier(
            self.gateway.server,
            self.gateway.streams,
            lambda: self.config.verify,
            effective.config.state_dir / KEY_NAME if effective.config.state_dir is not None else None,
            self._on_verdict,
            verdicts,
            read=partial(read_served, is_required=self.gateway.fork_server.sandbox_mode == "required"),
        )
        register = AssetRegister(
            lambda: self.config, kept_assets or KeptAssets(), verdicts, store, self._on_asset_state
        )
        self.assets = Assets(self._changes, register, self.note_rejected)
        self._neighbourhood = Neighbourhood(self._camera_addresses, self.assets.note_mac)
        self._taken_up = effective.config
        self._wall = Wall(self._make_wall)
        self._wall_pictures = WallPictures(lambda: self.gateway.streams)
        self._readiness = Readiness()
        self._started = clock.monotonic()
        self._started_text = now_text()

    # -- changes -------------------------------------------------------------------------------------------------

    @override
    async def add(self, stream: str, keys: object, by: Writer) -> StreamDocument:
        await self._change(Change(stream=stream, verb="add", keys=keys, by=by, edit=EffectiveConfig.add))
        return self.stream(stream)

    @override
    async def update(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        edit = EffectiveConfig.update
        await self._change(Change(stream=stream, verb="update", keys=keys, by=by, edit=edit, if_match=if_match))
        return self.stream(stream)

    @override
    async def replace(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        keys = restore_secrets(keys, self.config.streams.get(stream))
        edit = EffectiveConfig.replace
        await self._change(Change(stream=stream, verb="replace", keys=keys, by=by, edit=edit, if_match=if_match))
        return self.stream(stream)

    @override
    async def remove(self, stream: str, by: Writer, if_match: str | None = None) -> None:
        await self._change(
            Change(stream=stream, verb="remove", keys={}, by=by, edit=EffectiveConfig.remove, if_match=if_match)
        )
        self._views.pop(stream, None)

    @override
    async def swap(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> SwapDocument:
        return await self._noted(stream, by, self._swaps.swap(stream, keys, by, if_match))

    @override
    async def swap_rollback(self, stream: str, by: Writer, if_match: str | None = None) -> SwapDocument:
        return await self._noted(stream, by, self._swaps.roll_back(stream, by, if_match))

    async def _change(self, change: Change) -> None:
        await self._noted(change.stream, change.by, self._changes.make(change))

    async def _noted(self, stream: str, by: Writer, work: Awaitable[T]) -> T:
        """Carry out a change, and tell of one that is refused."""
        try:
            return await work
        except Rejected as error:
            self.note_rejected(stream, "; ".join(error.problems) or str(error), by)
            raise

    async def _apply(self, difference: Difference) -> None:
        """Take up a difference, and nothing else."""
        before, self._taken_up = self._taken_up, self.config
        self.assets.register.config_changed(before, self._taken_up, clock.wall_clock())
        if not difference.streams and not difference.sections and not difference.assets:
            return
        await self.gateway.apply(self.config, difference.streams)
        self._wall_pictures.forget(difference.streams)
        self._publisher.changed(difference)

    async def reload(self, file: ConfigFile) -> None:
        """Take up the differences of a file that was changed.

        Raises:
            ConfigError: the file is not valid together with the changes made at runtime; nothing was changed.
        """
        before = self.config
        difference = await self._changes.reload(file)
        for stream in difference.removed:
            self._views.pop(stream, None)
        self._interfaces.take_up(self.config)
        self._publisher.reloaded(difference, keys_for_next_start(before, self.config, difference.sections))

    def reload_failed(self, problems: list[str], lines: list[str] | None = None) -> None:
        """Tell that the file was changed and can't be used; the log has the lines, where each problem has its place."""
        self._publisher.reload_failed(problems, lines or problems)

    def publish_unusable(self, stream: str, problems: tuple[str, ...]) -> None:
        """Tell that the changes kept for a stream are not valid any more."""
        self._publisher.unusable(stream, problems)

    # -- other verbs ---------------------------------------------------------------------------------------------

    @override
    async def restart(self, stream: str, by: Writer) -> StreamDocument:
        self._running(stream)
        await self._changes.record(Entry(who=str(by), what="restart", stream=stream, detail={}))
        await self.gateway.restart(stream)
        self._publisher.restarted(stream, by)
        return self.stream(stream)

    @override
    async def verify(self, stream: str, by: Writer, output: str = MAIN) -> None:
        self._running(stream)
        self.verifier.ask(stream, str(by), clock.monotonic(), output)
        await self._changes.record(Entry(who=str(by), what="verify", stream=stream, detail={}))

    def _on_verdict(self, verdict: Verdict, answer: dict[str, Any]) -> None:
        """Keep a verdict and tell of it."""
        verdict = self.assets.register.tagged(verdict)
        self.assets.register.note_verdict(verdict)
        if self._store is not None:
            self._store.note_verdict(verdict, answer if verdict.is_signed else {})
        told = verdict_document(verdict).model_dump(exclude={"at", "signed"})
        self.on_event(verdict.stream, "verdict", told)

    @override
    async def accept_key(self, stream: str, by: Writer) -> StreamDocument:
        self._running(stream)
        await self._changes.record(Entry(who=str(by), what="accept_key", stream=stream, detail={}))
        for url in self._config_of(stream).rtsp_urls:
            self.gateway.gate.memory.accept(parse_url(url))
        await self.gateway.restart(stream)
        self._publisher.restarted(stream, by)
        return self.stream(stream)

    @override
    async def end_session(self, session: str, by: Writer) -> None:
        reader = self._reader(session)
        detail = {"session": session, "user": reader.user, "peer": reader.peer}
        await self._changes.record(Entry(who=str(by), what="end_session", stream=reader.stream, detail=detail))
        self.gateway.server.end_reader(reader, EndReason.OPERATOR)
        self.gateway.readers.viewers.end(reader, EndReason.OPERATOR)

    @override
    def keyframe(self, stream: str) -> None:
        self._running(stream).outputs.request_idr()

    @override
    async def snapshot(self, stream: str, output: str = MAIN) -> bytes:
        running = self._running(stream)
        if self._snapshots.locked():
            raise Rejected(Code.BUSY, f"{MAX_SNAPSHOTS} snapshots are being made already")
        async with self._snapshots:
            try:
                return await running.snapshot(output)
            except CommandRejected as error:
                raise Rejected(Code.UNAVAILABLE, str(error)) from None

    @override
    async def thumbnail(self, stream: str, width: int, output: str = MAIN) -> bytes:
        running = self._running(stream)
        if self._thumbnails_asked >= MAX_ASKED:
            raise Rejected(Code.BUSY, f"{MAX_ASKED} small pictures are asked for already")
        self._thumbnails_asked += 1
        try:
            async with self._thumbnails:
                return (await running.thumbnail(output, width)).jpeg
        except CommandRejected as error:
            raise Rejected(Code.UNAVAILABLE, str(error)) from None
        finally:
            self._thumbnails_asked -= 1

    @override
    def look_at_wall(self) -> WallWatcher:
        return self._wall_pictures.look()

    @override
    async def view(self, stream: str, output: str, user: str | None, peer: str) -> Viewer:
        server, viewers = self.gateway.server, self.gateway.readers.viewers
        served = self._served(stream, output)
        try:
            await served.describe("127.0.0.1", audio=False)
        except TransportError as error:
            raise Rejected(Code.UNAVAILABLE, str(error)) from None
        if viewers.is_full(peer) or len(server.sessions) + len(viewers.sessions) >= server.options.max_sessions:
            raise Rejected(Code.BUSY, "there are as many readers already as there may be")
        return viewers.open(self._served(stream, output), served_path(stream, output), user, peer)

    def _served(self, stream: str, output: str) -> Output:
        served = self._running(stream).outputs.get(output)
        if served is None:
            raise Rejected(Code.UNKNOWN_STREAM, f"stream {stream} has no rendition {printable(output, MAX_NAME)!r}")
        if not served.is_enabled:
            raise Rejected(Code.UNAVAILABLE, f"stream {stream} is disabled")
        return served

    @override
    async def probe(self, source: object = None, stream: str = "", *, channels: bool = False) -> ProbeDocument:
        if source is None:
            config = self._config_of(stream)
        else:
            config = await self._changes.off_loop(self._changes.effective.source_of, source)
        return await self._cameras.probe(config, channels=channels)

    @override
    def note_rejected(self, stream: str | None, reason: str, by: Writer) -> None:
        self._publisher.rejected(stream, reason, by, is_known=stream in self.config.streams)

    # -- events --------------------------------------------------------------------------------------------------

    @override
    def events(self, after: int | None = None) -> Feed:
        return self._publisher.listen(after)

    def on_event(self, stream: str | None, kind: str, detail: dict[str, Any]) -> None:
        """Publish an event of a stream or its readers, or, with None, to no stream in particular."""
        safe = self._publisher.happened(stream, kind, detail)
        if safe is None or stream is None:
            return
        if stream in self.config.streams:
            self._view(stream).note(kind)
        if kind == "channel_seen" and self._store is not None:
            self._store.note_channel(stream, str(safe.get("layer", "")), str(safe.get("kind", "")))

    def _on_asset_state(self, change: StateChange, before: str) -> None:
        """Publish that an asset has another state; the first state of an asset is no news."""
        if not before:
            return
        detail = {"asset": change.asset, "state": change.state, "before": before, "because": change.because}
        streams = [name for name, stream in self.config.streams.items() if stream.asset == change.asset]
        for stream in (*streams,) or (None,):
            self.on_event(stream, "asset_state", dict(detail))

    def endless(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs beside the streams as long as the gateway does: verification, and looks at neighbours."""
        return [self.verifier.run(), self._neighbourhood.run()]

    def _camera_addresses(self) -> dict[str, str]:
        return {name: stream.status.source.address for name, stream in self.gateway.streams.items()}

    def sample(self) -> None:
        """Look at every stream, to measure its rates; to be called about once a second."""
        now = clock.monotonic()
        for name, stream in list(self.gateway.streams.items()):
            self._view(name).sample(stream, now)
        self.assets.sample({name: stream.status.source.marks for name, stream in self.gateway.streams.items()}, now)
        if not self._readiness.is_told:
            statuses = [stream.status for stream in self.gateway.streams.values()]
            url = self.gateway.server.url(self.gateway.server.host, "")
            self._readiness.look(statuses, now, clock.process_age_s(), url)

    def close(self) -> None:
        """End all feeds."""
        self._wall_pictures.close()
        self._publisher.close()
