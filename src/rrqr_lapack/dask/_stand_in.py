"""What stands for the whole matrix where its columns are chosen: its triangle, or a sketch of its rows. One pass.

The triangle has the column norms and dependences of A, so that pivots, T and errors are those of A. For a sketch of
l = 2 rank + oversample Gaussian combinations, E ||A[:, C] T - A||_F^2 <= (1 + k / (l - k - 1)) ||R||_F^2 for the R that
no coefficients of the columns C can reach: P. G. Martinsson, V. Rokhlin, M. Tygert, "A randomized algorithm for the
decomposition of matrices", Appl. Comput. Harmon. Anal. 30(1) (2011), doi:10.1016/j.acha.2010.02.003. Ten more
combinations, which take no part in the choice, tell the error.
"""

from collections.abc import Callable
from operator import getitem
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from dask import delayed

from .._common.arrays import check_choice, check_count
from .._common.error import PROBES, Error, estimated, exact
from .._common.norms import column_norms, frobenius
from .._common.rule import Rule, check_rule
from .._common.types import Array, Indices, Matrix, Reals, Seed
from .._qr.tall import TallQR
from ._chunks import again, as_matrix, beside, chunk_size, dtype_of, in_dtype, panels, starts, to_host
from ._gaussian import gaussian_rows, seed_of
from ._layers import blocks_of, gathered, grid_of, merged, tasks
from ._marks import mark
from ._triangle import leaf, merge

By: TypeAlias = Literal["auto", "triangle", "sketch"]
OVERSAMPLE = 10  # rows of a sketch beyond 2 rank: then the factor above is below 2


class StandIn(NamedTuple):
    """A matrix of few rows with the columns of A in the place of A itself."""

    matrix: Array
    tests: Array | None  # combinations of A's rows of which the choice knows nothing; None where the matrix knows all
    rows: int  # of A

    @property
    def rounding(self) -> float:
        """The relative size below which a residual is rounding error, max(M, N) eps."""
        return float(max(self.rows, *self.matrix.shape) * np.finfo(self.matrix.dtype).eps)

    def error(self, columns: Indices, coefficients: Matrix, norms: Reals) -> tuple[Error, float]:
        """||A - A[:, C] T||_F and the norm of its worst column; `norms` are those that the matrix itself leaves."""
        if self.tests is None:
            return exact(frobenius(norms)), float(norms.max(initial=0))
        residual = self.tests - self.tests[:, columns] @ coefficients
        worst = float(column_norms(residual).max(initial=0)) / size(residual)
        return estimated(residual.T), worst


class Source:
    """A matrix in blocks, the pass over it that has chosen columns, and the marks of its blocks from that pass.

    No dataclass and no tuple: Dask computes what is in those, and the matrix is not to be computed with a result.
    """

    def __init__(self, x: Any, chosen_by: Any, marks: Any, cut: Callable[[Any], Any]) -> None:
        self.x, self.chosen_by, self.marks = cut(x), chosen_by, marks
        self._given, self._cut = x, cut

    def again(self, after: Any) -> Any:
        """The blocks to be computed anew, once `after` is there."""
        return self._cut(again(self._given, after))  # cut last: what was cut is no longer told apart from the first

    def __repr__(self) -> str:
        return f"<blocks of a matrix of shape {self.x.shape}>"


class Reduced(NamedTuple):
    """A matrix and what stands for it."""

    source: Source
    stand_in: Any  # Delayed
    rule: Rule
    seed: int
    kind: str


def reduced(
    x: Any,
    rank: int | None,
    rtol: float | None,
    atol: float | None,
    by: By = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
    oversample: int = OVERSAMPLE,
) -> Reduced:
    """The matrix `x`, its arguments checked, and what stands for it."""
    x = as_matrix(x)
    check_choice("by", by, get_args(By))
    m, n = x.shape
    rule = check_rule((n if np.isnan(m) else m, n), rank, rtol, atol, tie_tol, rng, random=False)
    if by == "auto":
        fewest = n if np.isnan(m) else min(m, n)
        by = "triangle" if fewest * n * dtype_of(x).itemsize <= chunk_size() else "sketch"
    seed = seed_of(rng)
    if by == "triangle":
        stand_in, marks = _triangle(_panels(x))
        return Reduced(Source(x, stand_in, marks, _panels), stand_in, rule, seed, "exact")
    check_count("oversample", oversample, 2)
    if rank is None:
        raise ValueError(
            f"rank must be given for a sketch of a matrix of shape {x.shape}, got None; give the most columns to take"
        )
    stand_in, marks = _sketch(x, 2 * rule.rank + oversample, m, seed)
    return Reduced(Source(x, stand_in, marks, _whole), stand_in, rule, seed, "estimate")


def _panels(x: Any) -> Any:
    """The array in blocks of whole rows, at least one."""
    return x.rechunk() if 0 in x.numblocks else panels(x)


def _whole(x: Any) -> Any:
    return x


def _triangle(x: Any) -> tuple[Any, Any]:
    """The triangle of an array whose blocks are whole rows, and the marks."""
    pairs = tasks(_marked_leaf, blocks_of(x))
    whole, marks = merged(tasks(getitem, pairs[:, 0], 0), merge), tasks(getitem, pairs, 1)
    return delayed(_of_triangle, pure=True)(whole), marks


def _marked_leaf(block: Any) -> tuple[TallQR, Array]:
    return leaf(block), mark(block)


def _of_triangle(tall: TallQR) -> StandIn:
    return StandIn(tall.R, None, tall.shape[0])


def _sketch(x: Any, count: int, m: float, seed: int) -> tuple[Any, Any]:
    """The sketch of `count` rows with its tests, and the marks."""
    blocks, first = blocks_of(x), grid_of(starts(x.chunks[0]))[:, None]
    numbers = grid_of(range(len(blocks)))[:, None]
    pairs = tasks(_combined, blocks, seed, numbers, first, count + PROBES, dtype_of(x))
    columns, marks = merged(tasks(getitem, pairs, 0), added), tasks(getitem, pairs, 1)
    return gathered(_of_sketch, columns, count, 0 if np.isnan(m) else int(m)), marks


def _combined(block: Any, seed: int, i: int, start: int | None, count: int, dtype: Any) -> tuple[Any, Array]:
    """What a block adds to the combinations of A's rows: on its own device, if it has one."""
    omega = gaussian_rows(seed, i, start, block.shape[0], count, dtype)
    block = in_dtype(block)
    return (block.T @ beside(omega, block)).T, mark(block)


def added(*parts: Any) -> Any:
    """The sum of the parts."""
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total = total + part
    return total


def _of_sketch(columns: list[Any], count: int, rows: int) -> StandIn:
    combinations = np.concatenate([to_host(part) for part in columns], axis=1)
    bad = ~np.isfinite(combinations).all(axis=0)
    if bad.any():
        raise ValueError(f"x must be finite, but column {int(np.argmax(bad))} is not; clean the data")
    sketch = combinations[:count]
    return StandIn(sketch / sketch.real.dtype.type(size(sketch)), combinations[count:], rows)


def size(combinations: Matrix) -> float:
    """The 2-norm of the coefficients of each column of A in these combinations, as root mean square."""
    return float(np.sqrt(len(combinations) * (2 if combinations.dtype.kind == "c" else 1)))
