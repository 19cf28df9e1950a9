"""The same mathematics for arrays of every library, by the kernels and by the algorithms for other devices."""

import numpy as np
import pytest
from matrices import gaussian, geometric, kahan, rank_deficient
from measures import THRESHOLD, eps, orthogonality_ratio, qr_ratio

import rrqr_lapack as rr


def decaying(m, n, dtype, seed=0):
    """Gaussian, each column shorter than the one before, so that no two norms are close."""
    return (gaussian(m, n, dtype, seed) * 0.8 ** np.arange(n)).astype(dtype)


@pytest.fixture
def pair(backend, dtype):
    """A matrix, and the same as an array of the library."""
    a = decaying(60, 24, dtype)
    return a, backend.array(a)


def sound(backend, a, q, r, p):
    """Q, R and P as ndarrays, after a look at their ratios."""
    q, r, p = map(backend.ndarray, (q, r, p))
    assert qr_ratio(a, q, r, p) < THRESHOLD
    assert orthogonality_ratio(q) < THRESHOLD
    return q, r, p


@pytest.mark.parametrize("shape", [(60, 24), (24, 60), (30, 30), (100, 90)])
@pytest.mark.parametrize("mode", ["full", "economic"])
def test_pivoted_qr_is_sound_and_its_pivots_are_lapacks(backend, dtype, shape, mode):
    a = decaying(*shape, dtype)
    x = backend.array(a)
    q, r, p = rr.qr(x, mode=mode, pivoting=True)
    assert all(backend.like(each, x) for each in (q, r, p))
    assert q.dtype == r.dtype == x.dtype
    expected = rr.qr(a, mode=mode, pivoting=True)
    q, r, p = sound(backend, a, q, r, p)
    assert (q.shape, r.shape, p.dtype) == (expected[0].shape, expected[1].shape, np.int32)
    settled = np.abs(np.diagonal(r)) > 1e3 * eps(dtype) * abs(r[0, 0])
    assert np.array_equal(p[: settled.sum()], expected[2][: settled.sum()])


def test_qr_of_a_rank_deficient_matrix_has_a_whole_q(backend, dtype):
    a = rank_deficient(20, 12, dtype, rank=3)
    sound(backend, a, *rr.qr(backend.array(a), mode="economic", pivoting=True))
    sound(backend, np.zeros((5, 4), dtype), *rr.qr(backend.array(np.zeros((5, 4), dtype)), pivoting=True))


def test_qr_without_pivoting_is_a_qr(backend, pair):
    a, x = pair
    q, r = map(backend.ndarray, rr.qr(x, mode="economic"))
    assert qr_ratio(a, q, r, np.arange(24)) < THRESHOLD
    assert np.array_equal(r, np.triu(r))


@pytest.mark.parametrize("rule", [{"rank": 7}, {"rtol": 0.05}, {"atol": 0.3}, {"rank": 9, "rtol": 1e-3}, {"rank": 0}])
def test_truncation_stops_where_the_kernels_stop(backend, pair, rule):
    a, x = pair
    q, r, p = rr.qr_truncated(x, **rule)
    expected = rr.qr_truncated(a, **rule)
    assert backend.like(q, x)
    k = len(expected[1])
    assert tuple(q.shape), tuple(r.shape) == ((60, k), (k, 24))
    q, r, p = map(backend.ndarray, (q, r, p))
    assert np.array_equal(p[:k], expected[2][:k])
    left = np.linalg.norm(a[:, p] - q @ r)
    assert left <= np.linalg.norm(a[:, expected[2]] - expected[0] @ expected[1]) + 100 * eps(a.dtype) * np.linalg.norm(
        a
    )
    only_r, _ = rr.qr_truncated(x, mode="r", **rule)
    assert np.allclose(np.abs(backend.ndarray(only_r)), np.abs(r), atol=1e3 * eps(a.dtype) * np.abs(a).max())


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("rule", [{"rank": 0}, {"rank": 5}, {"rtol": 0.3}, {}])
def test_the_full_form_has_the_residual_block_behind_the_rank(backend, dtype, batch, rule):
    a = np.stack([decaying(14, 9, dtype, seed) * (1 + seed) ** np.arange(9) for seed in range(3)]).astype(dtype)
    a = a if batch else a[0]
    q, r, p = map(backend.ndarray, rr.qr_truncated(backend.array(a), mode="full", **rule))
    expected = rr.qr_truncated(a, mode="full", **rule)[1]
    ranks = np.count_nonzero(np.diagonal(rr.qr_truncated(a, **rule)[1], axis1=-2, axis2=-1), axis=-1)
    assert (q.shape, r.shape, p.shape) == ((*batch, 14, 14), (*batch, 14, 9), (*batch, 9))
    for i in np.ndindex(batch):
        k = ranks[i]
        assert qr_ratio(a[i], q[i], np.concatenate([np.triu(r[i][:k]), r[i][k:]]), p[i]) < THRESHOLD
        assert orthogonality_ratio(q[i]) < THRESHOLD
        assert np.all(r[i][k:, :k] == 0)
        assert np.isclose(np.linalg.norm(r[i][k:]), np.linalg.norm(expected[i][k:]), rtol=1e-3)


