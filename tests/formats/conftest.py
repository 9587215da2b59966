"""RTP packets as a fixture."""

from collections.abc import Callable

import pytest

from tests.support.rtp_packets import build_rtp


@pytest.fixture(scope="session")
def rtp() -> Callable[..., bytes]:
    return build_rtp
