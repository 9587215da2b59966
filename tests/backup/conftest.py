"""A gateway's folder with a configuration, secrets and a state, made by the store itself."""

from pathlib import Path

import pytest

from transcoder.config.kept_changes import Overlay
from transcoder.service.audit import Entry
from transcoder.service.store import Store

CONFIG = """node: gw7
include: conf.d/*.yaml
http: {tokens: {ops: {token_file: ops.token, role: control}}}
streams:
  front: {source: {url: "rtsp://192.168.10.21/x", username: u, password_file: secrets/front}}
"""


async def fill(folder: Path, *streams: str, fps: int = 5) -> None:
    """Keep changes of streams, with a record each."""
    store = Store(folder)
    await store.open()
    for stream in streams:
        overlay = Overlay(keys={"video": {"fps": fps}})
        await store.commit([Entry(who="test", what="update", stream=stream, detail={"fps": fps})], {stream: overlay})
    await store.close()


@pytest.fixture
async def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "secrets").mkdir()
    (folder / "gateway.yaml").write_text(CONFIG)
    (folder / "conf.d" / "back.yaml").write_text("streams: {back: {source: 'rtsp://192.168.10.22/'}}\n")
    (folder / "secrets" / "front").write_text("front-password\n")
    (folder / "ops.token").write_text("ops-token-of-some-length\n")
    await fill(folder / "state", "front", "back")
    (folder / "state" / "verify.key").write_bytes(b"k" * 32)
    return folder
