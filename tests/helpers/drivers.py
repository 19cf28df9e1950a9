"""The ways to factor."""

import pytest

GREEDY = ["_prefetch", "_small", "greedy", "lapack"]  # 'auto' takes one of the first three, by the size
DRIVERS = [*GREEDY, "_randomized"]

# above a test of the fixture `driver` that holds for the pivots of Businger and Golub, or for a run from the start only
greedy_pivots = pytest.mark.parametrize("driver", GREEDY, indirect=True)
