"""Bases from random products with a matrix, and what they leave of it: what the randomized factorizations share."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .._common.arrays import check_choice, check_count, check_flag
from .._common.error import PROBES, Error, estimated, remaining
from .._common.norms import frobenius
from .._common.operand import Streamed, as_operand, dtype_of, is_dense
from .._common.products import adjoint_times, times, times_both
from .._common.random import gaussian
from .._common.rule import Rule
from .._common.types import Array, Matrix, Operand, Reals, Shape
from .._qr.truncated import numerical_rtol
from .orthonormal import tall_qr, well_conditioned_basis
from .sketch import SKETCHES, SketchName, as_array, sketch_of_columns, sketch_of_rows

STOPPING_PROBES = 40  # vectors by which an error is kept small, where the bound counts: 1.8 times it, or 1.5
FIRST_BLOCK, LARGEST_BLOCK = 16, 128  # columns that join a growing basis at a time


def measured(
    a: Any, check_finite: bool, name: str = "a", *, with_adjoint: bool = False
) -> tuple[Operand, float | None]:
    """`a` as an operand, and ||A||_F, which is finite only if `a` is; None for a LinearOperator."""
    rows_first = sparse.issparse(a) and a.format == "csr"  # as good for products as an operand's columns
    check_flag("check_finite", check_finite)
    if isinstance(a, LinearOperator):
        return as_operand(a, name, check_finite=check_finite, with_adjoint=with_adjoint), None
    a = as_operand(a.T, name, check_finite=False).T if rows_first else as_operand(a, name, check_finite=False)
    if is_dense(a) and not (a.flags.aligned and a.itemsize in a.strides and min(a.strides) > 0):
        a = a.copy()  # once, where NumPy would make a copy that BLAS can read for every product
    norm = frobenius(a)
    if check_finite and not norm < math.inf:
        as_operand(a, name)  # says where
        raise ValueError(f"{name} must have a finite norm, but it overflows; scale {name} down")
    return a, norm


def basis_columns(shape: Shape, rule: Rule, oversample: int) -> int:
    """The most columns of a basis for the rule's rank."""
    return min(rule.rank + check_count("oversample", oversample), *shape)


def fewest(values: Reals, left: float, tolerance: float) -> int:
    """The least k for which values[k:] and what is left, orthogonal to each other, are within the tolerance."""
    for k in range(len(values), 0, -1):
        left = math.hypot(left, values[k - 1])
        if left > tolerance:
            return k
    return 0


