"""Why a stream does not play, as codes: each kind of error has the code that docs/control.md says."""

import re
from pathlib import Path
from typing import get_args

import pytest

from transcoder import errors
from transcoder.errors import (
    CommandRejected,
    ConfigError,
    ConnectionRefused,
    LocalProtocolError,
    MediaError,
    NoPicture,
    NotConnected,
    RemoteProtocolError,
    ResponseError,
    SdpSyntaxError,
    ServiceError,
    Silent,
    TranscoderError,
    TransportError,
    TransportNotAccepted,
    Unanswered,
    WorkerError,
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


def kinds(of: type[TranscoderError]) -> set[type[TranscoderError]]:
    """The classes below this one."""
    return {below for each in of.__subclasses__() for below in {each, *kinds(each)}}


def test_no_kind_of_error_is_without_a_code_of_its_own() -> None:
    """What a camera or its network does is never told as the gateway's fault, and a bug of ours never as theirs."""
    own = {ConfigError, LocalProtocolError, MediaError, WorkerError, ServiceError, CommandRejected}
    named = {kind for kind in kinds(TranscoderError) if kind.__module__ == errors.__name__} - {ResponseError}
    assert len(named) > 20
    assert {kind for kind in named if problem_code(kind.__new__(kind)) == "gateway"} == own
    assert {problem_code(ResponseError(status, "PLAY", "")) for status in range(300, 600)} == {"login", "refused"}


def test_the_list_of_codes_stands_in_the_documents() -> None:
    [table] = re.findall(r"\| `problem_code` \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", DOCS)
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.+?) \|$", table, re.MULTILINE))
    assert set(rows) == set(get_args(ProblemCode)) == set(MEANINGS)
    assert rows == MEANINGS
