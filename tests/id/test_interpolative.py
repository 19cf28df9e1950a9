"""The drop-in for scipy.linalg.interpolative: SciPy's conventions, and right where SciPy is not."""

import inspect
import itertools

import numpy as np
import pytest
import scipy.linalg.interpolative as theirs
from matrices import algebraic, gaussian, geometric, kahan, rank_deficient, relu, with_singular_values
from measures import eps
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from rrqr_lapack import interpolative as ours
from rrqr_lapack import interpolative_decomposition

FORMS = {"array": np.asarray, "sparse": sparse.csr_array, "operator": aslinearoperator}
M, N = 150, 120


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def form(request):
    """An array, sparse, and an operator."""
    return request.param


@pytest.fixture(params=[False, True], ids=["greedy", "random"])
def rand(request):
    """Whether on a sketch."""
    return request.param


def norm(a):
    """||A||_F of any scale, in double."""
    size = float(np.abs(a).max(initial=0)) or 1.0
    return float(np.linalg.norm(a.astype(np.result_type(a, np.float64)) / size)) * size


def column_errors(a, idx, proj):
    """Norms of the columns of A[:, idx[k:]] - A[:, idx[:k]] proj."""
    k = len(proj)
    return np.linalg.norm(a[:, idx[k:]] - a[:, idx[:k]] @ proj, axis=0)


def test_there_is_every_function_of_scipys():
    deprecated = {"rand", "seed"}  # still names in SciPy 1.15 and 1.16
    assert sorted(ours.__all__) == sorted(set(theirs.__all__) - deprecated)


