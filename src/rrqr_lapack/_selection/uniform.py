"""Uniform sampling: the baseline for all others, hard to beat by much on an incoherent matrix.

A. Frieze, R. Kannan, S. Vempala, "Fast Monte-Carlo algorithms for finding low-rank approximations", J. ACM 51(6)
(2004), doi:10.1145/1039488.1039494, on why the probabilities must follow A. There is no guarantee.
"""

from .._common.rule import Rule
from .._common.types import Indices, Operand


def uniform(a: Operand, rule: Rule) -> Indices:
    return rule.rng.choice(a.shape[1], rule.rank, replace=False)
