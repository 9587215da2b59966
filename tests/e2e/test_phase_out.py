"""A phase-out from its first list to its report: the numbers are those of the list that the test keeps itself."""

import asyncio
import csv
import json
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.report.test_public import encodings
from tests.support import warm_start
from tests.support.control_world import Cameras, Gateway, running
from tests.support.gateway_process import wait_for
from tests.support.rtsp_reader import RtspReader, read_access_units
from transcoder.service.asset_register import camera_mark
from transcoder.service.store import Store, time_text
from transcoder.service.verdicts import Verdict

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MAKERS = ("Hikvision", "Dahua", "Uniview", "Tiandy", "Reolink", "TP-Link")
BRANDS = {"Hikvision": "HiLook", "Dahua": "Amcrest", "Uniview": "Uniarch", "TP-Link": "Tapo"}
"""The brands that four of the makers are sold under here, for which the list names no maker; two print their own."""
FAMILIES = "hikvision,dahua,uniview,tiandy,reolink,tapo,hikvision"
LIVE, SWAPPED = range(2), range(2, 7)
CLEAN_BEFORE = range(7, 35)
RETIRED, EXEMPT = range(35, 37), 37
LOOPBACK = {"sources": {"allow": ["127.0.0.0/8"]}}
AT_ONCE = {f"transcoder.service.{name}": 0.1 for name in ("verifier.LOOK_S", "verify_schedule.RETRY_S")}
AT_ONCE |= {f"transcoder.service.verify_schedule.{name}": 0.0 for name in ("START_S", "GAP_S", "PAUSE_S")}
"""Limits with which the schedule looks at all streams within a minute, not a day."""
READ = 3
"""The streams of those that are swapped that somebody reads meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Holds what the test's own list says of a camera."""

    number: int
    url: str

    @property
    def id(self) -> str:
        return f"camera-{self.number:02}"

    @property
    def maker(self) -> str:
        return MAKERS[self.number % len(MAKERS)]

    @property
    def state(self) -> str:
        """The state that the camera is to have in the end."""
        if self.number in SWAPPED:
            return "replaced"
        if self.number in RETIRED:
            return "retired"
        if self.number == EXEMPT:
            return "exempt"
        return "cleaned" if self.number in LIVE or self.number in CLEAN_BEFORE else "legacy"

    @property
    def secrets(self) -> tuple[str, ...]:
        host = self.url.split("/")[2]
        return (host, self.serial, self.exact, self.firmware)

    @property
    def serial(self) -> str:
        return f"SN-{self.maker.upper()}-{self.number:05}"

    @property
    def exact(self) -> str:
        return f"52.37{self.number:02} N 4.89{self.number:02} E"

    @property
    def firmware(self) -> str:
        return f"V5.5.{self.number:02} build 1909{self.number % 28 + 1:02}"

    def cells(self) -> dict[str, str]:
        return {
            "HardwareName": f"Camera {self.number:02}",
            "HardwareAddress": self.url,
            "UserName": "admin",
            "Password": "s3cret-password",
            "maker": "" if self.maker in BRANDS else self.maker,
            "brand": BRANDS.get(self.maker, self.maker),
            "site": f"Site {self.number % 4}",
            "serial": self.serial,
            "location_exact": self.exact,
            "firmware": self.firmware,
            "planned": f"{2027 + self.number % 3}-Q{1 + self.number % 4}",
            "RecordingServerName": "rec-1",
        }


def plain(url: str) -> str:
    """Return a URL without its login."""
    return f"rtsp://{url.rpartition('@')[2]}"


def cameras(folder: Path, count: int, families: str) -> Cameras:
    folder.mkdir()
    arguments = ["--family", families, "--width", "192", "--height", "96", "--fps", "5", "--seconds", "4"]
    return Cameras(folder, count, *arguments, "--username", "admin", "--password", "s3cret-password")


def transcoder(*arguments: object) -> str:
    done = warm_start.run([*map(str, arguments)], 100)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "s3cret" not in done.stdout + done.stderr
    return done.stdout


