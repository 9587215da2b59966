"""`python -m transcoder.lab.bench.measured_gateway CONFIG` runs the gateway of `transcoder run`, and reports on a pipe.

This is the whole product: the gateway with its store, its HTTP server and the samples of every second.
"""

import logging
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog
import uvloop

from transcoder.app import App
from transcoder.config import load_file
from transcoder.lab.bench import processes
from transcoder.lab.json_lines import answer_until_end, emit
from transcoder.service.gateway import Gateway
from transcoder.worker_options import MAIN


def report(gateway: Gateway) -> dict[str, Any]:
    """Return counters, processor time and memory of the service, its fork server and its workers."""
    own = os.getpid()
    at, service_cpu_s = time.monotonic(), processes.cpu_seconds(own)
    statuses = [stream.status.worker for stream in gateway.streams.values()]
    workers = {pid for status in statuses for pid in (status.pid, status.decoding_pid)} - {None}
    others = [pid for pid in processes.children(own) if pid not in workers]
    streams = {}
    for name, stream in gateway.streams.items():
        status, output, pid = stream.status, stream.status.output, stream.status.worker.pid
        pids = [number for number in (pid, status.worker.decoding_pid) if number is not None]
        fanout = stream.outputs[MAIN].fanout
        streams[name] = {
            "state": status.state.value,
            "problem": status.problem,
            "source": {name: value for name, value in asdict(status.source).items() if isinstance(value, int)},
            "output": {name: value for name, value in asdict(output).items() if name not in {"delays", "spans"}},
            "worker_deaths": status.worker.deaths,
            "counters": status.worker.report.get("counters", {}),
            "delays_s": [delay_s for _, delay_s in output.delays],
            "reception": stream.reception,
            "readers": fanout.readers,
            "sent_bytes": fanout.counters.sent_bytes,
            "dropped_access_units": fanout.counters.dropped_access_units,
            "worker_pid": pid,
            "worker_pids": pids,
            "worker_cpu_s": processes.total_cpu_seconds(pids),
            "worker_pss": sum(map(processes.pss_bytes, pids)),
        }
        output.delays.clear()
    found = {
        "at": at,
        "service_cpu_s": service_cpu_s,
        "service_pss": processes.pss_bytes(own),
        "service_descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "fork_server_cpu_s": processes.total_cpu_seconds(others),
        "fork_server_pss": sum(map(processes.pss_bytes, others)),
        "streams": streams,
    }
    return found | {"report_cpu_s": processes.cpu_seconds(own) - service_cpu_s}  # the cost of making this report


async def _run(path: Path) -> None:
    app = App(path, load_file(path))
    await app.start()
    gateway = app.controller.gateway
    try:
        api_url = app.controller.info().api_url
        emit("ready", url=gateway.server.url("127.0.0.1", ""), api_url=api_url, pid=os.getpid())
        await answer_until_end(lambda: report(gateway))
    finally:
        await app.stop()


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    uvloop.run(_run(Path(sys.argv[1])))
