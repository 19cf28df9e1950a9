"""Golub-Klema-Stewart: pivoted QR on the leading right singular vectors.

G. H. Golub, V. Klema, G. W. Stewart, "Rank degeneracy and least squares problems", Stanford TR STAN-CS-76-559 (1976).
With a randomized basis: S. Eswar, V. Rao, A. K. Saibaba, "Bayesian D-optimal experimental designs via column subset
selection", 2024, arXiv:2402.16000.

Guarantee, with V the k leading right singular vectors: ||A - A_C T|| <= ||V[C]^{-1}||_2 ||A - [A]_k|| in the spectral
and the Frobenius norm, where [A]_k is the best approximation of rank k. The QR is strong with f = 2, which almost never
changes a pivot, so that ||V[C]^{-1}||_2 <= sqrt(1 + 4 k (n - k)).
"""

from .._common.rule import Rule
from .._common.types import Indices, Operand
from .._qr.strong import strong_rrqr
from .basis import BasisDriver, right_singular_vectors


def gks(a: Operand, rule: Rule, *, driver: BasisDriver = "auto", oversample: int = 10, power: int = 2) -> Indices:
    vh = right_singular_vectors(a, rule, driver, oversample, power)
    return strong_rrqr(vh).P[: len(vh)]
