"""What chosen columns guarantee for the matrix at hand, beside what a basis of as many vectors leaves of it."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from .._common.error import as_bound
from .._common.html import Shown
from .._common.indices import check_indices
from .._common.low_rank import error_of
from .._common.norms import frobenius
from .._common.operand import as_operand, densified, dtype_of
from .._common.operand import columns as chosen_columns
from .._common.products import adjoint_times, times
from .._common.rule import Rule, check_rule
from .._common.scaling import near_one
from .._common.types import Indices, Matrix, MatrixLike, Operand, Reals, Seed
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol
from .._randomized.sampler import outside
from .._randomized.spectral_norm import spectral_bound
from .._randomized.svd import randomized_svd
from .basis import BasisDriver, above_rounding, exact_svd, is_exact
from .bounds import NORMS, from_coefficients, from_vectors, spectral

Norm: TypeAlias = Literal[2, "fro"]
NAMES = {2: "2-norm", "fro": "Frobenius norm"}


@dataclass(frozen=True)
class Certificate(Shown):
    """What ``||A - A_C T||`` does not exceed with the best T, by four arguments; made by `certify`.

    A bound that says nothing is infinite.

    Attributes
    ----------
    norm : {2, 'fro'}
        Of which norm everything here is.
    basis_error : float
        ``||A - A V V^H||`` for the singular vectors V, at most k: of an exact basis the least that an approximation of
        that rank leaves, and what the bounds can be compared with.
    residual : float
        ``(||E||^2 + ||E_C (V[C]^H)^+||^2)^(1/2)`` with ``E = A - A V V^H``.
    singular_vectors : float
        ``||E|| / sigma_min(V[C])``, the same as ``(1 + ||V_2 V_1^{-1}||^2)^(1/2) ||E||``.
    leverage : float
        ``||E|| / (1 - sum_{j not in C} ||V[j]||^2)^(1/2)``: from the coherence of V alone.
    coefficients : float
        ``||M|| ||E||``, at most ``(1 + ||T_2||^2 + a^2)^(1/2) ||E||``, with the coefficients T_2 of the columns that
        are not in C and ``a = ||A - A_C T|| / sigma_min(A_C)``: strong rank-revealing QR keeps it small.
    error_kind : {'bound', 'estimate'}
        Whether the bounds hold always, or with probability 0.999 because norms were estimated from products.
    bounds : dict
        The four by their names.
    smallest : str
        The name of the smallest.
    error_bound : float
        The smallest of the four.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import certify
    >>> certify(np.diag([4.0, 2.0, 1.0]), [0, 1])
    <Certificate: at most 1 in the 2-norm by 'residual', the basis leaves 1>
    """

    norm: Norm
    basis_error: float
    residual: float
    singular_vectors: float
    leverage: float
    coefficients: float
    error_kind: str

    @property
    def bounds(self) -> dict[str, float]:
        names = ("residual", "singular_vectors", "leverage", "coefficients")
        return {name: getattr(self, name) for name in names}

    @property
    def smallest(self) -> str:
        return min(self.bounds, key=self.bounds.__getitem__)

    @property
    def error_bound(self) -> float:
        return min(self.bounds.values())

    def _facts(self) -> dict[str, str]:
        limits = {name.replace("_", " "): bound for name, bound in self.bounds.items()}
        return {f"error, by {name}": f"at most {bound:.3g}" for name, bound in limits.items() if bound < math.inf} | {
            "the basis leaves": f"{self.basis_error:.3g}",
            "norm": NAMES[self.norm],
        }

    def __repr__(self) -> str:
        return (
            f"<Certificate: at most {self.error_bound:.3g} in the {NAMES[self.norm]} by {self.smallest!r}, "
            f"the basis leaves {self.basis_error:.3g}>"
        )


def certify(
    a: MatrixLike,
    columns: ArrayLike,
    *,
    norm: Norm = 2,
    oversample: int = 10,
    power: int = 2,
    check_finite: bool = True,
    driver: BasisDriver = "auto",
    rng: Seed = None,
) -> Certificate:
    """What k columns of a matrix guarantee for it, ``||A - A[:, C] T|| <= error_bound`` for the best T.

    Computed after the choice, whoever made it, and not for the worst case: from the rows C of singular vectors, from
    the coefficients T and from leverage scores.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or LinearOperator
        The matrix.
    columns : (k,) array_like of int
        C, distinct columns of it: the `columns` of a selection or decomposition, the first k of a `P`.
    norm : {2, 'fro'}, optional
        Spectral or Frobenius norm.
    oversample, power : int, optional
        Of a randomized basis, as for `randomized_svd`.
    check_finite : bool, optional
        Refuse NaN and infinity.
    driver : {'auto', 'exact', 'randomized'}, optional
        Singular vectors by a full SVD, or by `randomized_svd`, whose own error takes the place of that of the best
        approximation; 'auto' is exact for arrays and randomized for the rest.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the randomized basis, and of what estimates norms beside it.

    Returns
    -------
    Certificate
        With four bounds by name, the smallest of them, `error_bound`, and `basis_error`, which they can be compared
        with.

    Raises
    ------
    TypeError
        `a` is not numeric, or not dense with ``driver='exact'``; `columns` are not integers.
    ValueError
        `a` is not a finite matrix; `columns` are out of range or not distinct; `norm` or `driver` is unknown.

    See Also
    --------
    select_columns : its `error` is the error itself, in the Frobenius norm.
    strong_rrqr : bounds of singular values, without any of its own.

    Notes
    -----
    4 M N min(M, N) flops and more for an exact basis, and about a third of it for the norm of the residual. A
    randomized one takes 4 (power + 1) M N (k + oversample), and 180 M N for each spectral norm that is estimated: two,
    or one with the Frobenius norm. T takes 2 M N k.

    Each bound includes the rounding errors of computing it, max(M, N) eps ||A||; a bound below that is not to be had.
    Where A has less than k singular values above rounding, V has that many columns. The proofs are at the head of
    ``rrqr_lapack._selection.bounds``.

    References
    ----------
    R. Armstrong, A. Buzali, A. Damle, "Structure-aware analyses and algorithms for interpolative decompositions",
    2023, arXiv:2310.09452. S. Chandrasekaran, I. C. F. Ipsen, 1994, doi:10.1137/S0895479891223781. M. Gu, S. C.
    Eisenstat, 1996, doi:10.1137/0917055.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import certify, select_columns
    >>> x = np.linspace(0, 1, 100)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> found = select_columns(A, 5, method="gks")
    >>> certificate = certify(A, found.columns, norm="fro")
    >>> certificate.basis_error <= found.error <= certificate.error_bound
    True
    >>> certificate.error_bound <= 3 * certificate.basis_error
    True
    """
    a = as_operand(a, check_finite=check_finite, with_adjoint=True)
    C = check_indices("columns", columns, a.shape[1], distinct=True)
    if norm not in NORMS:
        raise ValueError(f"norm must be 2 or 'fro', got {norm!r}")
    a, scale = near_one(a)
    rule, exact = check_rule(a.shape, min(len(C), *a.shape), None, None, rng=rng), is_exact(a, driver)
    v, s, left = _exact_basis(a, rule, norm) if exact else _random_basis(a, rule, norm, oversample, power)
    rounding = float(numerical_rtol(a)) * math.hypot(frobenius(s), left)
    skeleton = densified(chosen_columns(a, C))
    beyond = skeleton - times(a, v) @ v[C].conj().T
    bounds = from_vectors(v, C, beyond, norm, left + rounding, rounding)
    bounds["coefficients"] = _by_coefficients(a, C, skeleton, left + rounding, rounding, None if exact else rule.rng)
    scaled = {name: float(bound * scale) for name, bound in bounds.items()}
    return Certificate(norm, float(left * scale), **scaled, error_kind="bound" if exact else "estimate")


def _exact_basis(a: Matrix, rule: Rule, norm: Norm) -> tuple[Matrix, Reals, float]:
    """V, its singular values, and ||A - A V V^H||."""
    s, vh = exact_svd(a)
    k = min(rule.rank, above_rounding(a, s))
    left = s[k:].max(initial=0) if norm == 2 else frobenius(s[k:])
    return vh[:k].conj().T, s[:k], float(left)


def _random_basis(a: Operand, rule: Rule, norm: Norm, oversample: int, power: int) -> tuple[Matrix, Reals, float]:
    """The same of a randomized SVD, and what ||A - A V V^H|| does not exceed, where it is estimated."""
    seed = rule.rng.integers(2**63)  # what is drawn afterwards does not depend on how much the SVD draws
    found = randomized_svd(a, rule.rank, oversample=oversample, power=power, check_finite=False, rng=seed)
    k = above_rounding(a, found.s)
    v, s = found.Vh[:k].conj().T, found.s[:k]
    if norm == "fro":
        error = error_of(found)
        if error.kind == "exact":  # as a difference of squares
            error = as_bound(error, math.hypot(frobenius(found.s), error.value), found.dtype)
        return v, s, error.plus(frobenius(found.s[k:])).bound
    products = lambda x: times(a, outside(x, v)), lambda y: outside(adjoint_times(a, y), v)
    return v, s, spectral_bound(*products, a.shape[1], dtype_of(a), rule.rng)


def _by_coefficients(
    a: Operand, C: Indices, skeleton: Matrix, left: float, rounding: float, rng: np.random.Generator | None
) -> float:
    """The bound `coefficients`, infinite where A_C is numerically dependent; by products where there is a generator."""
    factor = TruncatedQR(skeleton, rtol=numerical_rtol(a), check_finite=False)
    if factor.rank < len(C):
        return math.inf
    least = float(np.linalg.svd(factor.R, compute_uv=False).min(initial=math.inf)) - rounding
    if least <= 0:
        return math.inf
    q = factor.form_q()
    T = solve_triangular(factor.R, adjoint_times(a, q).conj().T, check_finite=False)
    others = spectral(np.delete(T, C, axis=1))
    products = lambda x: outside(times(a, x), q), lambda y: adjoint_times(a, outside(y, q))
    residual = spectral_bound(*products, a.shape[1], dtype_of(a), rng) if rng else spectral(outside(a, q))
    return left * from_coefficients(residual + rounding, least, others + rounding * (1 + others) / least)
