"""Right singular vectors of centred data, the way that takes the least time.

An array with few columns: eigenvectors of the covariance, or the SVD of a triangular factor, both exact. Everything
else: the randomized SVD, N. Halko, P. G. Martinsson, Y. Shkolnisky, M. Tygert, "An algorithm for the principal
component analysis of large data sets", SIAM J. Sci. Comput. 33(5) (2011), doi:10.1137/100804139.
"""

import math
from collections.abc import Iterator

import numpy as np

from .._common.arrays import check_count
from .._common.error import Error, as_bound
from .._common.low_rank import error_of
from .._common.norms import frobenius
from .._common.rule import Rule
from .._common.types import Array, Matrix, Reals
from .._qr.truncated import numerical_rtol
from .row_stream import Centred, Covariance, RowStream, Triangle
from .sampler import fewest
from .sketch import SketchName
from .svd import truncated_svd

RELIABLE = 1e-4  # of the largest singular value: below it the covariance has fewer than eight digits of a square


def components(
    centred: Centred, rule: Rule, columns: int, power: int, sketch: SketchName
) -> tuple[Array, Reals, Matrix, Error]:
    """Mean, singular values, right singular vectors and error of a `Centred` operand."""
    columns_of_all_products = (check_count("power", power) + 1) * columns
    for kept in _exact(centred, columns_of_all_products):
        stream = RowStream(centred.shape[1], centred.dtype, kept)
        stream.add(centred)
        s, vh, error = truncated(*kept.svd(), rule)
        least = RELIABLE * s.max(initial=0)
        complete = len(s) == centred.shape[1]
        if isinstance(kept, Triangle) or ((s >= least).all() and (complete or error.value >= least)):
            return centred.mean, s, vh, error
    norm = centred.norm()
    f = truncated_svd(centred, norm, rule, columns, power, sketch)
    error = error_of(f)
    if norm is not None and error.kind == "exact":  # for U diag(s) Vh, than which X V V^H is closer to X
        error = as_bound(error, norm, centred.dtype)._replace(value=error.value)
    return centred.mean, f.s, _signed(f.Vh), error


def truncated(s: Reals, vh: Matrix, error: Error, rule: Rule) -> tuple[Reals, Matrix, Error]:
    """As many of the singular values and vectors as the rule allows, and their error."""
    rank = rule.rank
    if rule.by_tolerance:
        norm, rule = math.hypot(frobenius(s), error.value), rule.at_least(numerical_rtol(vh))
        rank = min(rank, fewest(s, error.bound, max(rule.rtol * norm, rule.atol)))
    return s[:rank], _signed(vh[:rank]), error.plus(frobenius(s[rank:]))


def _exact(centred: Centred, products: int) -> Iterator[Covariance | Triangle]:
    """What to keep of all rows where that takes no longer than so many columns of products, the fastest first."""
    m, n = centred.shape
    if isinstance(centred.a, np.ndarray):
        if n <= 4 * products and 10 * n <= m:
            yield Covariance(n, centred.dtype)
        if n <= products:
            yield Triangle(n, centred.dtype)


def _signed(vh: Matrix) -> Matrix:
    """Each row times the sign that makes its entry of largest modulus positive."""
    if not vh.size:
        return vh
    largest = np.take_along_axis(vh, np.abs(vh).argmax(axis=1, keepdims=True), axis=1)
    return vh * (largest.conj() / np.abs(largest))
