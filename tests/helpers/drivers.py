"""The ways to factor."""

import pytest

GREEDY = ["auto", "small", "greedy", "lapack"]  # small: what auto does with small matrices
DRIVERS = [*GREEDY, "randomized"]

# above a test of the fixture `driver` that holds for the pivots of Businger and Golub, or for a run from the start only
greedy_pivots = pytest.mark.parametrize("driver", GREEDY, indirect=True)
