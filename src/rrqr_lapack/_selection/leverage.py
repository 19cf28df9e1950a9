"""Leverage-score sampling: columns drawn with probabilities ||V[j]||^2 / k, without replacement.

M. W. Mahoney, P. Drineas, "CUR matrix decompositions for improved data analysis", PNAS 106(3) (2009),
doi:10.1073/pnas.0803205106.

Guarantee for O(k log k / e^2) columns, which is more than k: ||A - A_C T||_F <= (1 + e) ||A - [A]_k||_F with high
probability. For k columns there is none.
"""

import numpy as np

from .._id.leverage import drawn
from .basis import right_singular_vectors


def leverage(a, rule, *, driver="auto", oversample=10, power=2):
    vh = right_singular_vectors(a, rule, driver, oversample, power)
    scores = (np.abs(vh) ** 2).sum(axis=0, dtype=np.float64)
    return drawn(scores, len(vh), rule.rng)
