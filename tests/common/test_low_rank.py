"""Low-rank results, whatever they are made of: one set of names, one behaviour."""

import pickle
import re
from functools import cache

import numpy as np
import pytest
from matrices import gaussian
from measures import eps
from scipy import sparse

import rrqr_lapack
from rrqr_lapack import (
    PCA,
    alternating_least_squares,
    complete,
    cur,
    generalized_nystrom,
    interpolative_decomposition,
    low_rank_factors,
    nystrom,
    randomized_eigh,
    randomized_qr,
    randomized_svd,
    range_finder,
    row_interpolative_decomposition,
    rpcholesky,
    select_columns,
    soft_impute,
    two_sided_interpolative_decomposition,
)
from rrqr_lapack._common.error import Error
from rrqr_lapack._common.low_rank import Approximate, Factored, LowRank

M, N, K = 30, 20, 4


def observed(a):
    """Three entries of four."""
    return sparse.coo_array(np.where(np.random.default_rng(1).random(a.shape) < 0.75, a, 0))


def gram(a):
    """A positive semidefinite matrix of A's columns."""
    return a.conj().T @ a


# name: (A -> what is approximated, that -> the result, the norm of its error)
RESULTS = {
    "interpolative_decomposition": (np.asarray, lambda a: interpolative_decomposition(a, rank=K), "fro"),
    "of a sparse matrix": (sparse.csr_array, lambda a: interpolative_decomposition(a, rank=K, rng=0), "fro"),
    "row_interpolative_decomposition": (np.asarray, lambda a: row_interpolative_decomposition(a, rank=K), "fro"),
    "rows of a sparse matrix": (sparse.csr_array, lambda a: row_interpolative_decomposition(a, rank=K, rng=0), "fro"),
    "two_sided": (np.asarray, lambda a: two_sided_interpolative_decomposition(a, rank=K), "fro"),
    "cur": (np.asarray, lambda a: cur(a, rank=K), "fro"),
    "cur of a sparse matrix": (sparse.csr_array, lambda a: cur(a, rank=K, rng=0), "fro"),
    "select_columns": (np.asarray, lambda a: select_columns(a, K), "fro"),
    "randomized_qr": (np.asarray, lambda a: randomized_qr(a, K, rng=0), "fro"),
    "randomized_svd": (np.asarray, lambda a: randomized_svd(a, K, rng=0), "fro"),
    "generalized_nystrom": (np.asarray, lambda a: generalized_nystrom(a, K, rng=0), "fro"),
    "randomized_eigh": (gram, lambda a: randomized_eigh(a, K, rng=0), "fro"),
    "low_rank_factors": (np.asarray, lambda a: low_rank_factors(a, rank=K), "fro"),
    "nystrom": (gram, lambda a: nystrom(a, rank=K, rng=0), "nuc"),
    "rpcholesky": (gram, lambda a: rpcholesky(a, rank=K, rng=0), "nuc"),
    "soft_impute": (observed, lambda a: soft_impute(a, rank=K, penalty=0.1, rng=0), "observed"),
    "alternating_least_squares": (observed, lambda a: alternating_least_squares(a, rank=2, penalty=0.1), "observed"),
    "range_finder": (np.asarray, lambda a: range_finder(a, K, oversample=0, rng=0), "projected"),
    "the U of cur": (np.asarray, lambda a: cur(a, rank=K).U, None),
}
every_result = pytest.mark.parametrize("name", RESULTS)


def some_matrix(dtype):
    """Of rank 6 to a thousandth."""
    return (gaussian(M, 6, dtype) @ gaussian(6, N, dtype, 1) + gaussian(M, N, dtype, 2) / 1000).astype(dtype)


@cache
def made(name, dtype):
    """What is approximated, as an array, the result, and the norm."""
    make, approximate, norm = RESULTS[name]
    a = make(some_matrix(dtype))
    return a.toarray() if sparse.issparse(a) else a, approximate(a), norm


