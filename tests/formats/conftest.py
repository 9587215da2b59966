"""Fixtures: RTP packets, and a JPEG picture with its way to the depacketizer."""

from collections.abc import Callable

import pytest

from tests.support.jpeg_feed import Feed
from tests.support.jpeg_file import encode
from tests.support.rtp_packets import build_rtp


@pytest.fixture(scope="session")
def rtp() -> Callable[..., bytes]:
    return build_rtp


@pytest.fixture
def feed(rtp: Callable[..., bytes]) -> Feed:
    return Feed(rtp)


@pytest.fixture(scope="module")
def file() -> bytes:
    return encode(320, 240)
