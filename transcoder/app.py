"""The app wires a gateway to its controller, its store, HTTP, MQTT and the file, which may change."""

import asyncio
import contextlib
import itertools
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.config import Config, ConfigFile, load_file
from transcoder.config.kept_changes import rebase
from transcoder.config.overlay import EffectiveConfig
from transcoder.config.permissions import loose_permissions
from transcoder.config.warnings import shared_cameras
from transcoder.config.watch import WatchedFiles
from transcoder.control.controller import Controller
from transcoder.control.gateway_documents import BrokerLink
from transcoder.control.interfaces import Interfaces
from transcoder.control.names import log_names
from transcoder.control.numbers import OnvifNumbers
from transcoder.control.start_record import record_start
from transcoder.errors import ConfigError, ServiceError
from transcoder.net.service_manager import ServiceManager
from transcoder.net.stop_signals import stop_signals
from transcoder.service.gateway import SAMPLE_S
from transcoder.service.recurrence import RepeatedLine
from transcoder.service.state_database import StoredState, was_kept
from transcoder.service.status import StreamState
from transcoder.service.store import Store, StoreError
from transcoder.service.worker_trial import try_worker

if TYPE_CHECKING:
    from transcoder.api.server import HttpServer
    from transcoder.mqtt.link import MqttLink
    from transcoder.onvif.server import OnvifServer

WATCH_S: Final = 1.0
"""Seconds between looks at the file, where `watch` is on."""
LOST: Final = "its changes made at runtime, perhaps masks, are lost: see No state in docs/runbook.md"
KEEP_S: Final = 10
"""Seconds between looks whether anything was learned of cameras that is to be kept."""
NOT_KEPT: Final = "the state can't be written for now: changes of streams may be refused"
NOT_TRIED: Final = "no worker was tried yet"
TRIAL_S: Final = 5.0
"""Seconds between two trials of a worker where one has failed."""
DRAIN_S: Final = 10.0
"""Seconds for which readers and cameras are said goodbye to, at most."""

log = structlog.get_logger()


