"""Tables hold the states of an RTSP conversation: state and step give the next state (RFC 2326 appendix A).

A table names every step that is legal; the cores move by `next_state` alone, so that no core can forget a step.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from transcoder.errors import LocalProtocolError

StateT = TypeVar("StateT", bound=Enum)
StepT = TypeVar("StepT", bound=Enum)


def next_state(table: Mapping[StateT, Mapping[StepT, StateT]], state: StateT, step: StepT) -> StateT:
    """Return the state that a step leads to.

    Raises:
        LocalProtocolError: the step is not legal in this state.
    """
    following = table[state].get(step)
    if following is None:
        raise LocalProtocolError(f"{step.value} in state {state.value!r}")
    return following


class ClientState(Enum):
    """Tells how far a client's conversation has come."""

    INIT = "init"
    DESCRIBING = "describing"
    DESCRIBED = "described"
    SETTING_UP = "setting up"
    STARTING = "starting"
    PLAYING = "playing"
    CLOSING = "closing"
    CLOSED = "closed"


class ClientStep(Enum):
    """A step is a request that a client sends, or an answer that the client acts upon."""

    DESCRIBE = "DESCRIBE"
    DESCRIBED = "answer to DESCRIBE"
    SETUP = "SETUP"
    SET_UP = "answer to SETUP, before another one"
    PLAY = "PLAY"
    PLAYING = "answer to PLAY"
    TEARDOWN = "TEARDOWN"
    TORN_DOWN = "answer to TEARDOWN"


CLIENT_STATES: Mapping[ClientState, Mapping[ClientStep, ClientState]] = {
    ClientState.INIT: {ClientStep.DESCRIBE: ClientState.DESCRIBING, ClientStep.TEARDOWN: ClientState.CLOSING},
    ClientState.DESCRIBING: {ClientStep.DESCRIBED: ClientState.DESCRIBED, ClientStep.TEARDOWN: ClientState.CLOSING},
    ClientState.DESCRIBED: {ClientStep.SETUP: ClientState.SETTING_UP, ClientStep.TEARDOWN: ClientState.CLOSING},
    ClientState.SETTING_UP: {
        ClientStep.SET_UP: ClientState.DESCRIBED,
        ClientStep.PLAY: ClientState.STARTING,
        ClientStep.TEARDOWN: ClientState.CLOSING,
    },
    ClientState.STARTING: {ClientStep.PLAYING: ClientState.PLAYING, ClientStep.TEARDOWN: ClientState.CLOSING},
    ClientState.PLAYING: {ClientStep.TEARDOWN: ClientState.CLOSING},
    ClientState.CLOSING: {ClientStep.TORN_DOWN: ClientState.CLOSED},
    ClientState.CLOSED: {},
}


class PublisherState(Enum):
    """Tells how far the conversation has come of a client that sends a stream to a server."""

    INIT = "init"
    ASKING = "asking"
    READY = "ready"
    ANNOUNCING = "announcing"
    SETTING_UP = "setting up"
    STARTING = "starting"
    RECORDING = "recording"
    CLOSING = "closing"
    CLOSED = "closed"


class PublisherStep(Enum):
    """A step is a request that such a client sends, or an answer that it acts upon."""

    OPTIONS = "OPTIONS"
    READY = "answer to OPTIONS"
    ANNOUNCE = "ANNOUNCE"
    SETUP = "SETUP"
    RECORD = "RECORD"
    RECORDING = "answer to RECORD"
    TEARDOWN = "TEARDOWN"
    TORN_DOWN = "answer to TEARDOWN"


PUBLISHER_STATES: Mapping[PublisherState, Mapping[PublisherStep, PublisherState]] = {
    PublisherState.INIT: {
        PublisherStep.OPTIONS: PublisherState.ASKING,
        PublisherStep.TEARDOWN: PublisherState.CLOSING,
    },
    PublisherState.ASKING: {
        PublisherStep.READY: PublisherState.READY,
        PublisherStep.TEARDOWN: PublisherState.CLOSING,
    },
    PublisherState.READY: {
        PublisherStep.ANNOUNCE: PublisherState.ANNOUNCING,
        PublisherStep.TEARDOWN: PublisherState.CLOSING,
    },
    PublisherState.ANNOUNCING: {
        PublisherStep.SETUP: PublisherState.SETTING_UP,
        PublisherStep.TEARDOWN: PublisherState.CLOSING,
    },
    PublisherState.SETTING_UP: {
        PublisherStep.SETUP: PublisherState.SETTING_UP,
        PublisherStep.RECORD: PublisherState.STARTING,
        PublisherStep.TEARDOWN: PublisherState.CLOSING,
    },
    PublisherState.STARTING: {
        PublisherStep.RECORDING: PublisherState.RECORDING,
        PublisherStep.TEARDOWN: PublisherState.CLOSING,
    },
    PublisherState.RECORDING: {PublisherStep.TEARDOWN: PublisherState.CLOSING},
    PublisherState.CLOSING: {PublisherStep.TORN_DOWN: PublisherState.CLOSED},
    PublisherState.CLOSED: {},
}
