"""`transcoder probe` as its user starts it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.control_world import Cameras, running
from tests.support.gateway_process import CONSOLE_SCRIPT
from tests.support.readme import masked, shown_by_readme

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]


def test_the_readme_shows_what_it_prints(tmp_path: Path) -> None:
    cameras = Cameras(tmp_path, 1)
    with running(cameras):
        done = subprocess.run(
            [*CONSOLE_SCRIPT, "probe", cameras.urls[0]],
            capture_output=True,
            text=True,
            timeout=100,
            env=os.environ | {"COLUMNS": "100"},
            check=False,
        )
    assert done.returncode == 0, done.stderr
    lines = [masked(line) for line in done.stdout.splitlines()]
    shown = shown_by_readme("vendor family:")
    assert len(shown) == 10
    # what a mark says is random
    kept = [line[: len("metadata channels: SDP attribute | appversion")] for line in shown]
    assert [line for line in kept if not any(printed.startswith(line) for printed in lines)] == []
