"""Leverage-score sampling: columns drawn with probabilities ||V[j]||^2 / k, without replacement.

M. W. Mahoney, P. Drineas, "CUR matrix decompositions for improved data analysis", PNAS 106(3) (2009),
doi:10.1073/pnas.0803205106.

Guarantee for O(k log k / e^2) columns, which is more than k: ||A - A_C T||_F <= (1 + e) ||A - [A]_k||_F with high
probability. For k columns there is none.
"""

import numpy as np

from .._common.rule import Rule
from .._common.types import Indices, Operand
from .._id.leverage import drawn
from .basis import BasisDriver, right_singular_vectors


def leverage(a: Operand, rule: Rule, *, driver: BasisDriver = "auto", oversample: int = 10, power: int = 2) -> Indices:
    vh = right_singular_vectors(a, rule, driver, oversample, power)
    scores = (np.abs(vh) ** 2).sum(axis=0, dtype=np.float64)
    return drawn(scores, len(vh), rule.rng)
