"""Signs of life: which methods a camera offers, and what becomes of one that it does not know after all."""

import pytest

from transcoder.rtsp.keep_alive import KeepAliveMethods
from transcoder.rtsp.messages import Headers


def taken(methods: KeepAliveMethods, count: int) -> list[str]:
    return [methods.take() for _ in range(count)]


@pytest.mark.parametrize(
    ("fields", "both"),
    [
        ([("Public", "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER")], True),
        ([("Public", "options,describe,get_parameter")], True),
        ([("PUBLIC", "OPTIONS GET_PARAMETER PLAY")], True),
        ([("Public", "OPTIONS, DESCRIBE"), ("Public", "PLAY, GET_PARAMETER")], True),
        ([("Allow", "OPTIONS, GET_PARAMETER")], True),
        ([("Public", "OPTIONS, DESCRIBE, SET_PARAMETER, GET_PARAMETERS")], False),
        ([("Public", "x" * 2000 + ", GET_PARAMETER")], False),
        ([], False),
    ],
)
def test_both_take_turns_where_both_are_offered(fields: list[tuple[str, str]], *, both: bool) -> None:
    methods = KeepAliveMethods()
    methods.note_public(Headers(fields))
    assert taken(methods, 4) == (["GET_PARAMETER", "OPTIONS"] * 2 if both else ["OPTIONS"] * 4)
    assert len(methods) == 1 + both


@pytest.mark.parametrize("status", [400, 405, 451, 501])
def test_a_method_that_is_not_known_is_left_out_for_good(status: int) -> None:  # GW4089IP
    methods = KeepAliveMethods()
    offer = Headers([("Public", "OPTIONS, GET_PARAMETER")])
    methods.note_public(offer)
    methods.note_answer("GET_PARAMETER", status)
    methods.note_public(offer)
    assert taken(methods, 3) == ["OPTIONS"] * 3


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 501), ("GET_PARAMETER", 454), ("GET_PARAMETER", 200)])
def test_other_refusals_change_nothing(method: str, status: int) -> None:
    methods = KeepAliveMethods()
    methods.note_public(Headers([("Public", "OPTIONS, GET_PARAMETER")]))
    methods.note_answer(method, status)
    assert len(methods) == 2


def connection(methods: KeepAliveMethods, *, answered: int) -> list[str]:
    """A connection that the camera ends behind the first sign of life after so many that it answers."""
    methods.begin()
    methods.note_public(Headers([("Public", "OPTIONS, GET_PARAMETER")]))
    sent = []
    for _ in range(answered):
        sent.append(methods.take())
        methods.note_answer(sent[-1], 200)
    sent.append(methods.take())
    methods.note_end()
    return sent


def test_get_parameter_that_ends_connections_is_left_out() -> None:
    methods = KeepAliveMethods()
    assert [connection(methods, answered=0) for _ in range(2)] == [["GET_PARAMETER"]] * 2
    assert connection(methods, answered=3) == ["OPTIONS"] * 4


def test_a_connection_that_ends_by_chance_proves_nothing() -> None:
    methods = KeepAliveMethods()
    for _ in range(4):
        assert connection(methods, answered=2)[-1] == "GET_PARAMETER"  # this one may be chance
        assert connection(methods, answered=1)[-1] == "OPTIONS"
    assert connection(methods, answered=1) == ["GET_PARAMETER", "OPTIONS"]
