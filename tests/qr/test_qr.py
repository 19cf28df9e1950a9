"""`qr` is a drop-in for `scipy.linalg.qr`: compared with it, call by call."""

import inspect
import itertools
import warnings

import numpy as np
import pytest
import scipy
import scipy.linalg
import scipy.sparse
from matrices import ZOO, gaussian
from measures import THRESHOLD, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack import qr

SCIPY = tuple(map(int, scipy.__version__.split(".")[:2]))
scipy_takes_stacks = pytest.mark.skipif(SCIPY < (1, 16), reason="qr of SciPy 1.15 takes no stacks")

MODES = ("full", "qr", "r", "economic", "raw")
SHAPES = [(5, 3), (3, 5), (4, 4), (1, 4), (4, 1), (1, 1), (0, 3), (3, 0), (0, 0), (2, 5, 3), (2, 3, 3, 5), (2, 1, 4)]
STACKED_MODES = MODES if SCIPY >= (1, 18) else MODES[:-1]  # before, SciPy fails on stacks in mode 'raw'
CASES = [
    pytest.param(shape, mode, marks=[scipy_takes_stacks] if len(shape) > 2 else [])
    for shape in SHAPES
    for mode in (MODES if len(shape) == 2 else STACKED_MODES)
]


def flat(result):
    """The arrays of a result, whatever it is wrapped in."""
    return [x for part in result for x in flat(part)] if isinstance(result, tuple | list) else [result]


