"""What the tests measure: LAPACK's residual ratios, brute-force ranks, and how greedy a choice of columns was."""

import numpy as np
import scipy.linalg

# LAPACK's own tests of the QR routines accept ratios up to 30; a sound factorization stays near 1 (measured: below 1).
THRESHOLD = 10


def eps(dtype):
    """The spacing of the numbers of the dtype at 1."""
    return float(np.finfo(dtype).eps)


def _one_norm(a):
    return np.linalg.norm(a, 1) if a.size else 0.0


def _near_one(a, *others, real=np.float64):
    """The arrays in the precision of `real`, divided by the power of two that brings `a` near 1."""
    wide = np.result_type(real, np.complex64 if a.dtype.kind == "c" else np.float32)
    largest = np.maximum(np.abs(a.real), np.abs(a.imag)).max(initial=0)
    exponent = -int(np.frexp(largest)[1]) if np.isfinite(largest) else 0
    half = exponent // 2  # 2^1074 is no double, its root is
    return tuple(x.astype(wide) * 2.0**half * 2.0 ** (exponent - half) for x in (a, *others))


def factor_ratio(a, product):
    """||A - product||_1 / (||A||_1 max(m, n) eps); any finite scale."""
    limit = eps(product.dtype)
    a, product = _near_one(a, product)
    difference, norm = _one_norm(a - product), _one_norm(a)
    return float(difference / (norm * max(a.shape) * limit)) if norm else float(difference)


def qr_ratio(a, q, r, p):
    """||A P - Q R||_1 / (||A||_1 max(m, n) eps)."""
    limit = eps(q.dtype)
    a, r = _near_one(a, r)
    difference, norm = _one_norm(a[:, p] - q @ r), _one_norm(a)
    return float(difference / (norm * max(a.shape) * limit)) if norm else float(difference)


def orthogonality_ratio(q):
    """||Q^H Q - I||_1 / (m eps)."""
    return float(_one_norm(q.conj().T @ q - np.eye(q.shape[1])) / (max(q.shape[0], 1) * eps(q.dtype)))


def full_diagonal(a):
    """|r_jj| of SciPy's full pivoted QR."""
    r, _ = scipy.linalg.qr(a, mode="r", pivoting=True)
    return np.abs(np.diagonal(r))


def rank_by_count(diagonal, rtol=None, atol=None, rank=None):
    """The rule of the package, counted off the |r_jj| of a full factorization."""
    for j, d in enumerate(diagonal):
        stops = d == 0 or (rtol is not None and d / diagonal[0] <= rtol) or (atol is not None and d <= atol)
        if stops or j == rank:
            return j
    return len(diagonal)


def between(diagonal, j):
    """A tolerance that lies clear of rounding between |r_jj| and |r_{j-1,j-1}|."""
    return float(np.sqrt(diagonal[j - 1]) * np.sqrt(diagonal[j]))


def greedy_slacks(a, p, k):
    """(norm of the chosen column) / (largest norm) before each of the first k steps, by explicit projection in a wider
    precision: 1 for perfect greedy pivoting. Fewer than k where nothing is left."""
    (residual,) = _near_one(a[:, p], real=np.float64 if eps(a.dtype) > 1e-10 else np.longdouble)
    slacks = []
    for j in range(k):
        norms = np.sqrt((np.abs(residual[:, j:]) ** 2).sum(axis=0))
        if not norms.max() > 0:
            break
        slacks.append(float(norms[0] / norms.max()))
        q = residual[:, j] / norms[0]
        residual[:, j + 1 :] -= np.outer(q, q.conj() @ residual[:, j + 1 :])
    return np.array(slacks)


def greedy_slack(a, p, k):
    """The least of `greedy_slacks`."""
    return greedy_slacks(a, p, k).min(initial=1)


def assert_same_choices(a, found, expected, k):
    """The first k pivots are equal, but for columns that tie to rounding: their norms differ by no more than 100 eps of
    the longest column of A. After such a tie the rest may differ, and is not compared."""
    different = np.flatnonzero(found[:k] != expected[:k])
    if not len(different):
        return
    j = different[0]
    (wide,) = _near_one(a, real=np.float64 if eps(a.dtype) > 1e-10 else np.longdouble)
    residual, q = wide, wide[:, expected[:j]].copy()
    for i in range(j):
        q[:, i] /= np.sqrt((np.abs(q[:, i]) ** 2).sum())
        q[:, i + 1 :] -= np.outer(q[:, i], q[:, i].conj() @ q[:, i + 1 :])
        residual = residual - np.outer(q[:, i], q[:, i].conj() @ residual)
    norms = np.sqrt((np.abs(residual[:, [found[j], expected[j]]]) ** 2).sum(axis=0))
    longest = np.sqrt((np.abs(wide) ** 2).sum(axis=0)).max()
    message = f"step {j}: column {found[j]} of norm {norms[0]:.9g}, expected {expected[j]} of norm {norms[1]:.9g}"
    assert abs(norms[0] - norms[1]) <= 100 * eps(a.dtype) * longest, message


def assert_same(ours, theirs):
    """Results of two ways to compute the same: integers are equal, all else is to rounding."""
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    if ours.dtype.kind in "fc":
        accuracy = 1e3 * eps(ours.dtype) * np.abs(theirs).max(initial=0)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=accuracy)
    else:
        np.testing.assert_array_equal(ours, theirs)
