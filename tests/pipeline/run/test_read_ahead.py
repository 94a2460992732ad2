"""Reading ahead on threads: order, bounds and errors."""

import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from pipeline.run.read_ahead import ReadAhead


@pytest.fixture
def executor():
    with ThreadPoolExecutor(8) as threads:
        yield threads


class ByHand(Executor):
    """Does what was begun when it is told to, so that a test knows how far it is."""

    def __init__(self):
        self.begun = []

    def submit(self, function, *arguments):
        future = Future()
        self.begun.append((future, function, arguments))
        return future

    def work(self):
        """Do all that was begun, and what that begins."""
        while self.begun:
            future, function, arguments = self.begun.pop(0)
            future.set_result(function(*arguments))


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


def test_no_more_is_begun_than_may_wait():
    begun, executor = [], ByHand()
    taken = ahead(executor, begun.append, range(100), threads=4, most=5)
    assert len(executor.begun) == 4
    executor.work()
    assert begun == list(range(5))
    next(taken)
    executor.work()
    assert begun == list(range(6))


def test_no_more_is_begun_than_may_weigh():
    executor = ByHand()
    taken = ahead(executor, int, [50] * 20, threads=1, most=20, weigh=int, most_weight=100)
    made = []
    for _ in range(20):
        executor.work()
        assert len(taken._waiting) == min(2, 20 - len(made))
        made.append(next(taken))
    assert made == [50] * 20
    assert list(taken) == []


def test_one_heavy_item_is_not_too_much(executor):
    heavy = ahead(executor, int, [5000] * 3, threads=1, most=20, weigh=int, most_weight=100)
    assert list(heavy) == [5000] * 3


def test_an_error_comes_when_its_turn_comes_and_the_rest_goes_on(executor):
    def invert(item):
        return 1 / item

    taken = ahead(executor, invert, [1, 2, 0, 4])
    assert [next(taken), next(taken)] == [1.0, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(taken)
    assert list(taken) == [0.25]


def test_what_is_stopped_begins_nothing_more():
    begun, executor = [], ByHand()
    taken = ahead(executor, begun.append, range(100), most=5)
    executor.work()
    taken.stop()
    assert len(list(taken)) == 5
    executor.work()
    assert begun == list(range(5))