def warned(function, a, **options):
    """The result of a call, and of each of its warnings the class and the file that it points at."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(a, **options)
    return result, [(warning.category, warning.filename) for warning in caught]


def order(x):
    """The strides of the dimensions that are longer than 1, if there are elements."""
    return [step for step, length in zip(x.strides, x.shape, strict=True) if length > 1 and x.size]


def assert_same(found, expected):
    """Equal containers, shapes, dtypes, memory orders and integers; other values to a small multiple of rounding."""
    assert type(found) is type(expected)
    found, expected = flat(found), flat(expected)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert type(ours) is type(theirs)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert order(ours) == order(theirs)
        if ours.dtype.kind in "biu":
            np.testing.assert_array_equal(ours, theirs)
        else:
            largest = np.abs(theirs).max(initial=0)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=50 * eps(ours.dtype) * largest)


def test_the_signature_is_scipys():
    ours, theirs = (inspect.signature(f).parameters.values() for f in (qr, scipy.linalg.qr))
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize("pivoting", [False, True])
@pytest.mark.parametrize(("shape", "mode"), CASES, ids=str)
def test_every_shape_mode_and_dtype_gives_what_scipy_gives(shape, mode, pivoting, dtype):
    a = gaussian(int(np.prod(shape[:-1])), shape[-1], dtype).reshape(shape)
    assert_same(qr(a, mode=mode, pivoting=pivoting), scipy.linalg.qr(a, mode=mode, pivoting=pivoting))


@scipy_takes_stacks
@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0)])
@pytest.mark.parametrize("mode", STACKED_MODES)
def test_a_stack_of_empty_matrices_gives_what_scipy_gives(shape, mode):
    a = np.zeros(shape)
    assert_same(qr(a, mode=mode, pivoting=True), scipy.linalg.qr(a, mode=mode, pivoting=True))


@pytest.mark.skipif(SCIPY < (1, 18), reason="before SciPy 1.18 a stack must hold a matrix")
@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3, 4)], ids=str)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pivoting", [False, True])
def test_a_stack_of_no_matrices_gives_what_scipy_gives(shape, mode, pivoting):
    a = np.zeros(shape, int)
    assert_same(qr(a, mode=mode, pivoting=pivoting), scipy.linalg.qr(a, mode=mode, pivoting=pivoting))


@pytest.mark.parametrize("mode", MODES)
def test_a_stack_holds_what_each_matrix_gives(mode, dtype):
    a = gaussian(6, 3, dtype).reshape(2, 3, 3)
    stacks = flat(qr(a, mode=mode, pivoting=True))
    for i in range(2):
        each = flat(qr(a[i], mode=mode, pivoting=True))
        assert_same([stack[i] for stack in stacks], each)


@pytest.mark.parametrize("name", ZOO)
def test_r_and_the_pivots_are_scipys_and_the_residuals_small(name, dtype):
    a = ZOO[name](dtype)
    before = a.copy()
    q, r, p = qr(a, mode="economic", pivoting=True)
    _, r_scipy, p_scipy = scipy.linalg.qr(a, mode="economic", pivoting=True)
    np.testing.assert_array_equal(p, p_scipy)
    assert_same(r, r_scipy)
    assert qr_ratio(a, q, r, p) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD
    np.testing.assert_array_equal(a, before)


DOUBTFUL = {
    "ones": lambda m, n, t: np.ones((m, n), t),
    "signs": lambda m, n, t: np.sign(gaussian(m, n, t).real).astype(t),
    "digits": lambda m, n, t: (np.arange(m * n).reshape(m, n) % 10).astype(t),
    "copies": lambda m, n, t: gaussian(m, n, t)[:, np.arange(n) % 3],
    "rank 3": lambda m, n, t: gaussian(m, 3, t) @ gaussian(n, 3, t).T,
    "tiny numbers": lambda m, n, t: (gaussian(m, n, t) * np.finfo(t).tiny ** 0.5).astype(t),
}


@pytest.mark.parametrize("shape", [(5, 5), (20, 12), (12, 20), (48, 48)])
@pytest.mark.parametrize("name", DOUBTFUL)
def test_pivots_in_doubt_are_those_of_scipy(name, shape, dtype):
    """Where columns tie, or are rounding errors, or are out of the range of squares, LAPACK is asked."""
    a = DOUBTFUL[name](*shape, dtype)
    (r, p), (r_scipy, p_scipy) = (f(a, mode="r", pivoting=True) for f in (qr, scipy.linalg.qr))
    np.testing.assert_array_equal(p, p_scipy)
    np.testing.assert_allclose(r, r_scipy, rtol=0, atol=100 * eps(dtype) * abs(r_scipy[0, 0]))


@pytest.mark.parametrize("shape", [(5, 5), (20, 12), (12, 20)])
@pytest.mark.parametrize("name", DOUBTFUL)
def test_pivots_in_doubt_are_those_of_scipy_in_stacks_too(name, shape, dtype):
    """Between matrices of which no pivot is in doubt, in the same group."""
    m, n = shape
    doubtful, others = DOUBTFUL[name](m, n, dtype), gaussian(30 * m, n, dtype).reshape(30, m, n)
    stack = np.concatenate([others[:13], [doubtful], others[13:], [doubtful]])
    for item, pivots in zip(stack, qr(stack, mode="r", pivoting=True)[1], strict=True):
        np.testing.assert_array_equal(pivots, scipy.linalg.qr(item, mode="r", pivoting=True)[1])


@pytest.mark.parametrize("gap", [1e-8, 1e-9, 3e-10])
def test_norms_that_lapack_downdates_by_most_of_their_digits_are_in_doubt(gap):
    """Columns u + w_j, w_j small and orthogonal to u: once u is eliminated they differ by less than LAPACK knows."""
    stack = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        q = np.linalg.qr(rng.standard_normal((8, 5)))[0]
        a = q[:, :1] + 2e-4 * np.column_stack([0 * q[:, 0], q[:, 1:] * (1 + gap * rng.permutation(4))])
        a[:, 0] *= 2
        stack.append(a)
    expected = [scipy.linalg.qr(a, mode="r", pivoting=True)[1] for a in stack]
    np.testing.assert_array_equal([qr(a, mode="r", pivoting=True)[1] for a in stack], expected)
    np.testing.assert_array_equal(qr(np.array(stack), mode="r", pivoting=True)[1], expected)


@pytest.mark.parametrize("check", [None, "yes", [], 0.5, 2**40])
@pytest.mark.parametrize("n", [4, 120])
def test_check_finite_is_a_truth_value(check, n):
    a = np.eye(n)
    assert qr(a, pivoting=True, check_finite=check)[2].size == n
    a[1, 1] = np.nan
    if check:
        with pytest.raises(ValueError, match="infs or NaNs"):
            qr(a, pivoting=True, check_finite=check)


@pytest.mark.parametrize("character", "?bBhHiIlLqQefdgFDG")
@pytest.mark.parametrize("shape", [(4, 3), (0, 3)])
def test_every_numeric_dtype_gives_scipys_dtype_and_values(character, shape):
    a = (9 * np.abs(gaussian(*shape, np.float64))).astype(character)
    for mode, pivoting in itertools.product(("full", "r", "raw"), (False, True)):
        ours, theirs = (warned(f, a, mode=mode, pivoting=pivoting) for f in (qr, scipy.linalg.qr))
        assert_same(ours[0], theirs[0])
        assert ours[1] == theirs[1]


@pytest.mark.parametrize(
    "a",
    [
        [[1, 2], [3, 4]],
        [["1", "2"], ["3", "4"]],
        np.array([[1.0, 2.0], [3.0, 5.0]]).view(np.matrix),
        gaussian(3, 2, "f8").astype(object),
    ],
    ids=["list", "digits", "matrix", "object"],
)
def test_array_likes_give_what_scipy_gives(a):
    ours, theirs = (warned(f, a, pivoting=True) for f in (qr, scipy.linalg.qr))
    assert_same(ours[0], theirs[0])
    assert ours[1] == theirs[1]


def test_another_byte_order_gives_what_the_native_one_gives(dtype):  # of SciPy 1.18.1 it is garbage
    a = gaussian(4, 3, dtype)
    assert_same(qr(a.astype(dtype.newbyteorder()), pivoting=True), qr(a, pivoting=True))


def orders(dtype):
    """One matrix in every memory layout."""
    a = gaussian(12, 9, dtype)
    unaligned = np.frombuffer(bytearray(b"\0" + a.tobytes()), np.uint8)[1:].view(dtype).reshape(a.shape)
    spread = np.zeros((24, 27), dtype)
    spread[::2, ::3] = a
    return {
        "C": a,
        "F": np.asfortranarray(a),
        "strided": spread[::2, ::3],
        "reversed": a[::-1, ::-1].copy()[::-1, ::-1],
        "unaligned": unaligned,
        "broadcast": np.broadcast_to(a[:1], a.shape),
    }


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("order", orders("f8"))
def test_the_layout_of_the_input_does_not_matter(order, overwrite, read_only, dtype):
    a = orders(dtype)[order]
    before = a.copy()
    if order != "broadcast":
        a.flags.writeable = not read_only
    # SciPy destroys what is read-only, too
    expected = scipy.linalg.qr(a.copy("K"), overwrite_a=overwrite and a.flags.writeable, pivoting=True)
    assert_same(qr(a, overwrite_a=overwrite, pivoting=True), expected)
    if not overwrite or not a.flags.writeable:
        np.testing.assert_array_equal(a, before)


# before SciPy 1.18 it is an accident which of the others lies there
@pytest.mark.parametrize("mode", MODES if SCIPY >= (1, 18) else ["raw"])
@pytest.mark.parametrize("shape", [(8, 5), (5, 8), (2, 8, 5)], ids=str)
@pytest.mark.parametrize("character", "fdFDi")
def test_overwrite_a_leaves_a_result_where_scipy_does(mode, shape, character):
    found = []
    for f in (scipy.linalg.qr, qr) if len(shape) == 2 or SCIPY >= (1, 18) else (qr,):
        a = (9 * gaussian(int(np.prod(shape[:-1])), shape[-1], "f8")).reshape(shape)
        a = a.astype(character, order="F")
        found.append([np.shares_memory(a, x) for x in flat(f(a, overwrite_a=True, mode=mode))])
    assert found[0] == found[-1]
    assert any(found[-1]) == (len(shape) == 2 and character != "i")


def test_the_results_do_not_share_memory_with_an_input_that_is_kept(dtype):
    for a in orders(dtype).values():
        assert not any(np.shares_memory(a, x) for x in flat(qr(a, mode="raw", pivoting=True)))


REFUSED = {
    "one dimension": (np.ones(3), {}),
    "a number": (3.0, {}),
    "None": (None, {}),
    "nothing": ([], {}),
    "ragged": ([[1.0, 2.0], [3.0]], {}),
    "unknown mode": (np.eye(2), {"mode": "reduced"}),
    "no mode": (np.eye(2), {"mode": None}),
    "NaN": (np.array([[1.0, np.nan]]), {}),
    "infinity": (np.array([[1.0, np.inf]]), {"pivoting": True}),
    "NaN in a stack": (np.full((2, 2, 2), np.nan), {"mode": "r"}),
    "words": ([["a", "b"]], {}),
    "words as objects": (np.array([["a", "b"]], object), {}),
    "records": (np.zeros((2, 2), [("x", "f8"), ("y", "f8")]), {}),
    "sparse": (scipy.sparse.csr_array(np.eye(3)), {}),
}
if SCIPY < (1, 16):
    del REFUSED["NaN in a stack"]
if SCIPY == (1, 17):
    REFUSED["no matrices"] = np.ones((0, 2, 2)), {}
    REFUSED["no matrices in a stack of stacks"] = np.ones((2, 0, 2, 2)), {"pivoting": True}


def refusal(function, a, options):
    """The exception that a call raises, or None."""
    try:
        warned(function, a, **options)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("case", REFUSED)
def test_a_call_that_scipy_refuses_is_refused_in_kind_and_in_its_words(case):
    ours, theirs = (refusal(f, *REFUSED[case]) for f in (qr, scipy.linalg.qr))
    assert type(ours) is type(theirs)
    assert theirs is not None
    assert str(theirs) in str(ours)


@pytest.mark.skipif(SCIPY >= (1, 18), reason="SciPy takes a stack of no matrices")
def test_a_stack_of_no_matrices_is_refused():
    with pytest.raises(ValueError, match=r"zero-size batches.*\(2, 0, 2, 2\)"):
        qr(np.ones((2, 0, 2, 2)))


@pytest.mark.parametrize("value", ["yes", "no", 1.0], ids=repr)
def test_nothing_but_a_truth_value_allows_to_overwrite(value):
    with pytest.raises(TypeError, match=f"overwrite_a must be True or False, got {value!r}"):
        qr(np.eye(2, order="F"), overwrite_a=value)


@pytest.mark.parametrize(
    "options", [{"overwrite_a": None}, {"overwrite_a": 1}, {"pivoting": 1}, {"check_finite": None}], ids=str
)
def test_any_flag_that_scipy_takes_is_taken(options):
    a = gaussian(3, 2, "f8")
    assert_same(qr(a, **options), scipy.linalg.qr(a, **options))


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (2, 3, 3)], ids=str)
@pytest.mark.parametrize("lwork", [0, 2, 3, 4, -2, -1, 1000, None], ids=str)
def test_a_workspace_is_refused_warned_of_or_ignored_as_by_scipy(lwork, shape):
    if SCIPY < (1, 16) and len(shape) > 2:
        pytest.skip("qr of SciPy 1.15 takes no stacks")
    a = gaussian(int(np.prod(shape[:-1])), shape[-1], "f8").reshape(shape)
    theirs = refusal(scipy.linalg.qr, a, {"lwork": lwork})
    if theirs is None:
        ours, theirs = (warned(f, a, lwork=lwork) for f in (qr, scipy.linalg.qr))
        assert_same(ours[0], qr(a))
        assert ours[1] == theirs[1]
    else:
        words = str(theirs) if SCIPY >= (1, 18) else f"lwork must be at least {shape[-1]}"  # theirs are of the wrapper
        with pytest.raises(ValueError, match=f"{words}.*"):
            qr(a, lwork=lwork)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("pivoting", [False, True])
def test_unchecked_nan_and_infinity_give_what_scipy_gives(value, pivoting, dtype):
    a = gaussian(5, 4, dtype)
    a[3, 2] = value
    found, expected = (flat(f(a, pivoting=pivoting, check_finite=False)) for f in (qr, scipy.linalg.qr))
    for ours, theirs in zip(
        found[1:], expected[1:], strict=True
    ):  # R and the pivots; where a sum of Q meets NaN is free
        np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    assert not np.isfinite(found[0]).all()
    assert not np.isfinite(found[1]).all()
