"""An orthonormal basis of ``(A A^H)^q A W`` for a Gaussian W, and what estimates its error: 2 q + 1 passes."""

from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from .._common.arrays import check_choice, check_count, check_rank
from .._common.error import PROBES, Error, estimated
from .._common.types import DType, Seed
from ._chunks import again, as_matrix
from ._gaussian import seed_of
from ._layers import blocks_of, merged, tasks
from ._orthonormal import basis
from ._products import adjoint_times, sampled, times

Iterator: TypeAlias = Literal["QR", "power"]


class Sample(NamedTuple):
    """A matrix in blocks, a basis of most of its range, and products that have not seen the basis."""

    x: Any
    rank: int
    q: Any
    probes: Any  # A W of ten Gaussian columns W
    norm: Any  # delayed ||A||_F
    seed: int
    columns: int  # those of W before the probes


def sample(x: Any, rank: Any, oversample: Any, n_power_iter: Any, iterator: Any, rng: Seed) -> Sample:
    """The `Sample` of a matrix, the arguments checked."""
    x = as_matrix(x)
    m, n = x.shape
    fewest = n if np.isnan(m) else min(m, n)
    rank = check_rank(rank, int(fewest))
    check_sampling(oversample, n_power_iter, iterator)
    columns = min(rank + oversample, int(fewest))
    seed = seed_of(rng)
    both, norm = sampled(x, columns + PROBES, seed)
    y, probes = both[:, :columns], both[:, columns:]
    for _ in range(n_power_iter):
        y = basis(y) if iterator == "QR" else y
        z = adjoint_times(again(x, done(y)), y)
        z = basis(z) if iterator == "QR" else z
        y = times(again(x, done(z)), z)
    return Sample(x, rank, basis(y), probes, norm, seed, columns)


def check_sampling(oversample: Any, n_power_iter: Any, iterator: Any) -> None:
    """TypeError or ValueError where an argument is out of its range."""
    check_count("oversample", oversample)
    check_count("n_power_iter", n_power_iter)
    check_choice("iterator", iterator, get_args(Iterator))


def has_few_columns(x: Any, rank: int | None, oversample: int, n_power_iter: int) -> bool:
    """Whether the triangle of all columns takes no more operations than the products with random vectors."""
    n = x.shape[1]
    return n <= (2 * n_power_iter + 2) * ((n if rank is None else rank) + oversample)


def done(y: Any) -> Any:
    """A delayed nothing, there when all blocks of an array are: where it is needed no block goes."""
    return merged(tasks(_nothing, blocks_of(y).ravel()), _nothing)


def _nothing(*blocks: Any) -> None:
    return None


def estimate(norm: float, dtype: DType) -> Error:
    """The error from the Frobenius norm of what is left of the probes."""
    row = np.zeros((1, PROBES), dtype)
    row[0, 0] = norm
    return estimated(row)
