"""One way to choose columns, whatever the method."""

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .._common.arrays import check_choice
from .._common.foreign import elsewhere, foreign
from .._common.operand import as_operand, columns
from .._common.rule import check_rule
from .._common.types import Indices, MatrixLike, Operand, Seed
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol
from .constraints import Constraints, check_constraints
from .registry import METHODS, MethodName, Options
from .result import ColumnSelection


def select_columns(
    a: MatrixLike,
    rank: int | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    method: MethodName = "greedy",
    include: ArrayLike | None = None,
    exclude: ArrayLike | None = None,
    heldout_rows: ArrayLike | None = None,
    check_finite: bool = True,
    rng: Seed = None,
    **options: Unpack[Options],
) -> ColumnSelection:
    """Column subset selection, ``A ~= A[:, C] @ T`` with k columns C and the best T for them.

    The columns are numerically independent, up to those that `include` demands: where A, or what a random method drew,
    has fewer than `rank` independent columns, fewer are returned.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or LinearOperator
        Matrix to choose columns of.
    rank : int, optional
        Largest number of columns, 0 to min(M, N); the methods 'sketch' and 'uniform' need it, for the others min(M, N)
        is the default.
    rtol, atol : float, optional
        Stop with fewer columns. 'greedy' and 'strong' stop where the largest residual column norm is at most `rtol`
        times the largest column norm, or at most `atol`. 'gks', 'arp', 'osinsky' and 'leverage' take the least k for
        which the best approximation of rank k leaves at most `rtol` ||A||_F or `atol` in the Frobenius norm. 'cholesky'
        compares the trace of what is left with that of A. 'sketch' and 'uniform' take no tolerance.
    method : str, optional
        How to choose; in brackets what `a` may be where not all three.

        - 'greedy': pivoted QR, always the column farthest from those chosen (array, sparse)
        - 'strong': strong rank-revealing QR, the same until a coefficient is large (array)
        - 'gks': Golub-Klema-Stewart, pivoted QR on the leading right singular vectors
        - 'arp': adaptive randomized pivoting on the same vectors
        - 'osinsky': its derandomization (array, sparse)
        - 'sketch': pivoted LU or QR on a random sketch of the rows
        - 'leverage': a random sample, weighted by leverage scores
        - 'uniform': a random sample
        - 'cholesky': pivoted Cholesky, of a positive semidefinite `a`
    include, exclude : array_like of int, or mask of shape (N,), optional
        Columns that must be in C, and columns that must not.
    heldout_rows : array_like of int, or mask of shape (M,), optional
        Rows that the choice does not see.
    check_finite : bool, optional
        Refuse NaN and infinity.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the random methods. The same seed gives the same columns.
    **options
        What the method takes beside:

        - f, float: for 'strong', the bound of the entries of T, at least 1; 2 by default
        - driver, {'auto', 'exact', 'randomized'}: right singular vectors by a full SVD, or by `randomized_svd`; 'auto'
          is exact for arrays and randomized for the rest
        - oversample, power, int: extra rows of a sketch, 10, and power iterations: 2 for a randomized basis, 0 for
          'sketch'
        - pivoting, str: for 'sketch' 'lu' (the default: rank rows, partial pivoting) or 'qr' (rank + oversample rows);
          for 'cholesky' 'random' (the default) or 'greedy'

    Returns
    -------
    ColumnSelection
        With `columns`, and on request `coefficients`, `error` and whether it is exact, `max_coefficient`.

    Raises
    ------
    TypeError
        `a` is not numeric, or of a kind that the method does not take; an option is not one of the method's; indices
        are not integers.
    ValueError
        `a` is not a finite matrix; an argument is out of its range; the constraints contradict each other; `method` is
        unknown or does not take a constraint or a tolerance.

    See Also
    --------
    certify : what the columns guarantee for this matrix.

    Notes
    -----
    `include`, `exclude` and `heldout_rows` mean what they mean for LAPACK's ``?GECXX``. The choice is made on A_sub: A
    without the held-out rows and the excluded columns. The columns of `include` come first, in the given order;
    the method goes on with what they leave, and `rank` counts them. Tolerances are relative to A_sub. T is fitted to
    all rows and all columns, the excluded ones too, and `error` is that of T; `training_error` is LAPACK's FNRMK, the
    error on A_sub. `include` works with 'greedy' and 'strong', `exclude` and `heldout_rows` with every method but
    'cholesky'. A LinearOperator takes none of them.

    Flops to first order for k columns of a dense matrix: 'greedy' 4 M N k; an exact basis 4 M N min(M, N) and more, a
    randomized one 4 (power + 1) M N (k + oversample); 'osinsky' 2 M N k on top; 'sketch' 2 (2 power + 1) M N k.
    T and the error take 4 M N k. 'strong' is rarely more than 'greedy'.

    Each method states its guarantee at the head of its module, ``rrqr_lapack._selection.<method>``.

    References
    ----------
    P. A. Businger, G. H. Golub, 1965, doi:10.1007/BF01436084. M. Gu, S. C. Eisenstat, 1996, doi:10.1137/0917055. G. H.
    Golub, V. Klema, G. W. Stewart, 1976, Stanford TR STAN-CS-76-559. A. Cortinovis, D. Kressner, 2024,
    arXiv:2412.13992. A. I. Osinsky, 2025, doi:10.1016/j.laa.2025.07.016. Y. Dong, P. G. Martinsson, 2023,
    arXiv:2104.05877. M. W. Mahoney, P. Drineas, 2009, doi:10.1073/pnas.0803205106.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import select_columns
    >>> x = np.linspace(0, 1, 100)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> selection = select_columns(A, 5, method="gks")
    >>> len(selection.columns)
    5
    >>> bool(np.isclose(np.linalg.norm(A - selection.reconstruct()), selection.error))
    True
    >>> select_columns(A, 5, include=[0, 99]).columns[:2]
    array([ 0, 99], dtype=int32)
    """
    if type(a) is not np.ndarray and foreign(a):
        return elsewhere(select_columns, locals())
    check_choice("method", method, tuple(METHODS))
    chosen = METHODS[method]
    a = as_operand(a, check_finite=check_finite, with_adjoint=chosen.adjoint)
    constraints = check_constraints(a.shape, include, exclude, heldout_rows)
    check_fit(a, method, rank, (rtol, atol), constraints, options)
    rule, first = check_rule(a.shape, rank, rtol, atol, rng=rng), constraints.include.size
    if rule.rank < first:
        raise ValueError(f"rank must be at least the number of columns in include, {first}, got {rule.rank}")
    sub = constraints.restrict(a)
    arguments = sub, rule._replace(rank=min(rule.rank, *sub.shape))
    local = chosen.select(*arguments, first, **options) if chosen.first else chosen.select(*arguments, **options)
    if not chosen.independent:
        local = _independent(sub, local)
    return ColumnSelection(a, constraints.columns[local].astype(np.int32), method, constraints, rule.rng)