class Sampler:
    """Random products with the operand A, whose Frobenius norm is `norm`, or None if it is not known."""

    def __init__(self, a: Operand, norm: float | None, rule: Rule, power: int, sketch: SketchName) -> None:
        self.a, self._norm, self.rule, self.rng = a, norm, rule, rule.rng
        self.power = check_count("power", power)
        self._sketch = SKETCHES[check_choice("sketch", sketch, tuple(SKETCHES))]
        self._probe_count = STOPPING_PROBES if rule.by_tolerance else PROBES

    @property
    def norm(self) -> float | None:
        """``||A||_F``, None where it is not known, or not yet."""
        return self.a.norm if isinstance(self.a, Streamed) else self._norm

    def omega(self, rows: int, columns: int) -> Any:
        """A sketch; a square one is Gaussian, because of signs alone it could be singular."""
        sketch = self._sketch if rows < columns else gaussian
        return sketch(self.rng, rows, columns, dtype_of(self.a))

    def basis(self, columns: int) -> Matrix:
        """Orthonormal basis of ``(A A^H)^power A Omega^T``."""
        return tall_qr(self._range(columns))[0]

    def both_sketches(self, columns: int, rows: int) -> tuple[Matrix, Any, Matrix]:
        """Orthonormal basis of ``A Omega^T``, Psi of so many rows, and Psi A: all from one pass where A is read."""
        m, n = self.a.shape
        if not isinstance(self.a, Streamed):
            q, psi = self.basis(columns), self.omega(rows, m)
            return q, psi, sketch_of_columns(psi, self.a)
        omega, psi = self.omega(columns, n), as_array(self.omega(rows, m))
        adjoint: list[Matrix] = []

        def multiplied(x: Matrix) -> Matrix:
            ax, ahy = times_both(self.a, x, psi.conj().T)
            adjoint.append(ahy)
            return ax

        y, self._probes = self.with_probes(omega, multiplied)
        return tall_qr(y)[0], psi, adjoint[0].conj().T

    def grown_basis(self, most: int, tolerance: float) -> tuple[Matrix, Matrix | None]:
        """Q, and A^H Q or None for a LinearOperator: as many columns as the tolerance takes, at most `most`.

        Blocks are made from the residual ``(I - Q Q^H) A``. Of their columns only those above rounding join.
        """
        m, n = self.a.shape
        q = np.empty((m, 0), dtype_of(self.a), order="F")
        z = None if self.norm is None else np.empty((n, 0), q.dtype, order="F")
        rounding = numerical_rtol(self.a) * self._size / math.sqrt(max(m, n, 1))  # of one column
        while q.shape[1] < most and self.error_outside(q, z).bound > tolerance:
            least = LARGEST_BLOCK if isinstance(self.a, Streamed) else FIRST_BLOCK  # a pass costs more than products
            columns = min(max(least, q.shape[1] // 2), LARGEST_BLOCK, m, n)
            new, r = tall_qr(self._range(columns, q))
            new = new[:, np.abs(np.diagonal(r)) > rounding][:, : most - q.shape[1]]
            new, _ = tall_qr(outside(new, q))
            if not new.shape[1]:
                break
            q = np.hstack([q, new])
            if z is not None:
                z = np.hstack([z, adjoint_times(self.a, new)])
        return q, z

    def tolerance(self) -> float:
        """The norm that the rule lets be left, ``max(rtol ||A||_F, atol)``, but no less than rounding."""
        rule = self.rule.at_least(numerical_rtol(self.a))
        return max(rule.rtol * self._size, rule.atol)

    def error_outside(self, q: Matrix, captured: Array | None = None) -> Error:
        """``||A - Q Q^H A||_F``; `captured` is A^H Q or its singular values, where known."""
        return self.exact_error(captured) or estimated(outside(self._probes[1], q))

    def error_beyond(self, rank: int, s: Reals, q: Matrix, z: Matrix) -> Error:
        """``||A - U diag(s) Vh||_F`` for the first `rank` of the singular values s of ``Q Z^H`` and their vectors."""
        return self.exact_error(s[:rank]) or self.estimated_error(lambda w: times(q, adjoint_times(z, w))).plus(
            frobenius(s[rank:])
        )

    def exact_error(self, captured: Array | None) -> Error | None:
        """From ``||A||_F^2 - ||captured||_F^2``, or None where these are not known or too close to each other."""
        if captured is None or self.norm is None:
            return None
        return remaining(self.norm, frobenius(captured), captured.dtype)

    def estimated_error(self, approximation: Callable[[Matrix], Matrix]) -> Error:
        """``||A - B||_F`` from `approximation`, the product with B."""
        w, aw = self._probes
        return estimated(aw - approximation(w))

    def _range(self, columns: int, known: Matrix | None = None) -> Matrix:
        """``(A A^H)^power A Omega^T`` of A or of ``(I - Q Q^H) A``, each product but the last orthonormalized."""
        y = outside(self._sketched(self.omega(columns, self.a.shape[1])), known)
        for _ in range(self.power):
            y = outside(well_conditioned_basis(y), known)  # again: the first time Y was small beside what was removed
            x = well_conditioned_basis(adjoint_times(self.a, y))
            y = outside(times(self.a, x), known)
        return y

    def _sketched(self, omega: Any) -> Matrix:
        """``A Omega^T``; of a matrix that is read for it A W comes along, should the error have to be estimated."""
        if not isinstance(self.a, Streamed) or "_probes" in vars(self):
            return sketch_of_rows(omega, self.a)
        y, self._probes = self.with_probes(omega, lambda x: times(self.a, x))
        return y

    def with_probes(self, omega: Any, multiplied: Callable[[Matrix], Matrix]) -> tuple[Matrix, tuple[Matrix, Matrix]]:
        """``A Omega^T``, and W and A W, by one product with A."""
        x, w = as_array(omega).T, self._probe_vectors()
        both = multiplied(np.hstack([x, w]))
        return both[:, : x.shape[1]], (w, both[:, x.shape[1] :])

    @cached_property
    def _size(self) -> float:
        """``||A||_F``, estimated where it is not known."""
        probes = self._probes if self.norm is None else None
        return estimated(probes[1]).value if self.norm is None and probes else self.norm or 0.0

    @cached_property
    def _probes(self) -> tuple[Matrix, Matrix]:
        """Normal vectors W that no basis has seen, and A W."""
        w = self._probe_vectors()
        return w, times(self.a, w)

    def _probe_vectors(self) -> Matrix:
        return gaussian(self.rng, self._probe_count, self.a.shape[1], dtype_of(self.a)).T


def outside(y: Matrix, q: Matrix | None) -> Matrix:
    """``(I - Q Q^H) Y``, or Y without a basis Q."""
    return y if q is None else y - times(q, adjoint_times(q, y))
