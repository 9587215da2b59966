"""What comes from the network is bounded for each address before it is read."""

from uuid import UUID

import transcoder.discover.sweep as module
from tests.discover.test_ws_discovery import MATCH, ONE
from transcoder.discover.ws_discovery import MAX_READ, Questions

ID = UUID(int=7)


def test_a_device_that_floods_does_not_keep_the_answers_of_others_from_being_read() -> None:
    told: list[str] = []
    answers = module._Answers(
        Questions(lambda: ID), lambda address: address != "10.0.0.9", lambda address, _: told.append(address)
    )
    answer = MATCH.format(relates=f"urn:uuid:{ID}", matches=ONE).encode()
    for _ in range(MAX_READ + 1):
        answers.datagram_received(answer, ("10.0.0.1", 3702))
        answers.datagram_received(answer, ("10.0.0.9", 3702))  # in no allowed network
    assert told == ["10.0.0.1"] * 64
    answers.datagram_received(answer, ("10.0.0.2", 3702))
    assert told[-1] == "10.0.0.2"
