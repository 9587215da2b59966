"""A stream's device keeps its number over restarts and whatever goes beside it."""

from transcoder.service.device_numbers import DeviceNumbers


def free(_number: int) -> bool:
    return True


def test_numbers_are_counted_up_and_stay() -> None:
    numbers = DeviceNumbers()
    present = dict.fromkeys(["a", "b", "c"])
    assert [numbers.number(each, present, free) for each in present] == [0, 1, 2]
    assert numbers.has_changed
    again = DeviceNumbers()
    again.load(numbers.changes())
    del present["a"]
    assert [again.number(each, present, free) for each in ("b", "c", "d")] == [1, 2, 3]
    assert not numbers.has_changed


def test_a_number_that_is_in_the_way_of_another_server_is_passed_over() -> None:
    numbers = DeviceNumbers()
    assert numbers.number("a", {"a": None}, lambda number: number != 0) == 1


def test_where_none_is_left_that_of_a_stream_which_is_gone_is_given_again() -> None:
    numbers = DeviceNumbers()

    def two(number: int) -> bool:
        return number < 2

    assert [numbers.number(each, {"a": None, "b": None}, two) for each in "ab"] == [0, 1]
    assert numbers.number("c", {"b": None, "c": None}, two) == 0
    assert numbers.number("d", {"b": None, "c": None, "d": None}, two) is None


def test_what_was_kept_wrongly_is_left_out() -> None:
    numbers = DeviceNumbers()
    numbers.load({"onvif a": {"number": -1}, "onvif b": {"number": 7}, "onvif c": {"number": 7}, "x": 3, "onvif d": 1})
    assert dict(numbers.changes()) == {"onvif b": {"number": 7}}