def test_the_randomized_driver_is_sound(backend, pair):
    a, x = pair
    sound(backend, a, *rr.qr_truncated(x, driver="randomized", rng=0))


@pytest.mark.parametrize("batch", [(3,), (2, 2)])
def test_stacks_of_any_leading_dimensions(backend, dtype, batch):
    a = gaussian(int(np.prod(batch)) * 9, 6, dtype).reshape(*batch, 9, 6)
    x = backend.array(a)
    q, r, p = map(backend.ndarray, rr.qr_truncated(x, rank=4))
    assert (q.shape, r.shape, p.shape) == ((*batch, 9, 4), (*batch, 4, 6), (*batch, 6))
    for i in np.ndindex(batch):
        expected = rr.qr_truncated(a[i], rank=4)
        assert np.array_equal(p[i][:4], expected[2][:4])
        assert orthogonality_ratio(q[i]) < THRESHOLD
        assert np.allclose(
            q[i] @ r[i][:, np.argsort(p[i])], expected[0] @ expected[1][:, np.argsort(expected[2])], atol=1e-4
        )


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0)])
def test_matrices_without_elements(backend, shape):
    x = backend.array(np.zeros(shape, "f"))
    q, r, p = rr.qr_truncated(x)
    assert tuple(q.shape) == (shape[0], 0)
    assert tuple(r.shape) == (0, shape[1])
    assert tuple(p.shape) == (shape[1],)


def test_the_object_answers_in_the_library(backend, pair):
    a, x = pair
    F, expected = rr.TruncatedQR(x, rank=5), rr.TruncatedQR(a, rank=5)
    assert isinstance(F, rr.TruncatedQR)
    assert (F.rank, F.shape, F.dtype) == (5, (60, 24), x.dtype)
    close = {"rtol": 1e3 * eps(a.dtype)}
    assert np.isclose(F.residual_norm, expected.residual_norm, **close)
    assert np.isclose(F.maxresid, expected.maxresid, **close)
    assert np.isclose(F.relmaxresid, expected.relmaxresid, **close)
    T = F.interpolation()
    assert backend.like(T, x)
    assert np.allclose(backend.ndarray(T), expected.interpolation(), atol=1e3 * eps(a.dtype))
    p = backend.ndarray(F.P)
    image = backend.ndarray(F.apply_q(backend.array(a[:, p]), adjoint=True))
    assert np.allclose(image[:5], backend.ndarray(F.R), atol=1e3 * eps(a.dtype))
    z, left = F.lstsq(backend.array(a[:, p[0]]))
    assert np.allclose(backend.ndarray(z), [1, 0, 0, 0, 0], atol=1e3 * eps(a.dtype))
    assert left < 1e3 * eps(a.dtype)
    assert F.extend(rank=9) is F
    assert F.rank == 9
    assert orthogonality_ratio(backend.ndarray(F.form_q())) < THRESHOLD
    assert tuple(F.form_q(full=True).shape) == (60, 60)


