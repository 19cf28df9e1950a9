"""`PCA`: the singular vectors of the centred data, whatever form the data has and in whatever pieces it comes."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import gaussian
from measures import THRESHOLD, eps, orthogonality_ratio
from operands import OPERANDS
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from rrqr_lapack import PCA


def data(m, n, dtype, seed=0, mean=3.0):
    """Singular values that fall as 0.8^j around a mean that is no multiple of the ones."""
    k = min(m, n)
    a = gaussian(m, k, "c16" if np.dtype(dtype).kind == "c" else "f8", seed) * 0.8 ** np.arange(k)
    rotation = np.linalg.qr(gaussian(n, k, a.dtype, seed + 1))[0].T
    return (a @ rotation + mean * np.linspace(0.5, 1.5, n)).astype(dtype)


def reference(x):
    """Mean, singular values and right singular vectors of the centred rows, in double."""
    x = x.astype(np.result_type(x, "f8"))
    _, s, vh = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return x.mean(axis=0), s, vh


def error_of(x, pca):
    """||X - 1 mu - Z C||_F in double."""
    x, c = (y.astype(np.result_type(y, "f8")) for y in (x, pca.components_))
    centred = x - x.mean(axis=0)
    return np.linalg.norm(centred - (centred @ c.conj().T) @ c)


def streamed(pca, x, rows):
    for start in range(0, x.shape[0], rows):
        pca.partial_fit(x[start : start + rows])
    return pca


@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("shape", [(200, 30), (90, 70), (40, 120)], ids=str)
def test_every_form_of_the_data_has_the_same_components(operand, shape, dtype):
    x = data(*shape, dtype)
    mean, s, vh = reference(x)
    pca = PCA(4, power=4, rng=0).fit(OPERANDS[operand](x))
    tolerance = 1e3 * eps(dtype) * np.linalg.norm(x) / s[3]
    assert pca.components_.dtype == dtype
    assert pca.mean_.dtype == np.result_type(dtype, "f8")
    np.testing.assert_allclose(pca.mean_, mean, atol=10 * eps(dtype) * np.abs(x).max())
    np.testing.assert_allclose(pca.singular_values_, s[:4], atol=tolerance)
    np.testing.assert_allclose(np.abs((pca.components_ @ vh[:4].conj().T).diagonal()), 1, atol=tolerance)
    assert orthogonality_ratio(pca.components_.conj().T) <= THRESHOLD
    assert pca.n_samples_seen_, pca.n_features_in_ == shape


@pytest.mark.parametrize("rank", [None, 6])
@pytest.mark.parametrize("operand", ["C order", "CSR", "CSC"])
@pytest.mark.parametrize("rows", [1, 7, 50, 300])
def test_a_stream_is_the_same_in_all_pieces(rows, operand, rank, dtype):
    x = data(150, 40, dtype)
    one, many = PCA(rank, rng=0).partial_fit(x), PCA(rank, rng=0)
    for start in range(0, len(x), rows):
        many.partial_fit(OPERANDS[operand](x[start : start + rows]))
    tolerance = 1e3 * eps(dtype) * np.linalg.norm(x)
    np.testing.assert_allclose(many.mean_, one.mean_, atol=100 * eps(dtype) * np.abs(x).max())
    np.testing.assert_allclose(many.singular_values_[:6], one.singular_values_[:6], atol=tolerance)
    np.testing.assert_allclose(many.components_[:3], one.components_[:3], atol=tolerance)
    assert many.n_samples_seen_ == 150


def test_a_stream_without_a_rank_is_exact_to_rounding(dtype):
    x = data(150, 40, dtype)
    _, s, _ = reference(x)
    pca = streamed(PCA(), x, 17)
    np.testing.assert_allclose(pca.singular_values_, s, atol=100 * eps(dtype) * np.linalg.norm(x))
    assert pca.error_kind == "exact"
    assert pca.error == 0
    assert pca.n_components_ == 40


@pytest.mark.parametrize("rtol", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("fit", [PCA.fit, PCA.partial_fit])
def test_a_tolerance_takes_as_few_components_as_it_can(fit, rtol, dtype):
    x = data(150, 40, dtype)
    _, s, _ = reference(x)
    pca = fit(PCA(rtol=rtol), x)
    assert pca.n_components_ == int(np.argmax(np.sqrt(np.cumsum(s[::-1] ** 2))[::-1] <= rtol * np.linalg.norm(s)))
    assert error_of(x, pca) <= rtol * np.linalg.norm(s) * (1 + 1e-3)
    np.testing.assert_allclose(pca.explained_variance_ratio_.sum(), 1, atol=rtol**2 * 1.01)
    np.testing.assert_allclose(fit(PCA(atol=rtol * np.linalg.norm(s)), x).n_components_, pca.n_components_, atol=1)


def test_the_mean_error_of_a_sketched_stream_is_within_its_bound():
    """The variance left out before truncation, over 40 seeds; and what each run states is an upper bound."""
    x = data(150, 60, "f8")
    _, s, _ = reference(x)
    rank, kept = 5, 12
    left = []
    for seed in range(40):
        pca = streamed(PCA(rank, oversample=kept - rank, rng=seed), x, 40)
        assert pca.error_kind == "bound"
        assert error_of(x, pca) <= pca.error <= 2 * error_of(x, pca)
        assert (pca.singular_values_ <= s[:rank] * (1 + 1e-12)).all()
        left.append(pca.error**2)
    bound = min((1 + k / (kept - k - 1)) * (s[k:] ** 2).sum() for k in range(kept - 1)) + (s[rank:kept] ** 2).sum()
    assert (s[rank:] ** 2).sum() <= np.mean(left) <= bound


@pytest.mark.parametrize(
    ("form", "kind"), [(np.asarray, "bound"), (sparse.csr_array, "bound"), (aslinearoperator, "estimate")]
)
def test_the_error_of_a_randomized_fit_is_at_most_its_bound(form, kind, dtype):
    x = data(200, 100, dtype)
    for power in (0, 1):
        pca = PCA(5, oversample=5, power=power, rng=0).fit(form(x))
        true = error_of(x, pca)
        assert pca.error_kind == kind
        assert true <= pca.error_bound * (1 + 1e-4)
        assert true / 2 <= pca.error <= 2 * true


@pytest.mark.parametrize("last", [1.0, 1e-3, 1e-6, 0.0])
@pytest.mark.parametrize("rank", [None, 3, 5])
def test_a_fit_of_few_columns_is_exact_at_any_condition(rank, last, dtype):
    """By the covariance where that has the digits, otherwise by a QR factorization."""
    s = np.r_[np.ones(3), np.full(3, last)]
    rows = gaussian(200, 6, np.result_type(dtype, "f8"))
    x = np.linalg.qr(rows - rows.mean(axis=0))[0] * s @ np.linalg.qr(gaussian(6, 6, rows.dtype, 1))[0] + 2
    x = x.astype(dtype)
    pca = PCA(rank).fit(x)
    atol = 30 * eps(dtype) * np.linalg.norm(x)
    assert pca.error_kind == "exact"
    np.testing.assert_allclose(pca.singular_values_, s[:rank], atol=atol)
    np.testing.assert_allclose(pca.error, np.linalg.norm(s[rank:]) if rank else 0, atol=atol)
    np.testing.assert_allclose(error_of(x, pca), pca.error, atol=atol)
    assert orthogonality_ratio(pca.components_.conj().T) <= THRESHOLD


@pytest.mark.parametrize("mean", [1e3, 1e6])
@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_a_large_mean_does_not_drown_the_variance(form, rank, mean):
    """``X^H X - m mu^H mu`` would lose the squares: (1e6 / 1e-2)^2 eps > 1 for the last of three components."""
    x = data(300, 20, "f8", mean=mean)
    _, s, _ = reference(x)
    whole, stream = PCA(rank, rng=0, power=4).fit(form(x)), streamed(PCA(rank, oversample=12, rng=0), form(x), 30)
    for pca in (whole, stream):
        np.testing.assert_allclose(pca.singular_values_[:3], s[:3], rtol=1e-2 if rank else 1e-7)


def far_from_zero(dtype, shape, seed=0):
    """Three directions in noise, as far from zero as leaves two digits of the spread in single precision."""
    rng = np.random.default_rng(seed)
    spread = 10 * rng.standard_normal(shape) + 30 * rng.standard_normal((shape[0], 3)) @ rng.standard_normal(
        (3, shape[1])
    )
    return (spread + (0.2 if eps(dtype) > 1e-10 else 1e-4) / eps(dtype)).astype(dtype)


@pytest.mark.parametrize("shape", [(60, 400), (400, 60), (1000, 20)], ids=str)
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("fit", [PCA.fit, lambda pca, x: streamed(pca, x, 13)], ids=["fit", "stream"])
def test_data_far_from_zero_is_centred_before_its_spread_is_lost(fit, form, shape, dtype):
    """A difference of products would lose the spread: components were 5.8 times as far off as the best."""
    x = far_from_zero(dtype, shape)
    pca = fit(PCA(3, oversample=30, rng=0), form(x))
    wide = x.astype(np.result_type(dtype, "f8")) - x[0].astype(np.result_type(dtype, "f8"))
    centred = wide - wide.mean(axis=0)
    _, s, _ = np.linalg.svd(centred, full_matrices=False)
    c = pca.components_.astype(wide.dtype)
    true = np.linalg.norm(centred - centred @ c.conj().T @ c)
    assert true <= pca.error_bound * (1 + 10 * eps(dtype))
    assert true <= 1.01 * np.linalg.norm(s[3:])
    np.testing.assert_allclose(pca.singular_values_, s[:3], rtol=2e-2)
    np.testing.assert_allclose(pca.mean_ - x[0], wide.mean(axis=0), atol=1e-2)
    scores = pca.transform(form(x))
    np.testing.assert_allclose(scores, centred @ c.conj().T, atol=1e-3 * np.abs(scores).max() + 1e-2)
    left = (x - pca.inverse_transform(scores)).astype(wide.dtype)
    np.testing.assert_allclose(np.linalg.norm(left), true, rtol=1e-2)


def test_a_sparse_column_with_a_zero_spreads_as_far_as_its_mean(dtype):
    x = far_from_zero(dtype, (60, 40))
    x[7, 5], x[3, 11] = 0, 0
    dense, thin = PCA(4, rng=0).fit(x), PCA(4, rng=0).fit(sparse.csr_array(x))
    np.testing.assert_allclose(thin.singular_values_[:2], dense.singular_values_[:2], rtol=1e3 * eps(dtype))
    np.testing.assert_allclose(thin.mean_, dense.mean_, rtol=10 * eps("f8"))


@pytest.mark.parametrize("scale", [1e200, 1e-160, 1e-300])
@pytest.mark.parametrize("fit", [PCA.fit, lambda pca, x: streamed(pca, x, 13)], ids=["fit", "stream"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_constant_data_of_any_size_has_no_variance(form, fit, scale):
    pca = fit(PCA(2, rng=0), form(np.full((40, 30), scale)))
    np.testing.assert_array_equal(pca.singular_values_, 0)
    assert pca.noise_variance_ == pca.error == 0
    np.testing.assert_allclose(pca.mean_, scale)


def test_variances_are_those_of_scikit_learn():
    """explained_variance_ = s^2 / (M - 1), its ratio to the total, and the mean of the rest."""
    x = data(100, 12, "f8")
    variances = np.linalg.eigvalsh(np.cov(x.T))[::-1]
    pca = PCA(4).fit(x)
    np.testing.assert_allclose(pca.explained_variance_, variances[:4])
    np.testing.assert_allclose(pca.explained_variance_ratio_, variances[:4] / variances.sum())
    np.testing.assert_allclose(pca.noise_variance_, variances[4:].mean())
    assert PCA().fit(x).noise_variance_ == 0
    np.testing.assert_array_equal(PCA(4).fit_transform(x), pca.transform(x))


@pytest.mark.parametrize("operand", OPERANDS)
def test_scores_are_products_with_the_centred_rows(operand, dtype):
    x = data(60, 30, dtype)
    pca = PCA(7, rng=0).fit(x)
    scores = pca.transform(OPERANDS[operand](x))
    atol = 100 * eps(dtype) * np.linalg.norm(x)
    np.testing.assert_allclose(scores, (x - pca.mean_) @ pca.components_.conj().T, atol=atol)
    assert scores.dtype == dtype
    back = pca.inverse_transform(scores)
    np.testing.assert_allclose(np.linalg.norm(x - back), error_of(x, pca), rtol=1e-2, atol=atol)


def test_the_largest_entry_of_each_component_is_positive(dtype):
    components = PCA(5, rng=0).fit(data(60, 30, dtype)).components_
    largest = components[np.arange(5), np.abs(components).argmax(axis=1)]
    np.testing.assert_allclose(largest, np.abs(largest), atol=10 * eps(dtype))


@given(
    pieces=st.lists(st.integers(0, 9), min_size=1, max_size=8),
    rank=st.one_of(st.none(), st.integers(0, 6)),
    constant=st.booleans(),
)
def test_streams_of_any_pieces_are_components_of_their_rows(pieces, rank, constant):
    """Also of no rows, of fewer rows than components, and of rows without variance."""
    x = np.full((sum(pieces), 6), 2.5) if constant else data(max(sum(pieces), 1), 6, "f8")[: sum(pieces)]
    pca = PCA(rank, oversample=2, rng=0)
    for start, end in zip(np.cumsum([0, *pieces]), np.cumsum(pieces), strict=False):
        pca.partial_fit(x[start:end])
    assert pca.n_samples_seen_ == len(x)
    assert pca.n_components_ <= min(6 if rank is None else rank, len(x))
    assert orthogonality_ratio(pca.components_.T) <= THRESHOLD
    if len(x):
        np.testing.assert_allclose(pca.mean_, x.mean(axis=0), atol=1e-12)
        assert error_of(x, pca) <= pca.error + 1e-6 * np.linalg.norm(x)
        assert np.isfinite(pca.explained_variance_ratio_).all()


def test_large_sparse_data_is_never_dense():
    """As an array it would take 80 GB. The stream sees 10 blocks, of which only a sketch is kept."""
    x = sparse.random_array((200_000, 50_000), density=2e-6, rng=np.random.default_rng(0), format="csr")
    whole = PCA(3, oversample=5, power=1, rng=0).fit(x)
    stream = streamed(PCA(3, oversample=5, rng=0), x, 20_000)
    total = np.sqrt(sparse.linalg.norm(x) ** 2 - 200_000 * np.linalg.norm(whole.mean_) ** 2)
    for pca in (whole, stream):
        np.testing.assert_allclose(np.hypot(np.linalg.norm(pca.singular_values_), pca.error), total, rtol=1e-6)


def test_one_sample_has_no_variance(dtype):
    pca = PCA().fit(np.ones((1, 4), dtype))
    np.testing.assert_array_equal(pca.singular_values_, 0)
    np.testing.assert_array_equal(pca.explained_variance_ratio_, 0)
    np.testing.assert_array_equal(pca.mean_, 1)


def results(pca):
    return [pca.mean_, pca.singular_values_, np.array(pca.error), np.array(pca.error_bound)]


@pytest.mark.parametrize("share", [-0.9, -0.5, 0.5, 0.9])
@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("shape", [(150, 40), (900, 6)], ids=str)
@pytest.mark.parametrize("find", [PCA.fit, lambda pca, x: streamed(pca, x, 47)], ids=["fit", "stream"])
def test_data_times_a_power_of_two_scales_the_results_and_nothing_else(find, shape, rank, share, dtype):
    """The share is that of the largest exponent; squares over- and underflow from a half on."""
    x, scale = data(*shape, dtype), 2.0 ** round(share * np.finfo(dtype).maxexp)
    one, other = find(PCA(rank, rng=0), x), find(PCA(rank, rng=0), x * np.dtype(dtype).type(scale))
    atol = 100 * eps(dtype)
    for expected, found in zip(results(one), results(other), strict=True):
        np.testing.assert_allclose(found / scale, expected, atol=atol * np.abs(expected).max())
    np.testing.assert_allclose(other.components_[:3], one.components_[:3], atol=atol)
    np.testing.assert_allclose(other.explained_variance_ratio_, one.explained_variance_ratio_, atol=atol)


@pytest.mark.parametrize("exponents", [(-600, 600), (600, -600), (-1000, 0)], ids=str)
def test_a_stream_takes_blocks_of_any_size_one_after_the_other(exponents):
    """Of the smaller rows nothing is left; but for their mean the larger would be all that there is."""
    first, second = (data(60, 20, "f8", mean=0) * 2.0**exponent for exponent in exponents)
    pca = PCA(3, rng=0).partial_fit(np.zeros((1, 20))).partial_fit(first).partial_fit(second)
    large = max(exponents)
    expected = PCA(3, rng=0).partial_fit(np.vstack([np.zeros((1, 20)), first, second]) * 2.0**-large)
    np.testing.assert_allclose(pca.singular_values_ * 2.0**-large, expected.singular_values_, rtol=1e-12)


@pytest.mark.parametrize("rank", [None, 3])
def test_what_overflows_is_refused(rank):
    """Of 1e200 no variance is representable, of 1e307 no norm, and of 1e37 none in single precision."""
    x = data(60, 20, "f8")
    for pca in (PCA(rank).fit(x * 1e200), streamed(PCA(rank, rng=0), x * 1e200, 25)):
        for name in ["explained_variance_", "noise_variance_"][: 2 if rank else 1]:
            with pytest.raises(OverflowError, match="the variance of X overflows; scale X down"):
                getattr(pca, name)
    for find in (PCA.fit, PCA.partial_fit):
        with pytest.raises(ValueError, match=r"overflow.*scale X down"):
            find(PCA(rank), x * 1e307)
    with pytest.raises(ValueError, match=r"overflow.*scale X down"):
        streamed(PCA(rank), np.tile(x * 1e37, (90, 1)).astype("f4"), 60).transform(x)


def test_to_fit_again_is_to_forget():
    pca = PCA(2, rng=0)
    pca.partial_fit(data(30, 8, "f8"))
    pca.fit(data(50, 5, "f8"))
    assert pca.components_.shape == (2, 5)
    assert repr(pca) == f"<PCA(rank=2, rng=0) of 50 x 5: rank 2, exact error {pca.error:.3g}>"


def test_the_data_is_not_modified(dtype):
    x = data(40, 10, dtype)
    before = x.copy()
    x.setflags(write=False)
    PCA(2, rng=0).fit(x).transform(x)
    streamed(PCA(2, rng=0), x, 9)
    np.testing.assert_array_equal(x, before)


def test_nothing_is_known_before_data_is_seen():
    assert not hasattr(PCA(), "components_")
    assert repr(PCA()) == "PCA()"
    with pytest.raises(AttributeError, match="call fit or partial_fit first"):
        PCA().transform(np.ones((3, 2)))


BAD = [
    (lambda x: PCA(9).fit(x), ValueError, "rank must be between 0 and 8 for this matrix, got 9"),
    (lambda x: PCA(9).partial_fit(x), ValueError, "rank must be between 0 and 8 for this matrix, got 9"),
    (lambda x: PCA(2.5).fit(x), TypeError, "rank must be an integer or None, got 2.5"),
    (lambda x: PCA(rtol=-1).fit(x), ValueError, "rtol must be finite and at least 0, got -1"),
    (lambda x: PCA(power=None).fit(x), TypeError, "power must be an integer, got None"),
    (
        lambda x: PCA(2).fit(x).transform(x[:, 1:]),
        ValueError,
        "X must have 8 columns, as before, got the shape (20, 7)",
    ),
    (lambda x: PCA(2).partial_fit(x).partial_fit(x[:, 1:]), ValueError, "X must have 8 columns, as before"),
    (lambda x: PCA(2).partial_fit(x).partial_fit(1j * x), ValueError, "X must be real, as the first block was"),
    (
        lambda x: PCA(2).fit(x).partial_fit(x),
        ValueError,
        "partial_fit must see every block, but fit was given all rows",
    ),
    (
        lambda x: PCA(2).partial_fit(aslinearoperator(x)),
        TypeError,
        "X must be an array or sparse array for partial_fit, got a LinearOperator",
    ),
    (lambda x: PCA(2).fit(np.where(x > 1, np.nan, x)), ValueError, "X must be finite, but column"),
    (lambda x: PCA(2).partial_fit(np.where(x > 1, np.inf, x)), ValueError, "X must be finite, but column"),
    (lambda x: PCA(2).fit(x[0]), ValueError, "X must have 2 dimensions, got 1"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[row[2] for row in BAD])
def test_a_bad_argument_is_named(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call(data(20, 8, "f8", mean=0.0))
