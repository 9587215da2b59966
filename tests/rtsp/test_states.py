"""The client's table: RFC 2326 section A.1, read as a list of conversations that are legal and of all that are not."""

import itertools

import pytest

from transcoder.errors import LocalProtocolError
from transcoder.rtsp.states import CLIENT_STATES, ClientState, ClientStep, next_state

S, E = ClientState, ClientStep
CONVERSATIONS = [
    [(E.DESCRIBE, S.DESCRIBING), (E.DESCRIBED, S.DESCRIBED), (E.SETUP, S.SETTING_UP), (E.PLAY, S.STARTING),
     (E.PLAYING, S.PLAYING), (E.TEARDOWN, S.CLOSING), (E.TORN_DOWN, S.CLOSED)],
    # two media
    [(E.DESCRIBE, S.DESCRIBING), (E.DESCRIBED, S.DESCRIBED), (E.SETUP, S.SETTING_UP), (E.SET_UP, S.DESCRIBED),
     (E.SETUP, S.SETTING_UP), (E.PLAY, S.STARTING)],
]  # fmt: skip


@pytest.mark.parametrize("steps", CONVERSATIONS)
def test_a_conversation(steps: list[tuple[ClientStep, ClientState]]) -> None:
    state = ClientState.INIT
    for step, expected in steps:
        state = next_state(CLIENT_STATES, state, step)
        assert state is expected


@pytest.mark.parametrize("state", [state for state in ClientState if state not in {S.CLOSING, S.CLOSED}])
def test_leaving_is_always_possible(state: ClientState) -> None:
    assert next_state(CLIENT_STATES, state, ClientStep.TEARDOWN) is ClientState.CLOSING


def test_whatever_else_is_a_bug_of_the_caller() -> None:
    told = {
        pair
        for steps in CONVERSATIONS
        for pair in zip([S.INIT, *(s for _, s in steps)], (e for e, _ in steps), strict=False)
    }
    legal = told | {(state, E.TEARDOWN) for state in S if state not in {S.CLOSING, S.CLOSED}}
    for state, step in itertools.product(S, E):
        if (state, step) not in legal:
            with pytest.raises(LocalProtocolError, match=step.value):
                next_state(CLIENT_STATES, state, step)
