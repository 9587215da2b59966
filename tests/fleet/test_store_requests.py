"""Requests that may still be answered."""

from transcoder.fleet.store_requests import MAX_OPEN, OpenRequests


def test_a_request_is_answered_once_and_a_question_to_peers_by_each_of_them():
    requests = OpenRequests(5.0)
    renewal, question = requests.begin(1.0, lease="l1"), requests.begin(2.0, peers=True)
    found = requests.answered(renewal)
    assert found is not None
    assert (found.sent, found.lease) == (1.0, "l1")
    assert requests.answered(renewal) is None
    assert requests.answered(question) == requests.answered(question) is not None


def test_old_requests_are_forgotten_and_their_number_is_bounded():
    requests = OpenRequests(5.0)
    old = requests.begin(0.0)
    requests.begin(5.1)
    assert requests.answered(old) is None
    numbers = [requests.begin(6.0) for _ in range(2 * MAX_OPEN)]
    assert sum(requests.answered(number) is not None for number in numbers) == MAX_OPEN
