"""Which request a response answers, whatever number it has."""

from transcoder.rtsp.client_requests import MAX_GIVEN_UP, OpenRequests, PendingRequest
from transcoder.rtsp.messages import Headers, Response


def request(method: str, deadline: float = 10.0, purpose: str = "") -> PendingRequest:
    return PendingRequest(method, "rtsp://192.0.2.7:554/", "/", (), deadline, 10.0, purpose=purpose)


def response(cseq: object, status: int = 200, *fields: tuple[str, str]) -> Response:
    number = [("CSeq", str(cseq))] if cseq is not None else []
    return Response(status=status, reason="", headers=Headers([*number, *fields]))


def opened(*numbers: int) -> OpenRequests:
    requests = OpenRequests()
    for number in numbers:
        requests.add(number, request(f"M{number}"))
    return requests


def test_the_number_counts_where_several_are_open() -> None:
    requests = opened(1, 2)
    found = requests.take(response(2))
    assert found is not None
    assert found.method == "M2"
    assert len(requests) == 1


def test_a_wrong_number_answers_the_only_open_request() -> None:
    for number in (0, 2, 99, "x", None):
        requests = opened(3)
        assert requests.take(response(number)) is not None
        assert len(requests) == 0


def test_a_wrong_number_answers_none_of_several() -> None:
    assert opened(3, 4).take(response(0)) is None
    assert opened(3, 4).take(response(None)) is None
    assert opened().take(response(1)) is None


def test_the_answer_to_a_request_that_nobody_waits_for_is_no_other_s() -> None:
    requests = opened()
    requests.add(3, request("OPTIONS", purpose="keep-alive"))
    requests.give_up("keep-alive")
    requests.add(4, request("SETUP", deadline=5.0))
    assert [item.method for item in requests.overdue(6.0)] == ["SETUP"]
    requests.add(5, request("PLAY"))
    assert requests.take(response(3)) is None
    assert requests.take(response(4)) is None
    assert requests.take(response(5)) is not None


def test_a_response_that_is_sent_twice_answers_one_request() -> None:
    requests = opened(3)
    assert requests.take(response(3, 200, ("Transport", "x"))) is not None
    requests.add(4, request("PLAY"))
    assert requests.take(response(3, 200, ("Transport", "x"))) is None
    assert requests.take(response(3, 200, ("Range", "y"))) is not None  # the number lags


def test_a_camera_that_numbers_nothing_may_answer_alike() -> None:
    requests = opened(3)
    assert requests.take(response(0)) is not None
    requests.add(4, request("OPTIONS"))
    assert requests.take(response(0)) is not None
    assert requests.misnumbered == 2


def test_what_is_remembered_is_bounded() -> None:
    requests = OpenRequests()
    for number in range(1000):
        requests.add(number, request("OPTIONS", purpose="keep-alive"))
        requests.give_up("keep-alive")
    assert len(requests) == 0
    assert len(requests._given_up) == MAX_GIVEN_UP