@pytest.mark.parametrize("name", ours.__all__)
def test_it_takes_the_arguments_of_scipys(name):
    def positional(module):
        parameters = inspect.signature(getattr(module, name)).parameters.values()
        return [(p.name, p.default) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    assert positional(ours) == positional(theirs)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("goal", [1e-3, 9, 9.0, np.int64(9)])
def test_it_returns_what_scipys_does(goal, rand, dtype):
    """The same types and dimensions, and nearly the same error; greedily the same columns.

    Square, because SciPy 1.17 fails on operators that are not."""
    a = algebraic(50, 50, dtype)
    for form in (np.ascontiguousarray, aslinearoperator):
        mine, reference = (module.interp_decomp(form(a), goal, rand=rand, rng=0) for module in (ours, theirs))
        assert len(mine) == len(reference)
        for x, y in zip(mine, reference, strict=True):
            assert type(x) is type(y)
            assert isinstance(x, int) or (x.dtype == y.dtype and x.ndim == y.ndim)
        errors = [np.linalg.norm(column_errors(a, *result[-2:])) for result in (mine, reference)]
        assert errors[0] <= 1.5 * errors[1]
        assert np.array_equal(np.sort(mine[-2]), np.arange(50))
        if not rand and form is np.ascontiguousarray:
            k = len(mine[-1])
            assert k == len(reference[-1])
            np.testing.assert_array_equal(mine[-2][:k], reference[-2][:k])
        mine, reference = (module.svd(form(a), goal, rand=rand, rng=0) for module in (ours, theirs))
        for x, y in zip(mine, reference, strict=True):
            assert (type(x), x.dtype, x.ndim) == (type(y), y.dtype, y.ndim)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_what_is_made_of_a_decomposition_is_what_scipys_makes_of_it(dtype):
    a = algebraic(40, 30, dtype)
    k, idx, proj = ours.interp_decomp(a, 1e-2, rand=False)
    b = ours.reconstruct_skel_matrix(a, k, idx)
    np.testing.assert_array_equal(b, theirs.reconstruct_skel_matrix(a, k, idx))
    np.testing.assert_array_equal(
        ours.reconstruct_interp_matrix(idx, proj), theirs.reconstruct_interp_matrix(idx, proj)
    )
    expected = theirs.reconstruct_matrix_from_id(b, idx, proj)
    np.testing.assert_allclose(ours.reconstruct_matrix_from_id(b, idx, proj), expected, rtol=0, atol=1e-13)
    u, s, v = ours.id_to_svd(b, idx, proj)
    np.testing.assert_allclose(s, theirs.id_to_svd(b, idx, proj)[1], rtol=0, atol=1e-13)
    np.testing.assert_allclose(u * s @ v.conj().T, expected, rtol=0, atol=1e-13)


def test_a_rank_gives_so_many_columns_and_every_dtype_is_kept(form, rand, dtype):
    a = relu(M, N, dtype)
    for k in (1, 7, 40):
        idx, proj = ours.interp_decomp(form(a), k, rand=rand, rng=0)
        assert (idx.dtype, proj.dtype, proj.shape) == (np.int64, dtype, (k, N - k))
        assert np.array_equal(np.sort(idx), np.arange(N))
        basis = np.linalg.qr(a[:, idx[:k]])[0]
        least = np.linalg.norm(a - basis @ (basis.conj().T @ a))
        assert np.linalg.norm(column_errors(a, idx, proj)) <= (1 + 1e-4 if form is np.asarray else 2) * least


@pytest.mark.parametrize("goal", [0.1, 1e-3, 1e-5])
def test_a_precision_is_met(form, rand, goal, dtype):
    a = geometric(M, N, dtype, last=1e-6 if eps(dtype) > 1e-10 else 1e-9)
    for seed in range(3):
        k, idx, proj = ours.interp_decomp(form(a), goal, rand=rand, rng=seed)
        assert type(k) is int
        assert proj.shape == (k, N - k)
        slack = 1 + 1e4 * eps(dtype) / goal
        assert column_errors(a, idx, proj).max(initial=0) <= goal * np.linalg.norm(a, axis=0).max() * slack


@pytest.mark.parametrize("function", ["interp_decomp", "svd"])
def test_rank_and_precision_together(form, rand, function):
    a = algebraic(M, N, "f8")
    call = getattr(ours, function)
    assert len(call(form(a), 1e-9, rand=rand, rng=0, rank=5)[1]) == (N if function == "interp_decomp" else 5)
    result = call(form(a), 1e-9, rand=rand, rng=0, rank=5)
    assert (result[0] if function == "interp_decomp" else len(result[1])) == 5
    result = call(form(a), 0.5, rand=rand, rng=0, rank=100)
    assert (result[0] if function == "interp_decomp" else len(result[1])) < 20


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("goal", [10, 0.05])
def test_random_means_random_and_a_seed_repeats_it(form, goal):
    m, n = (400, 300) if form is np.asarray else (300, N)  # a smaller array is not sketched
    a = form(algebraic(m, n, "f8"))
    chosen = {tuple(ours.interp_decomp(a, goal, rng=seed)[-2][:10]) for seed in range(8)}
    assert len(chosen) == 8
    first, again = (ours.interp_decomp(a, goal, rng=seed) for seed in (3, np.random.default_rng(3)))
    np.testing.assert_array_equal(first[-2], again[-2])
    np.testing.assert_array_equal(first[-1], again[-1])
    if form is np.asarray:
        first, again = (ours.interp_decomp(a, goal, rand=False, rng=seed) for seed in (1, 2))
        np.testing.assert_array_equal(first[-1], again[-1])


@pytest.mark.parametrize(
    "a",
    [
        np.eye(3, 5),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        np.zeros((0, 0)),
        np.zeros((4, 3)),
        np.ones((1, 1)),
        np.ones((60, 2)),
        np.ones((2, 60)),
        gaussian(20, 12, "f8") * 1e-200,
        gaussian(20, 12, "f8") * 1e200,
        kahan(200, "f8"),
        kahan(200, "f8", angle=0.5),
        kahan(100, "f4"),
        np.arange(12).reshape(3, 4),
        np.eye(4, dtype=bool),
        rank_deficient(30, 20, "c8", rank=4),
    ],
    ids=lambda a: f"{a.shape}-{a.dtype}-{a.sum():.1e}",
)
def test_no_matrix_is_too_hard(a, form, rand):
    """Every rank up to N and every precision gives finite coefficients and the error they promise."""
    dense = a.astype(interpolative_decomposition(a).dtype)
    size, limit = float(np.abs(dense).max(initial=0)) or 1.0, max(eps(dense.dtype), 1e-15)
    for goal in (1e-2, 1e-5, *range(1, min(5, a.shape[1]) + 1), *({a.shape[1] - 1, a.shape[1]} - {0, -1})):
        *_, idx, proj = ours.interp_decomp(form(a), goal, rand=rand, rng=0)
        k = len(proj)
        assert proj.shape == (k, a.shape[1] - k)
        assert np.array_equal(np.sort(idx), np.arange(a.shape[1]))
        assert np.all(np.isfinite(proj))
        b = ours.reconstruct_skel_matrix(form(a), k, idx)
        approximation = ours.reconstruct_matrix_from_id(b, idx, proj) / size
        error = np.linalg.norm(dense / size - approximation)
        values = np.linalg.svd((dense / size).astype("c16"), compute_uv=False)
        assert error <= 50 * np.linalg.norm(values[k:]) + 1e4 * limit * norm(dense / size)
        if goal < 1:
            assert error <= goal * np.sqrt(a.shape[1]) * np.linalg.norm(dense / size, axis=0).max(initial=0)
        u, s, v = ours.id_to_svd(b, idx, proj)
        np.testing.assert_allclose(
            u * (s / size) @ v.conj().T, approximation, rtol=0, atol=1e3 * limit * norm(dense / size)
        )
        if goal <= min(a.shape):
            u, s, v = ours.svd(form(a), goal, rand=rand, rng=0)
            assert np.all(np.isfinite(s))
            assert (u.shape, s.shape, v.shape) == ((a.shape[0], len(s)), (len(s),), (a.shape[1], len(s)))
            assert len(s) == goal or goal < 1
            error = np.linalg.norm(dense / size - u * (s / size) @ v.conj().T)
            assert error <= 50 * np.linalg.norm(values[len(s) :]) + 1e4 * limit * norm(dense / size)
    assert 0 <= ours.estimate_rank(form(a), 1e-5, rng=0) <= min(a.shape)
    assert np.isfinite(ours.estimate_spectral_norm(form(a), rng=0))


def test_huge_coefficients_are_avoided(rand):
    """Greedily, and of the same rank, Kahan's matrix has coefficients of 1e12 and more."""
    for n, dtype in ((100, "f8"), (200, "f8"), (200, "c16"), (60, "f4")):
        a = kahan(n, dtype) * (1 - 100 * eps(dtype) * np.arange(n)).astype(dtype)  # whose columns do not tie
        for k in (n // 2, n - 1):
            proj = ours.interp_decomp(a, k, rand=rand, rng=0)[1]
            assert np.abs(proj).max() <= 2.001


def test_columns_beyond_the_numerical_rank_take_no_part(form, rand, dtype):
    a = rank_deficient(M, N, dtype, rank=4)
    idx, proj = ours.interp_decomp(form(a), 9, rand=rand, rng=0)
    assert proj.shape == (9, N - 9)
    assert np.array_equal(np.any(proj != 0, axis=1), np.arange(9) < 4)
    assert np.linalg.norm(column_errors(a, idx, proj)) <= 1e3 * eps(dtype) * np.linalg.norm(a)


def test_lists_and_integers_are_taken():
    idx, proj = ours.interp_decomp([[1, 2, 4], [1, 2, 4]], 1)
    assert (idx[0], proj.dtype) == (2, np.float64)
    np.testing.assert_allclose(proj, [[0.25, 0.5]])
    assert ours.reconstruct_skel_matrix([[1, 2, 4], [1, 2, 4]], 1, idx).tolist() == [[4], [4]]


def test_the_singular_values_of_a_factorization(form, rand, dtype):
    values = np.geomspace(1, 1e-3, 30)
    a = with_singular_values(M, N, values, dtype)
    u, s, v = ours.svd(form(a), 30, rand=rand, rng=0)
    assert (u.dtype, s.dtype, v.dtype) == (dtype, a.real.dtype, dtype)
    np.testing.assert_allclose(s, values, rtol=0, atol=100 * eps(dtype))
    for q in (u, v):
        np.testing.assert_allclose(q.conj().T @ q, np.eye(30), rtol=0, atol=1e3 * eps(dtype))
    np.testing.assert_allclose(u * s @ v.conj().T, a, rtol=0, atol=100 * eps(dtype))
    for k in (1, 12):
        u, s, v = ours.svd(form(a), k, rand=rand, rng=0)
        assert np.all(np.diff(s) <= 0)
        assert np.linalg.norm(a - u * s @ v.conj().T) <= 5 * np.linalg.norm(values[k:])


def test_the_estimated_norm_is_a_lower_bound_and_near(form, dtype):
    for seed, make in enumerate((gaussian, algebraic, relu, rank_deficient)):
        a = make(M, N, dtype)
        exact = np.linalg.norm(a, 2)
        estimate = ours.estimate_spectral_norm(form(a), rng=seed)
        assert type(estimate) is float
        assert 0.99 * exact <= estimate <= exact * (1 + 10 * eps(dtype))
        steps = [ours.estimate_spectral_norm(form(a), its, rng=seed) for its in (1, 3, 10, 200)]
        assert all(x <= y * (1 + 100 * eps(dtype)) for x, y in itertools.pairwise(steps))
        assert steps[-1] == pytest.approx(exact, rel=100 * eps(dtype))


def test_the_estimated_norm_is_never_below_that_of_the_power_method():
    """||A^H y|| / ||y||, y = (A A^H)^(its - 1) A x from the same start x: as many products."""
    for seed in range(10):
        a = geometric(50, 40, "f8", last=0.5, seed=seed)
        for its in (1, 2, 5, 20):
            y = a @ np.random.default_rng(seed).standard_normal((1, 40))[0]
            for _ in range(its - 1):
                y = a @ (a.T @ y)
            power = np.linalg.norm(a.T @ y) / np.linalg.norm(y)
            assert ours.estimate_spectral_norm(a, its, rng=seed) >= power * (1 - 1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_the_estimated_norm_has_any_scale(form, scale):
    a = gaussian(20, 12, "f8")
    estimate = ours.estimate_spectral_norm(form(a * scale), rng=0)
    assert estimate / scale == pytest.approx(np.linalg.norm(a, 2), rel=1e-10)


def test_the_norm_of_a_difference(form, dtype):
    a, b = gaussian(M, N, dtype), 1j * gaussian(M, N, "f4", seed=5)
    exact = np.linalg.norm(a - b, 2)
    for left, right in ((form(a), form(b)), (a, form(b)), (form(b), a)):
        estimate = ours.estimate_spectral_norm_diff(left, right, rng=0)
        assert 0.99 * exact <= estimate <= exact * (1 + 1e-5)
    assert ours.estimate_spectral_norm_diff(form(a), a, rng=0) <= 100 * eps(dtype) * exact


@pytest.mark.parametrize("precision", [10**-0.55, 10**-2.05, 10**-4.05])
def test_the_estimated_rank_is_the_rank(form, precision, dtype):
    """Counted where no singular value is near the precision."""
    values = np.geomspace(1, 1e-5, 51)
    a = with_singular_values(M, N, values, dtype)
    sizes = np.linalg.svd(a, compute_uv=False)
    assert np.abs(np.log(sizes[:60] / sizes[0] / precision)).min() > 0.05
    estimates = [ours.estimate_rank(form(a), precision, rng=seed) for seed in range(4)]
    expected = int(np.count_nonzero(sizes > precision * sizes[0]))
    assert max(abs(k - expected) for k in estimates) <= (0 if form is np.asarray else 1)
    assert all(type(k) is int for k in estimates)


@pytest.mark.parametrize("function", ["interp_decomp", "svd"])
@pytest.mark.parametrize(
    ("a", "goal", "options", "error", "message"),
    [
        (np.ones((4, 3)), -0.1, {}, ValueError, "eps_or_k must be finite and at least 0"),
        (np.ones((4, 3)), np.nan, {}, ValueError, "eps_or_k must be finite"),
        (np.ones((4, 3)), None, {}, TypeError, "eps_or_k must be a real number"),
        (np.ones((4, 3)), "3", {}, TypeError, "eps_or_k must be a real number"),
        (np.ones((4, 3)), 4, {}, ValueError, "eps_or_k must be at most"),
        (np.ones((4, 3)), 2, {"rank": 2}, ValueError, "rank must be None where eps_or_k is a rank, 2, got 2"),
        (np.ones((4, 3)), 0.1, {"rank": 4}, ValueError, "rank must be between 0 and 3"),
        (np.ones((4, 3), "f4"), 1e-6, {}, ValueError, "eps_or_k must be at least 1.2e-06 for the dtype float32"),
        (np.ones((4, 3), "c8"), 1e-9, {}, ValueError, "eps_or_k must be at least 1.2e-06"),
        (np.ones(3), 1, {}, ValueError, "A must have 2 dimensions, got 1"),
        (np.ones((2, 3, 3)), 1, {}, ValueError, "A must have 2 dimensions, got 3"),
        (np.array([["x"]]), 1, {}, TypeError, "A must be boolean, .* got the dtype <U1"),
        (np.array([[1, np.inf, 2]]), 1, {}, ValueError, "column 1 holds inf"),
        (sparse.csr_array([[1, np.nan, 2]]), 1, {}, ValueError, "A must be finite, but column 1"),
        (LinearOperator((M, N), matvec=lambda x: np.zeros(M), dtype="d"), 1, {}, TypeError, "rmatvec"),
    ],
)
def test_bad_input_is_refused_in_words(function, a, goal, options, error, message):
    with pytest.raises(error, match=message):
        getattr(ours, function)(a, goal, **options)


def test_parts_that_do_not_belong_together_are_refused_in_words():
    b, idx, proj = np.ones((4, 2)), [0, 1, 2], np.ones((2, 1))
    for function in (ours.reconstruct_matrix_from_id, ours.id_to_svd):
        with pytest.raises(ValueError, match="B must have 2 columns"):
            function(b[:, :1], idx, proj)
        with pytest.raises(ValueError, match="idx must hold each index once, got 1 more than once"):
            function(b, [0, 1, 1], proj)
    with pytest.raises(ValueError, match="idx must be a permutation of 3"):
        ours.reconstruct_interp_matrix([0, 1], proj)
    with pytest.raises(ValueError, match="k must be at most the number of columns in idx, 3, got 4"):
        ours.reconstruct_skel_matrix(np.ones((4, 3)), 4, idx)
    with pytest.raises(ValueError, match="same shape"):
        ours.estimate_spectral_norm_diff(b, b.T)
    for its in (0, -1, 2.5, None, True):
        with pytest.raises(ValueError, match="its must be an integer of at least 1"):
            ours.estimate_spectral_norm(b, its)
    with pytest.raises(ValueError, match="eps must be finite and at least 0"):
        ours.estimate_rank(b, -1)


def test_the_input_is_left_alone(form, rand, dtype):
    a = algebraic(60, 50, dtype)
    b = a.copy()
    ours.interp_decomp(form(b), 5, rand=rand, rng=0)
    ours.svd(form(b), 0.1, rand=rand, rng=0)
    ours.estimate_rank(form(b), 1e-3, rng=0)
    np.testing.assert_array_equal(a, b)


WRONG = [
    (lambda: ours.reconstruct_skel_matrix(np.ones(3), 1, [0]), ValueError, "A must have 2 dimensions, got 1"),
    (lambda: ours.reconstruct_skel_matrix(3.0, 1, [0]), ValueError, "A must have 2 dimensions, got 0"),
    (lambda: ours.reconstruct_skel_matrix(np.eye(3), 1, 0), TypeError, "idx must be a vector of integers, got 0"),
    (lambda: ours.reconstruct_skel_matrix(np.eye(3), 2, [0]), ValueError, "k must be at most .* 1, got 2"),
    (lambda: ours.reconstruct_skel_matrix(np.eye(3), None, [0]), TypeError, "k must be an integer, got None"),
    (lambda: ours.reconstruct_interp_matrix([0.0, 1.0], np.ones((1, 1))), TypeError, "idx must be a vector of int"),
    (lambda: ours.reconstruct_interp_matrix([0, 1], np.ones(2)), ValueError, "proj must have 2 dimensions"),
    (lambda: ours.id_to_svd(np.ones(3), [0, 1], np.ones((1, 1))), ValueError, "B must have 2 dimensions"),
    (
        lambda: ours.reconstruct_matrix_from_id(np.ones((3, 1)), [0, 1], sparse.eye_array(1)),
        TypeError,
        "proj must be dense, got a sparse",
    ),
    (lambda: ours.estimate_rank(np.eye(3), None), TypeError, "eps must be a real number, got None"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[row[2] for row in WRONG])
def test_a_wrong_argument_is_called_by_its_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