def test_interpolative_decomposition_in_the_library(backend, pair):
    a, x = pair
    found, expected = rr.interpolative_decomposition(x, rtol=1e-2), rr.interpolative_decomposition(a, rtol=1e-2)
    C, T = found
    assert all(backend.like(each, x) for each in (C, T, found.skeleton, found.reconstruct()))
    assert np.array_equal(backend.ndarray(C), expected.columns)
    assert np.array_equal(backend.ndarray(T)[:, expected.columns], np.eye(found.rank))
    assert np.isclose(found.error, expected.error, rtol=1e-3)
    assert np.isclose(found.max_column_error, expected.max_column_error, rtol=1e-3)
    assert np.isclose(np.linalg.norm(a - backend.ndarray(found.reconstruct())), found.error, rtol=1e-3)


@pytest.mark.parametrize("rule", [{"rank": 6}, {"rank": 0}, {"rtol": 1e-2}])
def test_refitted_coefficients_are_those_of_least_squares(backend, pair, rule):
    a, x = pair
    found = rr.interpolative_decomposition(x, refit="lstsq", **rule)
    columns = backend.ndarray(found.columns)
    assert np.array_equal(columns, rr.interpolative_decomposition(a, **rule).columns)
    best = np.linalg.lstsq(a[:, columns], a)[0]
    T, left = backend.ndarray(found.coefficients), np.linalg.norm(a - a[:, columns] @ best, axis=0)
    assert np.allclose(T, best, atol=1e4 * eps(a.dtype))
    assert np.array_equal(T[:, columns], np.eye(found.rank))
    assert np.isclose(found.error, np.linalg.norm(left), rtol=1e-3)
    assert np.isclose(found.max_column_error, left.max(), rtol=1e-3)


def test_strong_rrqr_exchanges_what_greedy_pivots_missed(backend, dtype):
    n = 30
    a = (kahan(n, "d") * (1 - 1e-3 * np.arange(n))).astype(dtype)
    found, expected = rr.strong_rrqr(backend.array(a), rank=n - 1, f=1.5), rr.strong_rrqr(a, rank=n - 1, f=1.5)
    assert isinstance(found, rr.StrongRRQR)
    assert found.swaps == expected.swaps > 0
    assert found.max_coefficient <= found.rho <= 1.5
    assert np.isclose(found.residual_norm, expected.residual_norm, rtol=1e-2)
    lower, upper = map(backend.ndarray, found.singular_value_bounds())
    values = np.linalg.svd(a, compute_uv=False)
    assert np.all(lower <= values * (1 + 1e-4))
    assert np.all(values <= upper * (1 + 1e-4))


@pytest.mark.parametrize(
    ("method", "options"), [("greedy", {}), ("strong", {}), ("sketch", {}), ("sketch", {"pivoting": "qr", "power": 1})]
)
def test_selected_columns_and_their_best_coefficients(backend, pair, method, options):
    a, x = pair
    found = rr.select_columns(x, 6, method=method, rng=0, **options)
    columns = backend.ndarray(found.columns)
    assert len(set(columns.tolist())) == found.rank == 6
    if method != "sketch":
        assert np.array_equal(np.sort(columns), np.sort(rr.select_columns(a, 6, method=method).columns))
    best = np.linalg.lstsq(a[:, columns], a)[0]
    T = backend.ndarray(found.coefficients)
    assert np.allclose(T, best, atol=1e4 * eps(a.dtype))
    assert np.array_equal(T[:, columns], np.eye(6))
    assert np.isclose(found.error, np.linalg.norm(a - a[:, columns] @ best), rtol=1e-3)
    assert np.isclose(found.max_coefficient, np.abs(best).max(), rtol=1e-3)


