"""Reason phrases are the standard's, whatever a camera writes."""

import pytest

from transcoder.rtsp.statuses import reason_of


@pytest.mark.parametrize(
    ("status", "reason"),  # RFC 2326 section 7.1.1
    [
        (401, "Unauthorized"),
        (453, "Not Enough Bandwidth"),
        (461, "Unsupported Transport"),
        (503, "Service Unavailable"),
        (551, "Option not supported"),
        (499, "Client Error"),
        (599, "Server Error"),
        (999, "Server Error"),
    ],
)
def test_reasons(status: int, reason: str) -> None:
    assert reason_of(status) == reason
