"""What is kept is bounded by its bytes, and what is not kept is made again."""

from pipelines.memory import Kept


def test_a_value_is_made_once_until_all_of_them_weigh_too_much():
    made: list[int] = []
    kept: Kept[int, str] = Kept(lambda key: made.append(key) or str(key), lambda key, value: 10, most=80)
    assert [kept[key] for key in (1, 2, 1, 2)] == ["1", "2", "1", "2"]
    assert made == [1, 2]
    assert [kept[key] for key in range(3, 10)] == list("3456789")
    assert len(kept) == 1  # the ninth began anew
    assert kept[1] == "1"
    assert made == [*range(1, 10), 1]


def test_what_would_take_an_eighth_by_itself_is_not_kept():
    kept: Kept[int, str] = Kept(lambda key: "x" * key, lambda key, value: key, most=80)
    assert (kept[11], kept[10]) == ("x" * 11, "x" * 10)
    assert list(kept) == [10]
