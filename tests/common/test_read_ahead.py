"""Blocks read by other threads before they are asked for."""

import threading
import time
from functools import partial

import pytest

from rrqr_lapack._common.read_ahead import AHEAD, PATIENCE, read_ahead


def late(i):
    """i, the later the smaller the remainder of i by 3."""
    time.sleep(0.002 * (2 - i % 3))
    return i


def test_results_come_in_the_order_of_the_calls_whoever_is_ready_first():
    assert list(read_ahead(partial(late, i) for i in range(30))) == list(range(30))
    assert list(read_ahead([])) == []


def test_calls_are_made_by_other_threads_and_no_more_than_a_few_ahead():
    made, threads = [], set()

    def call(i):
        made.append(i)
        threads.add(threading.current_thread())
        return i

    for i in read_ahead(partial(call, i) for i in range(20)):
        time.sleep(0.005)
        assert len(made) <= i + 1 + AHEAD
    assert threading.current_thread() not in threads
    assert sorted(made) == list(range(20))


@pytest.mark.parametrize("where", ["the calls", "a call"])
def test_an_exception_is_raised_where_its_block_was_due(where):
    class Broken(OSError):
        pass

    def fail():
        raise Broken("disk")

    def calls():
        for i in range(4):
            yield partial(late, i)
        if where == "the calls":
            fail()
        yield fail

    seen = []
    with pytest.raises(Broken, match="disk"):
        seen.extend(read_ahead(calls()))
    assert seen == [0, 1, 2, 3]


def test_whoever_stops_asking_ends_the_threads_and_waits_for_none_of_them():
    release = threading.Event()
    before = threading.active_count()
    blocks = read_ahead(partial(release.wait, 20) if i else partial(late, 0) for i in range(10))
    assert next(blocks) == 0
    start = time.monotonic()
    blocks.close()
    assert time.monotonic() - start < 10
    release.set()
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(PATIENCE / 2)
    assert threading.active_count() <= before
