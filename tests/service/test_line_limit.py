"""How many lines a flood leaves in the log."""

from transcoder.service.line_limit import LineLimit


def test_a_flood_costs_one_line_a_second_and_none_of_it_is_lost() -> None:
    limit = LineLimit[str](1)
    lines = [count for step in range(1000) if (count := limit.take("login", step / 100))]  # every 10 ms for 10 s
    assert len(lines) == 10
    assert sum(lines) + sum(count for _, count in limit.overdue(11.0)) == 1000
    assert limit.overdue(12.0) == []


def test_what_comes_now_and_then_has_a_line_each() -> None:
    limit = LineLimit[str](1)
    assert [limit.take("login", float(second)) for second in range(5)] == [1] * 5
    assert limit.overdue(10.0) == []


def test_kinds_do_not_take_each_others_place() -> None:
    limit = LineLimit[str](1)
    assert [limit.take(kind, 0.0) for kind in ("login", "idle", "login", "idle")] == [1, 1, 0, 0]
    assert limit.overdue(0.5) == []
    assert sorted(limit.overdue(1.0)) == [("idle", 1), ("login", 1)]


def test_more_lines_where_they_are_wanted() -> None:
    limit = LineLimit[None](3)
    assert [limit.take(None, 0.0) for _ in range(5)] == [1, 1, 1, 0, 0]
    assert limit.take(None, 1.0) == 3
