"""Why a stream does not play, as codes: each kind of error has the code that docs/control.md says."""

import re
from pathlib import Path
from typing import get_args

import pytest

from transcoder.errors import (
    ConnectionRefused,
    NoPicture,
    NotConnected,
    RemoteProtocolError,
    ResponseError,
    SdpSyntaxError,
    Silent,
    TranscoderError,
    TransportError,
    TransportNotAccepted,
    Unanswered,
)
from transcoder.source.problems import MEANINGS, ProblemCode, problem_code

DOCS = (Path(__file__).parents[2] / "docs" / "control.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ResponseError(401, "DESCRIBE", "Unauthorized"), "login"),
        (ResponseError(403, "SETUP", "Forbidden"), "login"),
        (ResponseError(404, "DESCRIBE", "Not Found"), "refused"),
        (ConnectionRefused("nobody listens"), "refused"),
        (TransportNotAccepted("UDP"), "refused"),
        (NotConnected("no route"), "unreachable"),
        (TransportError("the camera closed the connection"), "unreachable"),
        (Silent("no packet"), "silent"),
        (Unanswered("DESCRIBE was not answered"), "silent"),
        (NoPicture("41 packets, all audio"), "no_picture"),
        (SdpSyntaxError("no video"), "format"),
        (RemoteProtocolError("no RTSP"), "format"),
        (TranscoderError("anything else"), "gateway"),
    ],
)
def test_every_kind_of_error_has_its_code(error: TranscoderError, code: str) -> None:
    assert problem_code(error) == code


def test_the_list_of_codes_stands_in_the_documents() -> None:
    [table] = re.findall(r"\| `problem_code` \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", DOCS)
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.+?) \|$", table, re.MULTILINE))
    assert set(rows) == set(get_args(ProblemCode)) == set(MEANINGS)
    assert rows == MEANINGS