def norm_of_what_is_left(a, x, norm):
    """By the array that the result stands for."""
    if norm == "projected":
        return np.linalg.norm(a - x.reconstruct() @ a)
    if norm == "observed":
        return np.linalg.norm((a - x.reconstruct())[a != 0])
    return np.linalg.norm(a - x.reconstruct(), norm)


def test_every_public_low_rank_result_is_held_to_this():
    classes = {getattr(rrqr_lapack, name) for name in rrqr_lapack.__all__}
    results = {c for c in classes if isinstance(c, type) and (hasattr(c, "reconstruct") or hasattr(c, "error_kind"))}
    assert results == {c for c in classes if isinstance(c, type) and issubclass(c, (Approximate, Factored))}
    assert results - {PCA} == {type(made(name, "f8")[1]) for name in RESULTS}


@every_result
def test_it_is_of_the_shape_the_dtype_and_the_rank_that_it_says(name, dtype):
    a, x, norm = made(name, dtype)
    dense = x.reconstruct()
    assert type(dense) is np.ndarray
    assert (x.shape, x.dtype, x.ndim) == (dense.shape, dense.dtype, 2) and x.dtype == dtype
    assert x.shape == {"projected": (M, M), None: (K, K)}.get(norm, a.shape)
    s = np.linalg.svd(dense, compute_uv=False)
    assert 0 < x.rank == np.count_nonzero(s > 1e3 * eps(dtype) * s[0]) <= K


@every_result
def test_it_multiplies_from_both_sides_as_the_matrix_that_it_stands_for(name, dtype):
    _, x, _ = made(name, dtype)
    dense, (m, n) = x.reconstruct(), x.shape
    accuracy = 1e3 * eps(dtype) * np.linalg.norm(dense, 2)
    for right in (np.ones(n, dtype), gaussian(n, 3, dtype), np.zeros((n, 0), dtype)):
        assert (x @ right).shape == (m, *right.shape[1:])
        np.testing.assert_allclose(x @ right, dense @ right, rtol=0, atol=10 * accuracy)
    for left in (np.ones(m, dtype), gaussian(3, m, dtype), np.zeros((0, m), dtype)):
        assert (left @ x).shape == (*left.shape[:-1], n)
        np.testing.assert_allclose(left @ x, left @ dense, rtol=0, atol=10 * accuracy)
    for product, expected in (
        (x @ sparse.csr_array(dense.conj().T), dense @ dense.conj().T),
        (sparse.csr_array(dense.conj().T) @ x, dense.conj().T @ dense),
    ):
        assert type(product) is np.ndarray
        np.testing.assert_allclose(product, expected, rtol=0, atol=accuracy * np.linalg.norm(dense))
    for wrong in (np.ones(n + 1, dtype), np.ones((n - 1, n), dtype), np.float64(2), np.ones((n, n, 1), dtype)):
        with pytest.raises(
            ValueError, match=rf"x must be a matrix of {n} rows .* {type(x).__name__} of .* got the shape"
        ):
            x @ wrong
    for wrong in (np.ones(m + 1, dtype), np.ones((m, m - 1), dtype), np.float64(2), np.ones((m, m, m), dtype)):
        with pytest.raises(ValueError, match=rf"x must be a matrix of {m} columns .* {type(x).__name__} of"):
            wrong @ x


@every_result
def test_its_error_is_what_it_leaves(name, dtype):
    a, x, norm = made(name, dtype)
    if norm is None:
        assert not hasattr(x, "error")
        return
    assert isinstance(x, LowRank)
    left, rounding = norm_of_what_is_left(a, x, norm), 1e3 * eps(dtype) * float(np.linalg.norm(a))
    assert x.error_kind in ("exact", "bound", "estimate")
    assert left <= x.error_bound + rounding
    assert left <= 2 * x.error + rounding
    if x.error_kind == "exact":
        assert x.error == x.error_bound == pytest.approx(left, rel=1e-2, abs=rounding)


@every_result
def test_it_says_what_it_is(name, dtype):
    _, x, _ = made(name, dtype)
    what = re.escape(f"<{type(x).__name__} of shape {x.shape}, {dtype}: rank {x.rank}")
    about = {"select_columns": ", columns by 'greedy'", "the U of cur": ""}.get(name, r", \w+ error [\d.e+-]+")
    assert re.fullmatch(rf"{what}{about}(, penalty 0.1)?>", repr(x)), repr(x)


