"""The fixtures of outputs."""

import pytest

from tests.support.outputs import Served


@pytest.fixture
async def served() -> Served:
    return Served()
