"""Times that can be compared on a machine that is never quite quiet.

Methods take turns in one process, so that a slow minute hits all of them alike; what is reported is the median over the
rounds of the ratio within a round, not the ratio of two times measured apart.
"""

import gc
import math
import time
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

STRETCH = 5e-3  # seconds: shorter calls are repeated until the clock's resolution does not matter


@dataclass(frozen=True)
class Budget:
    """How long to go on: at least `rounds` rounds, and until `seconds` have passed.

    Before each method's turn comes a pause of `rest` seconds: the idle threads of a BLAS go on spinning for a tenth of
    a second, and those of NumPy's BLAS would take a core from a method that uses SciPy's (twice the time, measured).
    """

    rounds: int = 3
    seconds: float = 5.0
    rest: float = 0.15


QUICK = Budget(rounds=1, seconds=0.0, rest=0.0)


@dataclass(frozen=True)
class Timings:
    """Seconds of one call, for each method an array over the rounds."""

    seconds: dict

    def median(self, name):
        return float(np.median(self.seconds[name]))

    def speedup(self, name, *peers):
        """Median over the rounds of (time of the fastest of `peers`) / (time of `name`)."""
        return float(np.median(np.min([self.seconds[peer] for peer in peers], axis=0) / self.seconds[name]))


def race(calls, threads, budget):
    """Run the `calls`, a dict of functions without arguments, in turn.

    Returns the `Timings` and what each call returned in the round that warms up, which is not timed.
    """
    with threadpool_limits(threads):
        results, repeats = {}, {}
        for name, call in calls.items():
            start = time.perf_counter()
            results[name] = call()
            short = time.perf_counter() - start < STRETCH
            repeats[name] = max(1, math.ceil(STRETCH / _seconds(call, 1))) if short else 1
        rounds = {name: [] for name in calls}
        order, end = list(calls), time.perf_counter() + budget.seconds
        while len(rounds[order[0]]) < budget.rounds or time.perf_counter() < end:
            for name in order:
                time.sleep(budget.rest)
                rounds[name].append(_seconds(calls[name], repeats[name]))
            order.reverse()
    return Timings({name: np.array(times) for name, times in rounds.items()}), results


def _seconds(call, repeats):
    """Mean seconds of a call over `repeats` of them, garbage collection aside."""
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / repeats
    finally:
        gc.enable()
