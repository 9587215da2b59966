"""The command `transcoder swap`, against the API of a gateway whose streams pull nothing; its cameras are visits."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from tests.cli.test_logs import World
from transcoder.cli.main import command_line
from transcoder.cli.swap_text import swap_lines
from transcoder.control import Writer, cameras
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.probe.visits import Visit

NEW = ("--source", "rtsp://root:new-secret@10.0.0.9/axis")
SEEN = Visit(streams=("front",), host="10.0.0.9", transport="tcp", codec="h265", size="1280x720", fps=25.0)
OPS = Writer(interface="http", name="ops")
TOKENS = {"tokens": {"ops": {"token": "o" * 20, "role": "control"}, "eye": {"token": "e" * 20, "role": "read"}}}


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, getattr(request, "param", {}))
    await made.start()
    yield made
    await made.stop()


def show(monkeypatch: pytest.MonkeyPatch, seen: Visit) -> None:
    async def visit(*_: object, **__: object) -> Visit:
        return seen

    monkeypatch.setattr(cameras, "visit", visit)


async def swap(world: World, *arguments: str, answer: str = "") -> Result:
    words = ["swap", "front", *arguments, "--config", str(world.path)]
    return await asyncio.to_thread(CliRunner().invoke, command_line(), words, answer)


def url(world: World) -> str:
    return world.controller.config.streams["front"].source.url


@pytest.mark.parametrize("world", [{}, TOKENS], indirect=True, ids=["no tokens", "two tokens"])
async def test_a_swap_is_shown_asked_for_made_and_rolled_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, SEEN)
    no = await swap(world, *NEW, answer="n\n")
    assert (no.exit_code, url(world)) == (OK, "rtsp://10.0.0.2/live")
    assert "-> 1280x720" in no.stdout
    assert "-> H265" in no.stdout
    yes = await swap(world, *NEW, answer="y\n")
    assert (yes.exit_code, url(world)) == (OK, "rtsp://10.0.0.9/axis"), yes.output
    assert f"--rollback --config {world.path}" in yes.stdout
    assert "secret" not in yes.output
    back = await swap(world, "--rollback")
    assert (back.exit_code, url(world)) == (OK, "rtsp://10.0.0.2/live")
    again = await swap(world, "--rollback")
    assert (again.exit_code, "no swap" in again.stderr) == (USAGE, True)


async def test_a_stream_that_another_client_swaps_during_the_question(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, SEEN)
    loop = asyncio.get_running_loop()

    def confirm(_: str) -> bool:
        work = world.controller.swap("front", {"source": "rtsp://10.0.0.8/other"}, OPS)
        asyncio.run_coroutine_threadsafe(work, loop).result(30)
        return True

    monkeypatch.setattr("typer.confirm", confirm)
    late = await swap(world, *NEW)
    assert (late.exit_code, "changed meanwhile" in late.stderr) == (USAGE, True), late.output
    assert url(world) == "rtsp://10.0.0.8/other"


async def test_a_camera_that_sends_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, Visit(streams=("front",), host="10.0.0.9", problem="no route to 10.0.0.9"))
    refused = await swap(world, *NEW, "--yes")
    assert (refused.exit_code, "no route" in refused.stdout, "--force" in refused.stderr) == (NO, True, True)
    assert url(world) == "rtsp://10.0.0.2/live"
    forced = await swap(world, *NEW, "--yes", "--force")
    assert (forced.exit_code, url(world)) == (OK, "rtsp://10.0.0.9/axis")


async def test_a_swap_that_can_not_be_asked_for(world: World, tmp_path: Path) -> None:
    for arguments in ((), ("--rollback", *NEW), ("--source", "rtsp://8.8.8.8/x"), (*NEW, "--asset", "gone")):
        assert (await swap(world, *arguments, "--yes")).exit_code == USAGE
    assert (await swap(world, *NEW, "--token-file", str(tmp_path / "none"))).exit_code == USAGE
    await world.http.stop()
    assert (await swap(world, *NEW, "--yes")).exit_code == NO


@pytest.mark.parametrize("world", [{"tokens": {"eye": TOKENS["tokens"]["eye"]}}], indirect=True)
async def test_a_token_that_may_only_read_swaps_nothing(world: World, tmp_path: Path) -> None:
    done = await swap(world, *NEW, "--yes")
    assert (done.exit_code, "--token-file" in done.stderr) == (USAGE, True)
    token = tmp_path / "token"
    token.write_text("e" * 20 + "\n")
    done = await swap(world, *NEW, "--yes", "--token-file", str(token))
    assert (done.exit_code, url(world)) == (USAGE, "rtsp://10.0.0.2/live")


def test_what_the_gateway_tells_is_safe_to_show() -> None:
    pictures = {"codec": "H264\x1b[2J", "width": None, "height": None, "fps": None}
    told = {
        "before": {"asset": None, "pictures": pictures},
        "after": {"asset": "new", "pictures": pictures},
        "served": pictures,
        "for_readers": ["bars\x07"],
        "problem": None,
    }
    assert not any("\x1b" in line or "\x07" in line for line in swap_lines(told))
