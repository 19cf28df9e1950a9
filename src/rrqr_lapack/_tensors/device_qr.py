"""Truncated pivoted QR on a device as an object."""

import threading
from typing import Any, Self

import numpy as np

from .._common.arrays import check_choice, check_flag
from .._common.rule import Rule, check_rule
from .._common.types import Shape
from .._device import DeviceFactor, factor
from .._device.library import library_of
from .._qr.factored import TruncatedQR
from .._qr.strong import StrongRRQR, check_bound
from .device_basis import completed
from .device_strong import strong_factor
from .home import Home
from .numbers import numerical_rtol
from .refusals import only


class DeviceQR(TruncatedQR):
    """A `TruncatedQR` of an array on another device. It keeps a copy of A, to go on from, in place of the compact form.

    Q is held as it is, so that a product with all M columns of it forms them.
    """

    def __init__(
        self,
        a: Any,
        *,
        home: Home,
        rank: int | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        overwrite_a: bool = False,
        check_finite: bool = True,
        driver: Any = "auto",
        tie_tol: float = 0.0,
        rng: Any = None,
        progress: Any = None,
    ) -> None:
        if a.ndim != 2:
            raise ValueError(f"a must have 2 dimensions, got {a.ndim}; qr_truncated takes stacks of matrices")
        check_flag("check_finite", check_finite)
        only("tie_tol", tie_tol, 0.0)
        only("driver", driver, "auto", "greedy", "randomized")
        self._lock = threading.RLock()
        self._home, self._library, self._driver = home, library_of(a), driver
        self._rule = check_rule(a.shape, rank, rtol, atol, rng=rng, random=driver == "randomized")
        self._a = a if check_flag("overwrite_a", overwrite_a) else self._library.xp.asarray(a, copy=True)
        self._run(self._rule, progress)

    def _run(self, rule: Rule, progress: Any) -> None:
        only("progress", progress, None)
        self._found: DeviceFactor = factor(
            self._a, rank=rule.rank, **rule.tolerances, driver=self._driver, seed=self._rule.rng
        )

    @property
    def shape(self) -> Shape:
        m, n = self._a.shape
        return m, n

    @property
    def dtype(self) -> Any:
        return self._home.dtype

    @property
    def rank(self) -> int:
        return int(self._found.rank)

    @property
    def P(self) -> Any:
        return self._home.indices(self._found.pivots)

    @property
    def R(self) -> Any:
        return self._home.rounded(self._found.R)

    @property
    def qr(self) -> Any:
        raise AttributeError("the compact form exists on the CPU alone: move the array there, or call form_q")

    tau = qr

    @property
    def maxresid(self) -> float:
        return float(self._library.largest(self._left())) if self.rank < self.shape[1] else 0.0

    @property
    def relmaxresid(self) -> float:
        top = float(self._library.largest(self._library.norms(self._a.mT))) if self.shape[1] else 0.0
        return self.maxresid / top if top else 0.0

    @property
    def residual_column_norms(self) -> Any:
        return self._home.rounded(self._left())

    @property
    def residual_norm(self) -> float:
        return float(self._found.residual_norm)

    _repr_html_: Any = None  # notebooks show `repr`: nothing leaves the device unasked

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of shape {self.shape}, {self.dtype}: rank {self.rank}, on {self._home.device}>"

    def plot(self, axes: Any = None) -> Any:
        """Refused, as nothing leaves the device unasked."""
        raise ValueError(f"a must be on the CPU for plot, got a device {self._home.device}; move the array to the CPU")

    def extend(
        self,
        *,
        rank: int | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        progress: Any = None,
    ) -> Self:
        """As on the host, from the start."""
        self._run(check_rule(self.shape, rank, rtol, atol, smallest=self.rank, random=False), progress)
        return self

    def form_q(self, full: bool = False) -> Any:
        """Q, its first k columns or all M."""
        return self._home.rounded(self._q(full=check_flag("full", full)))

    def apply_q(self, c: Any, *, adjoint: bool = False, side: str = "left") -> Any:
        """The product with Q or Q^H, all of which is formed."""
        left = check_choice("side", side, ("left", "right")) == "left"
        q = self._q(full=True)
        c = self._operand_on_device(c, "c", rows=left)
        q = self._library.conj(q.mT) if check_flag("adjoint", adjoint) else q
        return self._home.rounded(q @ c if left else c @ q)

    def lstsq(self, b: Any) -> tuple[Any, Any]:
        """Basic least squares with the columns that are numerically independent."""
        library, used = self._library, self._found.numerical_rank
        b = self._operand_on_device(b, "b", rows=True)
        rhs = b if b.ndim == 2 else b[:, None]
        q, r = self._q()[:, :used], self._found.R[:used, :used]
        coordinates = library.conj(q.mT) @ rhs
        z = library.solve_upper(r, coordinates) if used else coordinates
        z = library.xp.concat([z, library.zeros((self.rank - used, rhs.shape[1]))], axis=0)
        left = library.norms((rhs - q @ coordinates).mT)
        z, left = self._home.rounded(z), self._home.rounded(left)
        return (z[:, 0], float(left[0])) if b.ndim == 1 else (z, left)

    def interpolation(self) -> Any:
        """T with ``A ~= A[:, P[:k]] T``."""
        used = self._found.numerical_rank
        if used < self.rank:
            raise np.linalg.LinAlgError(
                f"rank must be at most the numerical rank, {used}, since beyond it R11 is singular, got {self.rank}; "
                f"factor with rank={used} or call interpolative_decomposition"
            )
        return self._home.rounded(self._found.interpolation())

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"{type(self).__name__} must be on the CPU to be copied or pickled, got {self._home.device}")

    def __copy__(self) -> Self:
        return self.__reduce_ex__(0)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__reduce_ex__(0)

    def _q(self, full: bool = False) -> Any:
        q = self._found.q()
        return completed(self._library, q, self.shape[0]) if full else q

    def _left(self) -> Any:
        return self._library.take(self._found.residual_column_norms, self._found.pivots[self.rank :])

    def _operand_on_device(self, c: Any, name: str, rows: bool) -> Any:
        m = self.shape[0]
        c = self._home.alike(c, name)
        if c.ndim not in (1, 2) or c.shape[0 if rows else -1] != m:
            allowed = f"({m},) or ({m}, p)" if rows else f"({m},) or (p, {m})"
            raise ValueError(f"{name} must have the shape {allowed}, got {tuple(c.shape)}")
        return c


class DeviceStrongRRQR(DeviceQR, StrongRRQR):
    """A `StrongRRQR` of an array on another device."""

    def __init__(self, a: Any, *, home: Home, f: float = 2.0, **options: Any) -> None:
        self.f = check_bound(f)
        self._swaps = 0
        super().__init__(a, home=home, **options)

    def _run(self, rule: Rule, progress: Any) -> None:
        rule = rule.at_least(numerical_rtol(self._a))
        super()._run(rule, progress)
        self._found, self._max_t, self._rho, swaps = strong_factor(self._a, self._found, rule, self.f)
        self._swaps += swaps

    def singular_value_bounds(self) -> tuple[Any, Any]:
        """Bounds of the leading singular values of A."""
        library, k, bound = self._library, self.rank, self.bound
        lower = library.xp.linalg.svdvals(self._found.R[:, :k])
        upper = lower * bound
        if k < min(self.shape):
            ends = library.numbers(np.array([self.maxresid / bound, self.residual_norm]))
            lower, upper = (library.xp.concat([x, ends[i : i + 1]]) for i, x in enumerate((lower, upper)))
        return self._home.rounded(lower), self._home.rounded(upper)
