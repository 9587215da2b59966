"""A real worker of a real fork server is looked at from outside: is it contained?"""

import asyncio
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from transcoder.config import Config
from transcoder.config.worker import WorkerConfig
from transcoder.doctor.contained import examine
from transcoder.doctor.finding import Finding, Level, Subject
from transcoder.errors import WorkerError
from transcoder.ipc.messages import MessageParser, MessageType, serialize_message
from transcoder.service.forkserver import ForkServer
from transcoder.service.forkserver_process import ForkedWorker, ForkServerProcess, OnLost, launch
from transcoder.service.sandbox import ADVICE, SandboxOptions, needed_measures, worker_users
from transcoder.service.split_halves import SplitHalves
from transcoder.service.verify_process import try_sandbox
from transcoder.service.worker_trial import try_worker
from transcoder.worker_options import Role, WorkerOptions

_NAMES: Final = {Role.WHOLE: "worker", Role.DECODING: "decoder", Role.ENCODING: "encoder"}
READY_S: Final = 20.0
"""Seconds in which a worker has to enter its sandbox, also on a machine that is busy."""
NEEDS: Final = "without workers no stream is served; transcoder run tells the same"


async def sandbox(subject: Subject) -> list[Finding]:
    """Start a worker as the gateway does, without a camera, and look at it."""
    config = subject.file.config if subject.file is not None else None

    def start(cache_dir: Path | None, on_lost: OnLost) -> ForkServerProcess:
        users = worker_users(config.worker.user) if config is not None else None
        return launch(cache_dir, on_lost, SandboxOptions(users=users))

    missing: Level = "error" if subject.is_required else "warning"
    with tempfile.TemporaryDirectory() as folder:
        server = ForkServer(_own_folder(config.state_dir if config is not None else None) or Path(folder), start)
        try:
            found = await _look(server, _roles(config), missing)
            return [*found, await _trial(server, config), *await _checker(missing)]
        except (WorkerError, OSError, TimeoutError) as error:
            return [Finding(check="worker", level="error", text=str(error) or "it does not start", advice=NEEDS)]
        finally:
            await server.close()


def _own_folder(state: Path | None) -> Path | None:
    """Return the folder of compiled kernels, if it is this user's: the gateway refuses files of others."""
    folder = state / "numba" if state is not None else None
    return folder if folder is not None and folder.is_dir() and folder.stat().st_uid == os.geteuid() else None


def _roles(config: Config | None) -> tuple[Role, ...]:
    """Return the processes that a stream has."""
    worker = config.worker if config is not None else WorkerConfig()
    return (Role.DECODING, Role.ENCODING) if worker.split else (Role.WHOLE,)


async def _look(server: ForkServer, roles: Iterable[Role], missing: Level) -> list[Finding]:
    halves = SplitHalves()
    workers: list[ForkedWorker] = []
    try:
        found: list[Finding] = []
        for role in roles:
            workers.append(await server.fork("doctor", lambda _: None, place=halves.place(role)))
            async with asyncio.timeout(READY_S):
                await _until_ready(workers[-1])
            facts = examine(Path(f"/proc/{workers[-1].pid}"), Path("/proc/self"), missing)
            found += (replace(fact, check=f"{_NAMES[role]} {fact.check}") for fact in facts)
        return [*_measures(server.measures, missing), *found]
    finally:
        for worker in workers:
            worker.kill()
            worker.connection.close()


async def _trial(server: ForkServer, config: Config | None) -> Finding:
    problem = await try_worker(server, split=config is not None and config.worker.split)
    if problem:
        return Finding(check="picture", level="error", text=problem, advice=NEEDS)
    return Finding(check="picture", level="ok", text="a worker decoded and encoded a built-in picture")


async def _until_ready(worker: ForkedWorker) -> None:
    loop, parser = asyncio.get_running_loop(), MessageParser()
    await loop.sock_sendall(worker.connection, serialize_message(MessageType.CONFIGURE, WorkerOptions().to_json()))
    while True:
        data = await loop.sock_recv(worker.connection, 1 << 16)
        if not data:
            raise WorkerError("the worker ended before it was ready")
        parser.receive_data(data)
        while (message := parser.next_message()) is not None:
            if message[0] is MessageType.FAILED:
                raise WorkerError(f"the worker does not start: {bytes(message[1]).decode()}")
            if message[0] is MessageType.READY:
                return


def _measures(measures: dict[str, str], missing: Level) -> Iterator[Finding]:
    needed = needed_measures(measures)
    for name, reason in measures.items():
        level: Level = "ok" if not reason else missing if name in needed else "warning"
        advice = ADVICE.get(name, "") if reason else ""
        yield Finding(check=f"measure {name}", level=level, text=reason or "in force", advice=advice)


async def _checker(missing: Level) -> list[Finding]:
    """Have the process that verifies streams enter its sandbox, without a stream."""
    measures = await try_sandbox()
    if not measures:
        return [Finding(check="checker", level="error", text="it does not start", advice="streams are not verified")]
    spared = set() if os.geteuid() == 0 else {"own user"}
    return [
        Finding(
            check=f"checker {name}",
            level=missing if reason else "ok",
            text=reason or "in force",
            advice=ADVICE.get(name, "") if reason else "",
        )
        for name, reason in measures.items()
        if name not in spared
    ]