@every_result
def test_the_chosen_indices_are_columns_and_rows(name, dtype):
    """An integer array of a result is one of these, and what multiplies as a matrix has no T that is no transpose."""
    a, x, _ = made(name, dtype)
    indices = {key: value for key, value in vars(x).items() if getattr(value, "dtype", np.dtype("O")).kind in "iu"}
    assert set(indices) <= ({"P"} if name == "randomized_qr" else {"columns", "rows"})
    for key, value in indices.items():
        assert value.ndim == 1 and 0 <= value.min() <= value.max() < a.shape[key != "rows"]
    assert not {"T", "H"} & set(dir(x))
    if hasattr(x, "skeleton"):
        chosen = a[indices["rows"]] if "rows" in indices else a
        chosen = chosen[:, indices["columns"]] if "columns" in indices else chosen
        skeleton = x.skeleton.toarray() if sparse.issparse(x.skeleton) else x.skeleton
        np.testing.assert_array_equal(skeleton, chosen)


UNPACKED = {
    "interpolative_decomposition": ("columns", "coefficients"),
    "row_interpolative_decomposition": ("rows", "coefficients"),
    "two_sided": ("rows", "columns", "row_coefficients", "column_coefficients"),
    "cur": ("C", "U", "R"),
    "select_columns": ("columns", "coefficients"),
    "randomized_qr": ("Q", "R", "P"),
    "randomized_svd": ("U", "s", "Vh"),
    "generalized_nystrom": ("U", "s", "Vh"),
    "randomized_eigh": ("w", "V"),
    "low_rank_factors": ("U", "s", "Vh"),
    "soft_impute": ("U", "s", "Vh"),
    "alternating_least_squares": ("U", "s", "Vh"),
}


@pytest.mark.parametrize("name", UNPACKED)
def test_it_unpacks_to_its_parts(name):
    _, x, _ = made(name, "f8")
    parts = tuple(x)
    assert len(parts) == len(UNPACKED[name])
    assert all(part is getattr(x, key) for part, key in zip(parts, UNPACKED[name], strict=True))


def test_a_selection_computes_its_error_when_it_is_asked_for():
    a = some_matrix(np.dtype("f8"))
    x = pickle.loads(pickle.dumps(select_columns(a, K)))
    assert (x.rank, x.shape, x.dtype, len(x.columns)) == (K, a.shape, a.dtype, K) and repr(x)
    assert not {"_fit", "_error", "skeleton"} & set(vars(x))
    assert x.error == pytest.approx(interpolative_decomposition(a, rank=K).error)


class Middle(Factored):
    """Two arrays and a diagonal."""

    _factors = ()

    def __init__(self, *factors):
        self._factors = factors


def test_a_vector_among_the_factors_is_a_diagonal(dtype):
    u, s, v = gaussian(5, 3, dtype), np.arange(1, 4).astype(dtype), gaussian(3, 4, dtype, 1)
    x, dense = Middle(u, s, v), u @ np.diag(s) @ v
    for ours, theirs in (
        (x.reconstruct(), dense),
        (x @ np.ones(4, dtype), dense @ np.ones(4, dtype)),
        (x @ v.conj().T, dense @ v.conj().T),
        (np.ones(5, dtype) @ x, np.ones(5, dtype) @ dense),
        (Middle(x, v.conj().T) @ np.eye(3, dtype=dtype), dense @ v.conj().T),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=100 * eps(dtype))


def test_what_has_an_error_says_all_of_it():
    class Known(Approximate):
        _error = Error(1.0, "estimate", 2.0)

    assert (Known().error, Known().error_kind, Known().error_bound) == (1.0, "estimate", 2.0)


def test_completing_with_a_chosen_penalty_gives_the_same_kind_of_result():
    x = complete(observed(some_matrix(np.dtype("f8"))), rng=0)
    assert isinstance(x, LowRank) and x.error_kind == "exact"