def check_fit(
    a: Operand,
    method: MethodName,
    rank: int | None,
    tolerances: tuple[float | None, float | None],
    constraints: Constraints,
    options: Options,
) -> None:
    """Errors where the method does not take what it is given."""
    chosen = METHODS[method]
    for name in options:
        if name not in chosen.options:
            allowed = f"its options are {', '.join(chosen.options)}" if chosen.options else "it has none"
            raise TypeError(f"options must be those of {method=}, got {name!r}; {allowed}")
    if not chosen.tolerances and (rank is None or tolerances != (None, None)):
        raise ValueError(
            f"rank must be given and no tolerance for {method=}, got {rank=} and the tolerances {tolerances}"
        )
    if constraints.include.size and not chosen.first:
        able = " and ".join(repr(name) for name, other in METHODS.items() if other.first)
        raise ValueError(f"include must be empty for {method=}, got {constraints.include.size} columns; {able} take it")
    if constraints and chosen.square:
        raise ValueError(
            f"exclude and heldout_rows must be empty for {method=}, which needs the whole matrix, got some"
        )
    if constraints and isinstance(a, LinearOperator):
        raise TypeError("include, exclude and heldout_rows must be empty for a LinearOperator, got some; pass an array")


def _independent(a: Operand, chosen: Indices) -> Indices:
    """Those of the chosen columns that pivoted QR finds numerically independent, in their order."""
    skeleton = columns(a, chosen)
    skeleton = skeleton.toarray() if sparse.issparse(skeleton) else skeleton
    finite = np.isfinite(skeleton).all(axis=0)
    if not finite.all():
        raise ValueError(f"a must be finite, but column {chosen[int(np.argmin(finite))]} is not")
    factor = TruncatedQR(skeleton, rtol=numerical_rtol(skeleton), check_finite=False)
    return chosen[np.sort(factor.P[: factor.rank])]