def test_range_and_singular_values(backend, dtype):
    a = geometric(80, 50, dtype, last=1e-4 if dtype.char in "dD" else 1e-2)
    for each in (a, np.ascontiguousarray(a.T)):
        x, norm = backend.array(each), np.linalg.norm(each)
        found = rr.range_finder(x, rtol=0.05, rng=0)
        q = backend.ndarray(found.Q)
        assert backend.like(found.Q, x)
        assert orthogonality_ratio(q) < THRESHOLD
        left = np.linalg.norm(each - q @ (q.conj().T @ each))
        assert left <= found.error_bound * (1 + 1e-4)  # which is exact to rounding
        assert found.error_bound <= 0.05 * norm
        u, s, vh = found = rr.randomized_svd(x, 8, rng=0)
        assert np.allclose(backend.ndarray(s), np.linalg.svd(each, compute_uv=False)[:8], rtol=1e-2)
        u, vh = backend.ndarray(u), backend.ndarray(vh)
        assert orthogonality_ratio(u) < THRESHOLD
        assert orthogonality_ratio(vh.conj().T) < THRESHOLD
        assert np.isclose(np.linalg.norm(each - u * backend.ndarray(s) @ vh), found.error, rtol=0.01)
        fewer = rr.randomized_svd(x, rtol=0.2, rng=0)
        assert fewer.rank < 30
        assert np.linalg.norm(each - backend.ndarray(fewer.reconstruct())) <= 0.2 * norm


def test_rows_that_arrive_in_pieces(backend, pair):
    a, _ = pair
    tall = rr.TallQR()
    for piece in np.array_split(a, 5):
        assert tall.update(backend.array(piece)) is tall
    other = rr.TallQR(backend.array(a))
    tall.merge(other.copy())
    assert tall.shape == (120, 24)
    r = backend.ndarray(tall.R)
    assert np.allclose(r.conj().T @ r, 2 * a.conj().T @ a, atol=1e3 * eps(a.dtype) * np.linalg.norm(a) ** 2)
    assert np.array_equal(backend.ndarray(other.pivoted(rank=5).P)[:5], rr.TruncatedQR(a, rank=5).P[:5])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_by_its_column(backend, value):
    a = gaussian(8, 6, "f")
    a[3, 4] = value
    x = backend.array(a)
    for function in (
        rr.qr_truncated,
        rr.TruncatedQR,
        rr.interpolative_decomposition,
        rr.select_columns,
        rr.range_finder,
    ):
        with pytest.raises(ValueError, match="column 4 holds"):
            function(x)
    with pytest.raises(ValueError, match="column 4 holds"):
        rr.TallQR(x)


def test_integers_are_refused(backend):
    if backend.library == "numpy":
        pytest.skip("NumPy's integers are taken as numbers of double precision, as in SciPy")
    x = backend.array(np.arange(6).reshape(2, 3))
    with pytest.raises(TypeError, match=r"a must be of a floating dtype, got .*int\d\d; convert it"):
        rr.qr_truncated(x)
    with pytest.raises(TypeError, match="rows must be of a floating dtype"):
        rr.TallQR(x)


@np.errstate(over="ignore", under="ignore")  # of array-api-strict, which is NumPy
def test_entries_at_the_ends_of_the_range(backend):
    for scale in (1e-30, 1e30):
        a = (decaying(30, 12, "f") * np.float32(scale)).astype("f")
        found, expected = (
            rr.interpolative_decomposition(backend.array(a), rank=4),
            rr.interpolative_decomposition(a, rank=4),
        )
        assert np.array_equal(backend.ndarray(found.columns), expected.columns)
        assert np.isclose(found.error / scale, expected.error / scale, rtol=1e-4)
        values = np.linalg.svd(a.astype("d"), compute_uv=False)
        assert np.allclose(
            backend.ndarray(rr.randomized_svd(backend.array(a), 3, rng=0).s) / scale, values[:3] / scale, rtol=1e-3
        )


def test_results_show_themselves_in_notebooks(backend):
    """Those of the host as its own do; of a factor on another device notebooks show the repr."""
    a = backend.array(decaying(12, 8, np.dtype("f")))
    results = [rr.interpolative_decomposition(a, rank=3), rr.select_columns(a, 3), rr.randomized_svd(a, 3, rng=0)]
    for result in results:
        text = result._repr_html_()
        assert text.startswith(f"<div><strong>{type(result).__name__}</strong>")
        assert ">0, 1, 2<" in text or "columns" not in text
    factor = rr.TruncatedQR(a, rank=3)
    if backend.on_host:
        assert factor._repr_html_() == rr.TruncatedQR(backend.ndarray(a), rank=3)._repr_html_()
    else:
        assert factor._repr_html_ is None
        with pytest.raises(ValueError, match="a must be on the CPU for plot"):
            factor.plot()
