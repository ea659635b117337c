"""The cache makes each value once and never keeps more bytes than its limit."""

from pipelines.cache import BoundedCache


def test_a_value_is_made_once_until_the_cache_is_emptied():
    made: list[int] = []
    cache: BoundedCache[int, str] = BoundedCache(lambda key: made.append(key) or str(key), lambda key, value: 10, max_bytes=80)
    assert [cache[key] for key in (1, 2, 1, 2)] == ["1", "2", "1", "2"]
    assert made == [1, 2]
    assert [cache[key] for key in range(3, 10)] == list("3456789")
    assert len(cache) == 1  # the ninth value emptied it
    assert cache[1] == "1"
    assert made == [*range(1, 10), 1]


def test_a_value_of_more_than_an_eighth_of_the_limit_is_not_kept():
    cache: BoundedCache[int, str] = BoundedCache(lambda key: "x" * key, lambda key, value: key, max_bytes=80)
    assert (cache[11], cache[10]) == ("x" * 11, "x" * 10)
    assert list(cache) == [10]