def load_list(config: Path, rows: list[Row], *options: str) -> str:
    path = config.with_name("cameras.csv")
    with path.open("w", encoding="utf-16", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0].cells()), delimiter=";")
        writer.writeheader()
        writer.writerows(row.cells() for row in rows)
    return transcoder("assets", "import", path, "--config", config, *options)


async def keep_verdicts(folder: Path, rows: list[Row]) -> None:
    """Keep clean verdicts of some days ago, as a gateway that ran before did."""
    store = Store(folder)
    await store.open()
    for number, row in enumerate(rows, 1):
        at = time_text((datetime.now(UTC) - timedelta(days=number % 9, minutes=number)).timestamp())
        mark = camera_mark(row.url)
        verdict = Verdict(number=number, stream=row.id, at=at, kind="clean", pictures=300, asset=row.id, camera=mark)
        store.note_verdict(verdict, {})
    await store.close()


async def test_a_phase_out_from_its_list_to_its_report(tmp_path: Path, state_dir: Path) -> None:
    old, new = cameras(tmp_path / "old", 7, FAMILIES), cameras(tmp_path / "new", 5, "axis")
    with running(old, new):
        away = [f"rtsp://127.0.0.{number}:9/stream" for number in range(47, 80)]
        rows = [Row(number=number, url=url) for number, url in enumerate([*map(plain, old.urls), *away])]
        assert len(rows) == 40
        gateway = Gateway(tmp_path, state_dir / "numba", None, {}, verify={"seconds": 5, "every_h": 8760}, **LOOPBACK)
        gateway.limits = AT_ONCE
        assert "40 added" in load_list(gateway.config, rows, "--apply")
        await keep_verdicts(gateway.state_dir, [row for row in rows if row.number in CLEAN_BEFORE])
        with running(gateway):
            await clean_and_swap(gateway, rows, new.urls)
            retire_and_exempt(gateway, rows)
            wanted = {row.id: row.state for row in rows}
            await asyncio.to_thread(wait_for, lambda: states(gateway, wanted) == wanted, 30, "the states are derived")
            assert "0 added, 0 changed, 40 unchanged" in load_list(gateway.config, rows), "the same list a second time"
            transcoder("report", "--config", gateway.config, "--internal", "--out", tmp_path / "internal")
            transcoder("report", "--config", gateway.config, "--lang", "nl", "--out", tmp_path / "public")
    check_numbers(tmp_path / "internal", rows)
    check_numbers(tmp_path / "public", rows)
    key = gateway.state_dir / "verify.key.pub"
    assert "as it was signed" in transcoder("report", "verify", tmp_path / "public" / "report.json", "--key", key)
    check_secrets(tmp_path / "public", rows, new.urls)


async def clean_and_swap(gateway: Gateway, rows: list[Row], urls: list[str]) -> None:
    """Wait until the schedule has verified two streams, and swap five cameras while three readers watch."""
    for row in rows[: SWAPPED.stop]:
        await asyncio.to_thread(wait_for, lambda row=row: is_playing(gateway, row), 60, f"{row.id} plays")  # type: ignore[misc]
    successors = {f"new-{number}": {"maker": "Axis", "title": f"New {number}"} for number in SWAPPED}
    change(gateway, "", {"assets": successors})
    async with AsyncExitStack() as stack:
        readers = []
        for number in SWAPPED[:READ]:
            readers.append(await stack.enter_async_context(RtspReader(gateway.url(rows[number].id))))
            await readers[-1].play()
        await asyncio.to_thread(wait_for, lambda: len(sessions(gateway)) == READ, 30, "three readers")
        before = sessions(gateway)
        pairs = [(rows[number], url) for number, url in zip(SWAPPED, urls, strict=True)]
        for some in (pairs[:READ], pairs[READ:]):  # four cameras may be looked at together
            await asyncio.gather(*(asyncio.to_thread(swap, gateway, row, url) for row, url in some))
        await asyncio.gather(*(asyncio.to_thread(wait_for_clean, gateway, rows[number]) for number in LIVE))
        marked = [reader.marked for reader in readers]
        await asyncio.to_thread(
            wait_for, lambda: all(reader.marked > seen + 3 for reader, seen in zip(readers, marked, strict=True)), 30,
            "pictures of the new cameras",
        )  # fmt: skip
        assert sessions(gateway) == before
        for reader in readers:
            units = read_access_units(reader.codec, reader.packets)
            assert all(0 < (b.timestamp - a.timestamp) % 2**32 < 2**31 for a, b in pairwise(units))


