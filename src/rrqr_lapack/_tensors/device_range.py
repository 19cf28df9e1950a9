"""Randomized ranges and singular values on a device: the algorithms of `_randomized`, from the same few products.

N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithms 4.4 and 5.1. The
sketch is Gaussian, drawn on the device.
"""

import math
from functools import cached_property
from typing import Any

import numpy as np

from .._common.arrays import check_count, check_flag
from .._common.error import PROBES, Error, estimated, remaining
from .._common.rule import Rule, check_rule
from .._device.library import library_of
from .._device.scale import near_one
from .._randomized.range import Range
from .._randomized.sampler import FIRST_BLOCK, LARGEST_BLOCK, STOPPING_PROBES, basis_columns, fewest
from .._randomized.svd import RandomizedSVD
from .device_basis import basis, identity
from .home import Home
from .numbers import numerical_rtol, numpy_dtype
from .refusals import only


def range_finder(home: Home, a: Any, *, oversample: int, **options: Any) -> Range:
    """As `rrqr_lapack.range_finder`."""
    sampler = DeviceSampler(a, **options)
    q, z = sampler.basis(basis_columns(a.shape, sampler.rule, oversample))
    return Range(home.rounded(q), sampler.scaled(sampler.error_outside(q, z)))


def randomized_svd(home: Home, a: Any, *, oversample: int, **options: Any) -> RandomizedSVD:
    """As `rrqr_lapack.randomized_svd`."""
    sampler = DeviceSampler(a, **options)
    library, rank = sampler.library, sampler.rule.rank
    q, z = sampler.basis(basis_columns(a.shape, sampler.rule, oversample))
    z = library.conj(sampler.a.mT) @ q if z is None else z
    w, s, vh = library.xp.linalg.svd(z, full_matrices=False)  # A ~= Q Z^H = (Q V) S W^H
    values = library.host(s)
    if sampler.rule.by_tolerance:
        rank = min(rank, fewest(values, sampler.error_outside(q, z).bound, sampler.tolerance))
    u, vh = q @ library.conj(vh.mT)[:, :rank], library.conj(w.mT)[:rank, :]
    error = sampler.error_beyond(rank, values, q, z)
    s = s[:rank] * float(sampler.unit)
    return RandomizedSVD(home.rounded(u), home.rounded(s), home.rounded(vh), sampler.scaled(error))


class DeviceSampler:
    """Random products with A, brought near 1 by a power of two, `unit`."""

    def __init__(
        self,
        a: Any,
        *,
        rank: int | None,
        rtol: float | None,
        atol: float | None,
        power: int,
        sketch: str,
        check_finite: bool,
        rng: Any,
    ) -> None:
        if a.ndim != 2:
            raise ValueError(f"a must have 2 dimensions, got {a.ndim}")
        check_flag("check_finite", check_finite)
        only("sketch", sketch, "gaussian")
        self.rule: Rule = check_rule(a.shape, rank, rtol, atol, rng=rng)
        self.power = check_count("power", power)
        self.library = library_of(a)
        self.a, self.norm, self.unit = a, 0.0, 1.0
        if 0 not in a.shape:
            self.a, norms, unit = near_one(self.library, a)
            self.norm, self.unit = float(self.library.norms(norms)), float(unit)

    @cached_property
    def tolerance(self) -> float:
        """The norm that the rule lets be left, in the unit, but no less than rounding."""
        rule = self.rule.at_least(numerical_rtol(self.a))
        return max(rule.rtol * self.norm, rule.atol / self.unit)

    def basis(self, most: int) -> tuple[Any, Any]:
        """Q, and A^H Q where a tolerance decided: blocks join it until that is met."""
        if not self.rule.by_tolerance:
            return basis(self.library, self._range(most)), None
        library, (m, n) = self.library, self.a.shape
        q, z = library.zeros((m, 0)), library.zeros((n, 0))
        rounding = numerical_rtol(self.a) * self.norm / math.sqrt(max(m, n, 1))
        while q.shape[1] < most and self.error_outside(q, z).bound > self.tolerance:
            columns = min(max(FIRST_BLOCK, q.shape[1] // 2), LARGEST_BLOCK, m, n)
            new, r = library.xp.linalg.qr(self._range(columns, q))
            size = library.host(library.norms(r * identity(library, r.shape[0])))
            new = library.take(new, library.indices(np.flatnonzero(size > rounding)[: most - q.shape[1]]), 1)
            if not new.shape[1]:
                break
            new = library.xp.linalg.qr(self._outside(new, q))[0]
            q = library.xp.concat([q, new], axis=1)
            z = library.xp.concat([z, library.conj(self.a.mT) @ new], axis=1)
        return q, z

    def error_outside(self, q: Any, z: Any) -> Error:
        """``||A - Q Q^H A||_F``, exact where Z = A^H Q is known and rounding does not hide it."""
        captured = None if z is None else float(self.library.norms(self.library.norms(z)))
        return self._exact(captured) or self._estimated(self._outside(self._probes[1], q))

    def error_beyond(self, rank: int, values: Any, q: Any, z: Any) -> Error:
        """``||A - U diag(s) Vh||_F`` for the first `rank` of the singular values of ``Q Z^H``."""
        exact = self._exact(float(np.linalg.norm(values[:rank])))
        if exact:
            return exact
        w, aw = self._probes
        left = self._estimated(aw - q @ (self.library.conj(z.mT) @ w))
        return left.plus(float(np.linalg.norm(values[rank:])))

    def scaled(self, error: Error) -> Error:
        """The error in A's own unit."""
        return error._replace(value=error.value * self.unit, bound=error.bound * self.unit)

    def _exact(self, captured: float | None) -> Error | None:
        return None if captured is None else remaining(self.norm, captured, numpy_dtype(self.a))

    def _estimated(self, residuals: Any) -> Error:
        """The estimate from ``(A - B) W``, of which the norms of the columns say all."""
        norms = self.library.host(self.library.norms(residuals.mT))
        return estimated(norms.astype(numpy_dtype(self.a))[None, :])

    def _range(self, columns: int, known: Any = None) -> Any:
        """``(A A^H)^power A Omega`` of A or of ``(I - Q Q^H) A``, orthonormalized after every product but the last."""
        library, n = self.library, self.a.shape[1]
        y = self._outside(self.a @ library.gaussian(self.rule.rng, (n, columns)), known)
        for _ in range(self.power):
            y = self._outside(basis(library, y), known)
            x = basis(library, library.conj(self.a.mT) @ y)
            y = self._outside(self.a @ x, known)
        return y

    def _outside(self, y: Any, q: Any) -> Any:
        """``(I - Q Q^H) Y``."""
        return y if q is None else y - q @ (self.library.conj(q.mT) @ y)

    @cached_property
    def _probes(self) -> tuple[Any, Any]:
        count = STOPPING_PROBES if self.rule.by_tolerance else PROBES
        w = self.library.gaussian(self.rule.rng, (self.a.shape[1], count))
        return w, self.a @ w