class App(Interfaces):
    """The app runs everything that a configuration file describes.

    Args:
        path: the path of the file.
        file: the file as it was read.
    """

    def __init__(self, path: Path, file: ConfigFile) -> None:
        self._path = path
        self._file = file
        self._store: Store | None = None
        self._http: HttpServer | None = None
        self._mqtt: MqttLink | None = None
        self._onvif: OnvifServer | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._notes: list[str] = []
        """What the operator should know that keeps no reader from being served."""
        self._reload_wanted = asyncio.Event()
        self._trial_problem: str | None = NOT_TRIED
        self._trials = RepeatedLine(log, "error")
        self.controller: Controller

    async def start(self) -> None:
        """Read the kept changes, start the gateway, then the interfaces that control it.

        Raises:
            TransportError: an address to listen on can't be used.
            WorkerError: there can be no workers.
            ConfigError: everybody may read or change files that hold secrets or state, and the file does not allow it.
            StoreError: the kept changes can't be read, and nothing tells which streams they belong to; starting without
                them could show masked parts of a picture.
        """
        kept = await self._open_store()
        loop = asyncio.get_running_loop()
        open_files = await loop.run_in_executor(None, loose_permissions, self._path, self._file)
        if open_files and self._file.config.open_files == "refuse":
            await self._close_store()
            raise ConfigError(open_files)
        for line in open_files:
            log.warning("permissions are too open", words=f"permissions are too open: {line}", problem=line)
        for line in shared_cameras(self._file.config):
            log.warning("likely a mistake in the configuration", problem=line)
        effective = self._build(kept)
        if self._store is not None and not self._store.refusal:
            await record_start(self._store, kept, effective)
        await self._look_at_store()
        self.controller = Controller(
            effective,
            self._store,
            kept.etag_key,
            self,
            verdicts=kept.verdicts,
            kept_assets=kept.assets,
            examples=effective.config.ledger.examples,
        )
        self._withhold(kept, effective)
        self.controller.gateway.gate.memory.load(kept.learned)
        for name, problems in effective.unusable.items():
            self.controller.publish_unusable(name, problems)
        for name, problems in effective.unusable_assets.items():
            log.error("what was set at runtime of an asset is not valid any more", asset=name, problems=problems)
        try:
            self.controller.gateway.fork_server.launch()  # it loads on another processor, as long as all of the rest
            await self._start_http()
            await self._start_onvif()
            self._prepare_mqtt()
            await self.controller.gateway.start()
            if self._mqtt is not None:
                self._mqtt.start()
            await self._try_worker()
        except BaseException:
            await self.stop()
            raise
        log_names(self.controller.config)
        endless = [self._sample(), self._reload_when_wanted(), *self.controller.endless(), self._try_until_ready()]
        if self.controller.config.watch:
            endless.append(self._watch())
        else:
            log.info("changes of the file are taken up on SIGHUP; with watch: true, as soon as they are made")
        self._tasks = [loop.create_task(each) for each in endless]
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)

    @property
    def is_ready(self) -> bool:
        """Return whether a worker has shown that it can decode and encode."""
        return self._trial_problem == ""

    async def _try_worker(self) -> None:
        gateway = self.controller.gateway
        is_again, split = self._trial_problem != NOT_TRIED, self._file.config.worker.split
        self._trial_problem = await try_worker(gateway.fork_server, split=split, quiet=is_again)
        if self._trial_problem:
            self._trials.tell("no stream can play: the trial of a worker failed", self._trial_problem)
        elif self._http is not None:
            self._http.set_ready()

    async def _try_until_ready(self) -> None:
        while True:
            await asyncio.sleep(TRIAL_S)
            if not self.is_ready:
                await self._try_worker()

    async def _open_store(self) -> StoredState:
        folder = self._file.config.state_dir
        if folder is None:
            log.info("state_dir is null: nothing is kept over a restart and no stream can be changed at runtime")
            return StoredState()
        store = Store(folder)
        try:
            kept = await store.open()
        except StoreError as error:
            await store.close()
            if was_kept(folder):
                raise
            self._notes.append("no state can be kept: changes of streams are refused")
            log.error("nothing is kept over a restart and no stream can be changed at runtime", reason=str(error))
            return StoredState()
        self._store = store
        if store.refusal:
            self._notes.append("the state can't be written: changes of streams are refused")
            log.error("no stream can be changed at runtime", state_dir=str(folder), reason=store.refusal)
        return kept

    def _withhold(self, kept: StoredState, effective: EffectiveConfig) -> None:
        """Hold back the streams whose runtime changes are lost: pictures that the changes hid must not be shown."""
        if not kept.lost:
            return
        names = frozenset(effective.config.streams) if kept.unknown is None else kept.unknown
        self._notes.append(
            "changes made at runtime are lost: streams that had some are not served, and assets are as the file says"
        )
        self.controller.gateway.withheld = dict.fromkeys(names, f"{LOST} ({kept.lost})")
        for name in sorted(names):
            log.error("stream not served", stream=name, reason=f"{LOST} ({kept.lost})")

    def _build(self, kept: StoredState) -> EffectiveConfig:
        old, new = kept.file or self._file.raw, self._file.raw
        assets = rebase(kept.assets.overlays, old, new, "assets")
        return EffectiveConfig.build(self._file, rebase(kept.overlays, old, new), assets, lenient=True)

    async def _start_http(self) -> None:
        config = self.controller.config.http
        if config is None:
            return
        from transcoder.api.server import HttpServer  # noqa: PLC0415  # half a second of imports, only where wanted

        readers = self.controller.gateway.server.context
        self._http = HttpServer(self.controller, config, self._notes, readers=readers)
        await self._http.start()
        self.controller.gateway.readers.brakes["http"] = self._http.brake
        self.controller.gateway.other_ports.append(self._http.ports)
        log.info("HTTP API", words=f"HTTP API at {self._http.url}", url=self._http.url)

    async def _start_onvif(self) -> None:
        if self.controller.config.onvif is not None:
            from transcoder.onvif.server import OnvifServer  # noqa: PLC0415  # as the HTTP API

            self._onvif = OnvifServer(self.controller)
            await self._onvif.start()

    def _prepare_mqtt(self) -> None:
        config = self.controller.config.mqtt
        if config is None:
            return
        from transcoder.mqtt.link import MqttLink  # noqa: PLC0415  # only where wanted, and before streams run

        self._mqtt = MqttLink(self.controller, config, self.controller.config.node)

    @property
    @override
    def api_url(self) -> str | None:
        return self._http.url if self._http is not None else None

    @property
    @override
    def broker(self) -> BrokerLink | None:
        return self._mqtt

    @property
    @override
    def onvif(self) -> OnvifNumbers | None:
        return self._onvif.numbers if self._onvif is not None else None

    @override
    def take_up(self, config: Config) -> None:
        if self._http is not None and config.http is not None:
            self._http.set_tokens(config.http)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks of which none may end before the app is stopped."""
        devices = self._onvif.tasks if self._onvif is not None else []
        return [*self._tasks, *self.controller.gateway.tasks, *devices]

    def summary(self) -> str:
        """Return one line of words about the streams, and what the operator should know."""
        states = [stream.status.state for stream in self.controller.gateway.streams.values()]
        enabled = len(states) - states.count(StreamState.DISABLED)
        playing = states.count(StreamState.PLAYING)
        trial = [f"no worker can decode: {self._trial_problem}"] if self._trial_problem else []
        return "; ".join([f"{playing} of {enabled} enabled streams play", *trial, *self._notes])

    async def stop(self) -> None:
        """Stop everything: readers, feeds of events, HTTP, MQTT, cameras and workers, then the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        leaving = asyncio.create_task(self.controller.gateway.leave_cameras())  # first of all: there may be no time
        self.controller.gateway.readers.viewers.stop()
        await self.controller.gateway.server.stop()  # while somebody can still be told that the readers are gone
        self.controller.close()
        for interface in (self._onvif, self._http, self._mqtt):
            if interface is not None:
                await interface.stop()
        await leaving
        await self.controller.gateway.stop()
        self._keep_learned()
        await self._close_store()

    async def _close_store(self) -> None:
        if self._store is not None:
            await self._store.close()

    # -- the file ------------------------------------------------------------------------------------------------

    async def _sample(self) -> None:
        for tick in itertools.count():
            await asyncio.sleep(SAMPLE_S)
            self.controller.sample()
            if tick % KEEP_S == 0:
                self._keep_learned()
                await self._look_at_store()

    async def _look_at_store(self) -> None:
        """Say in the log and in the notes when changes can't be kept for now, and when they can again."""
        if self._store is None or self._store.refusal:
            return
        await self._store.look()
        trouble = self._store.trouble
        if trouble and NOT_KEPT not in self._notes:
            self._notes.append(NOT_KEPT)
            log.error("the state can't be written for now", reason=trouble)
        elif not trouble and NOT_KEPT in self._notes:
            self._notes.remove(NOT_KEPT)
            log.info("the state can be written again")

    def _keep_learned(self) -> None:
        """Have the store keep what was learned of cameras, if that is more than before."""
        memory = self.controller.gateway.gate.memory
        if self._store is not None and memory.has_changed:
            self._store.note_learned(memory.changes())

    async def _reload_when_wanted(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            try:
                # reading and validating thousands of streams takes a while: not on the loop
                await self.controller.reload(await loop.run_in_executor(None, load_file, self._path))
            except ConfigError as error:
                self.controller.reload_failed(error.problems, error.lines)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        files = WatchedFiles(self._path)
        while True:
            if await loop.run_in_executor(None, files.look, clock.monotonic()):
                self._reload_wanted.set()
            await asyncio.sleep(WATCH_S)


async def run_until_stopped(app: App) -> None:
    """Run until SIGTERM or SIGINT, then drain; a second signal kills, and a start under way is given up.

    Raises:
        TransportError: see App.start.
        WorkerError: see App.start.
        StoreError: see App.start.
        ServiceError: a task that the service can't go on without ended; a supervisor has to start the service anew.
    """
    stopped = asyncio.Event()
    with stop_signals(stopped.set):
        await _run(app, stopped)


async def _run(app: App, stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    manager = ServiceManager.of_environment(os.environ)
    if manager is not None:
        manager.tell(STATUS="starting; the first start compiles for up to a minute")
    if not await _has_started(app, stopped):
        return
    telling = [loop.create_task(manager.run(app.summary, lambda: app.is_ready))] if manager is not None else []
    ended = await _first_ended(loop.create_task(stopped.wait()), [*app.tasks, *telling])
    for beat in telling:
        beat.cancel()
    if manager is not None:
        manager.close()  # the watchdog waits longer than the drain below takes
    failure = _failure(ended) if ended is not None else None
    log.info("stopping")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            await app.stop()
    if failure is not None:
        raise failure


async def _has_started(app: App, stopped: asyncio.Event) -> bool:
    """Start the app; return whether it runs, or whether the service was told to stop meanwhile."""
    loop = asyncio.get_running_loop()
    starting, waiting = loop.create_task(app.start()), loop.create_task(stopped.wait())
    await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if starting.done():
        await starting
        return True
    log.info("stopping before the start is complete")  # the first start compiles for tens of seconds
    starting.cancel()
    await asyncio.wait({starting}, timeout=DRAIN_S)
    return False


async def _first_ended(stopped: asyncio.Task[bool], tasks: list[asyncio.Task[None]]) -> asyncio.Task[None] | None:
    """Wait until the service is told to stop, or until one of its tasks ends; return that task."""
    await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    if stopped.done():
        return None
    stopped.cancel()
    return next(task for task in tasks if task.done())


def _failure(task: asyncio.Task[None]) -> ServiceError:
    """Tell loudly that a task of the service ended, and return the error with which the service ends."""
    error = None if task.cancelled() else task.exception()
    name = task.get_coro().__qualname__  # type: ignore[union-attr]  # a task of ours runs a coroutine
    log.critical("a task of the service ended, and so does the service", task=name, exc_info=error)
    return ServiceError(f"the service ends, because its task {name} ended: {error!r}")