def swap(gateway: Gateway, row: Row, url: str) -> None:
    body = {"source": url, "asset": f"new-{row.number}"}
    status, _, answer = gateway.http("POST", f"/api/v1/streams/{row.id}/swap", body)
    assert status == 200, answer


def retire_and_exempt(gateway: Gateway, rows: list[Row]) -> None:
    today = datetime.now(UTC).date().isoformat()
    for number in RETIRED:
        assert gateway.http("DELETE", f"/api/v1/streams/{rows[number].id}")[0] == 204
        change(gateway, f"/{rows[number].id}", {"retired": today})
    exempt = {"reason": f"vault at {rows[EXEMPT].exact}", "by": "CISO", "until": "2099-12-31"}
    change(gateway, f"/{rows[EXEMPT].id}", {"exempt": exempt})


def change(gateway: Gateway, path: str, body: dict[str, Any]) -> None:
    status, _, answer = gateway.http(
        "PATCH", f"/api/v1/assets{path}", body, Content_Type="application/merge-patch+json"
    )
    assert status == 200, answer


def wait_for_clean(gateway: Gateway, row: Row) -> None:
    """Wait for the schedule's first verdict on a stream that played; before, there was nothing to judge."""

    def judged() -> list[dict[str, Any]]:
        found = gateway.http("GET", f"/api/v1/streams/{row.id}/verdicts")[2]["verdicts"]
        return [verdict for verdict in found if verdict["verdict"] != "nothing to judge"]

    first = wait_for(judged, 60, "a verdict")[-1]
    assert (first["verdict"], first["by"]) == ("clean", "schedule")


def is_playing(gateway: Gateway, row: Row) -> bool:
    return gateway.stream(row.id)["state"]["status"] in {"online", "degraded"}


def sessions(gateway: Gateway) -> set[str]:
    return {each["id"] for each in gateway.http("GET", "/api/v1/sessions")[2]["sessions"]}


def states(gateway: Gateway, wanted: dict[str, str]) -> dict[str, str]:
    found = gateway.http("GET", "/api/v1/assets")[2]["assets"]
    return {each["id"]: each["state"] for each in found if each["id"] in wanted}


def figures(folder: Path) -> dict[str, dict[str, Any]]:
    data = json.loads((folder / "report.json").read_text())["statement"]
    return {figure["name"]: figure for section in data["sections"] for figure in section["figures"]}


def check_numbers(folder: Path, rows: list[Row]) -> None:
    """The report's numbers are those of the test's own list."""
    found, counted = figures(folder), Counter(row.state for row in rows)
    assert dict(counted) == {"cleaned": 30, "replaced": 5, "retired": 2, "exempt": 1, "legacy": 2}
    assert found["in_scope"]["value"] == 40
    assert found["out"]["value"] == counted["replaced"] + counted["retired"]
    assert found["behind"]["value"] == counted["cleaned"]
    assert found["exempt"]["value"] == counted["exempt"]
    assert found["neither"]["value"] == counted["legacy"]
    assert found["all"]["value"] == 45
    columns = found["makers"]["columns"]
    told = {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in found["makers"]["rows"]}
    for maker in MAKERS:
        own = Counter(row.state for row in rows if row.maker == maker)
        assert told[maker] == {"count": own.total(), **{name: own[name] for name in columns[2:]}}
    sites = Counter(row.number % 4 for row in rows)
    assert {row[0]: row[1] for row in found["sites"]["rows"]} == {f"Site {n}": count for n, count in sites.items()}
    assert all(figure["audit_head"] and figure["query"] for figure in found.values())


def check_secrets(folder: Path, rows: list[Row], urls: list[str]) -> None:
    """No address, serial number, exact place or firmware of any camera is in any file, in any encoding."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(files) == 3
    secrets = (
        {secret for row in rows for secret in row.secrets} | {plain(url).split("/")[2] for url in urls} | {"s3cret"}
    )
    for secret in secrets:
        for form in encodings(secret):
            assert not [name for name, content in files.items() if form in content], secret
