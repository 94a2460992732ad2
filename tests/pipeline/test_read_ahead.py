"""Reading ahead on threads: order, bounds and errors."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.read_ahead import ReadAhead


@pytest.fixture
def executor():
    with ThreadPoolExecutor(8) as threads:
        yield threads


def ahead(executor, function, items, *, threads=4, most=6, weigh=lambda made: 0, most_weight=10):
    return ReadAhead(
        function,
        items,
        executor,
        threads=threads,
        most=most,
        weigh=weigh,
        most_weight=most_weight,
    )


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("most", [1, 3, 100])
def test_all_results_come_in_order(executor, threads, most):
    def slow_first(item):
        time.sleep(0.002 * (item % 3 == 0))
        return item * item

    made = ahead(executor, slow_first, range(60), threads=threads, most=most)
    assert list(made) == [item * item for item in range(60)]


def test_no_items_give_no_results(executor):
    assert list(ahead(executor, abs, [])) == []


def test_no_more_is_begun_than_may_wait(executor):
    begun, lock = [], threading.Lock()

    def note(item):
        with lock:
            begun.append(item)
        return item

    taken = ahead(executor, note, range(100), most=5)
    time.sleep(0.1)
    assert sorted(begun) == list(range(5))
    assert next(taken) == 0
    time.sleep(0.1)
    assert sorted(begun) == list(range(6))
    taken.stop()


def test_no_more_is_begun_than_may_weigh_and_one_heavy_item_is_not_too_much(executor):
    begun, lock = [], threading.Lock()

    def note(item):
        with lock:
            begun.append(item)
        return item

    taken = ahead(executor, note, [50] * 20, threads=1, most=20, weigh=int, most_weight=100)
    time.sleep(0.1)
    assert len(begun) == 2
    assert len(list(taken)) == 20
    heavy = ahead(executor, note, [5000] * 3, threads=1, most=20, weigh=int, most_weight=100)
    assert list(heavy) == [5000] * 3


def test_an_error_comes_when_its_turn_comes_and_the_rest_goes_on(executor):
    def invert(item):
        return 1 / item

    taken = ahead(executor, invert, [1, 2, 0, 4])
    assert [next(taken), next(taken)] == [1.0, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(taken)
    assert list(taken) == [0.25]


def test_what_is_stopped_begins_nothing_more(executor):
    begun = []
    taken = ahead(executor, begun.append, range(100), most=5)
    time.sleep(0.05)
    taken.stop()
    assert len(list(taken)) == 5
    assert len(begun) == 5
