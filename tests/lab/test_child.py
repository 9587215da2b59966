"""A process of the laboratory: what it says, what it is asked, and every way in which it ends."""

import sys
import time
from pathlib import Path

import pytest

from transcoder.errors import TransportError
from transcoder.lab import child as child_module
from transcoder.lab.child import Child

pytestmark = pytest.mark.process

HELPER = "transcoder_test_child"
ANSWERS = """
import asyncio
from transcoder.lab.json_lines import answer_until_end, emit
emit("news", text="one")
emit("ready", url="here")
asyncio.run(answer_until_end(lambda: {"number": 7}))
"""
SAYS_WHY = "import sys; print('first', file=sys.stderr); sys.exit('the last word')"
IGNORES = """
import signal, time
from transcoder.lab.json_lines import emit
signal.signal(signal.SIGTERM, signal.SIG_IGN)
emit("ready")
time.sleep(60)
"""


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / f"{HELPER}.py"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return path


async def test_it_is_asked_and_answers(helper: Path) -> None:
    helper.write_text(ANSWERS)
    async with Child(HELPER) as child:
        assert child.ready == {"event": "ready", "url": "here"}
        assert child.announced == [{"event": "news", "text": "one"}]
        assert await child.report() == {"event": "report", "number": 7}
        assert child.pid
    with pytest.raises(TransportError, match=f"{HELPER} ended"):
        await child.report()
    child.send({"command": "too late"})


async def test_why_it_ended(helper: Path) -> None:
    helper.write_text(SAYS_WHY)
    child = Child(HELPER, is_quiet=True)
    await child.start()
    assert [event async for event in child.events()] == []
    assert str(await child.failure()) == "the last word"
    await child.stop()
    helper.write_text("")
    with pytest.raises(TransportError, match="ended"):
        async with Child(HELPER):
            pass


async def test_one_that_will_not_end_is_killed(helper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "QUIT_S", 0.2)
    monkeypatch.setattr(child_module, "TERMINATE_S", 0.2)
    helper.write_text(IGNORES)
    async with Child(HELPER) as child:
        pid = child.pid
        started = time.monotonic()
    assert time.monotonic() - started < 10
    assert not Path(f"/proc/{pid}").exists() or sys.platform != "linux"


async def test_one_that_was_not_started() -> None:
    await Child(HELPER).stop()
