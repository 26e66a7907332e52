import threading

import pytest

from drf_lanyard.core.generations import Generations


def test_what_was_put_is_found() -> None:
    cache: Generations[int] = Generations(10)
    assert cache.get("a") is None
    cache.put("a", 1)
    assert cache.get("a") == 1


def test_it_is_bounded() -> None:
    cache: Generations[int] = Generations(10)
    for number in range(1000):
        cache.put(str(number), number)
        assert len(cache) <= 10
    assert cache.get("999") == 999
    assert cache.get("0") is None


def test_what_is_in_use_stays() -> None:
    cache: Generations[int] = Generations(10)
    cache.put("used", 7)
    for number in range(1000):
        cache.put(str(number), number)
        assert cache.get("used") == 7


@pytest.mark.parametrize("size", [0, 1])
def test_a_size_below_two_remembers_nothing(size: int) -> None:
    cache: Generations[int] = Generations(size)
    cache.put("a", 1)
    assert len(cache) == 0
    assert cache.get("a") is None


def test_threads_that_turn_the_generation_together_never_get_a_wrong_value() -> None:
    cache: Generations[int] = Generations(8)
    threads = 4
    barrier = threading.Barrier(threads)
    wrong: list[tuple[str, int]] = []

    def work() -> None:
        barrier.wait(10)
        for number in range(3000):
            cache.put(str(number % 50), number % 50)
            value = cache.get(str(number % 13))
            if value not in (None, number % 13):
                wrong.append((str(number % 13), value))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert wrong == []
    assert len(cache) <= 8 + threads
