"""Reading ahead: threads that read the next blocks while one is worked on."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from typing import TypeVar

READERS = 2  # threads: one waits for the disk while the other one decodes
AHEAD = 2  # blocks that are read, or being read, beside the one that is worked on
PATIENCE = 0.1  # seconds between two looks at whether somebody pressed Ctrl-C, for which no system wakes all waits

Block = TypeVar("Block")


def read_ahead(reads: Iterable[Callable[[], Block]]) -> Iterator[Block]:
    """What the calls return, in their order, each made by a thread before it is asked for.

    The iterable itself is advanced by one thread at a time. An exception of it, or of a call, is raised where its block
    was due. Whoever stops asking, or is interrupted, does not wait for a call that is under way: the threads are
    daemons, which end with it.
    """
    calls, results = iter(reads), queue.SimpleQueue[Future[Block] | None]()
    turn, slots, ended = threading.Lock(), threading.Semaphore(AHEAD), threading.Event()

    def reader() -> None:
        while True:
            slots.acquire()
            result: Future[Block] = Future()
            with turn:
                if ended.is_set():
                    return
                try:
                    call = next(calls)
                except StopIteration:
                    ended.set()
                    results.put(None)
                    return
                except BaseException as error:
                    ended.set()
                    result.set_exception(error)
                    results.put(result)
                    return
                results.put(result)
            try:
                result.set_result(call())
            except BaseException as error:
                result.set_exception(error)

    for _ in range(READERS):
        threading.Thread(target=reader, name="rrqr_lapack reads ahead", daemon=True).start()
    try:
        while (result := _next(results)) is not None:
            while not wait([result], PATIENCE).done:
                pass
            slots.release()
            yield result.result()
    finally:
        ended.set()
        slots.release(READERS)


def _next(results: queue.SimpleQueue[Future[Block] | None]) -> Future[Block] | None:
    while True:
        try:
            return results.get(timeout=PATIENCE)
        except queue.Empty:
            pass
