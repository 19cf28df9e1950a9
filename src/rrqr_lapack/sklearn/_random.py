"""Seeds as scikit-learn takes them, for the generators of this package."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

SEED = 2**31  # what a RandomState gives on every machine


def generator(random_state: Any) -> np.random.Generator:
    """A Generator for None, an integer or a RandomState; None is NumPy's global state, as in scikit-learn."""
    return np.random.default_rng(check_random_state(random_state).randint(SEED, size=4))
