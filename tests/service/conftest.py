"""Simulated cameras for tests of commands."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cameras import Cameras


@pytest.fixture(scope="session")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cameras]:
    """A Hikvision-like, a Dahua-like, a Uniview-like and an H264DVR-like camera."""
    with Cameras(tmp_path_factory.mktemp("content")) as started:
        yield started
