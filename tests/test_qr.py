"""`qr` is a drop-in for `scipy.linalg.qr`: compared with it, call by call."""

import inspect
import itertools

import numpy as np
import pytest
import scipy
import scipy.linalg
import scipy.sparse
from matrices import ZOO, gaussian
from measures import THRESHOLD, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack import qr

pytestmark = pytest.mark.skipif(
    tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 17),
    reason="the model is qr of SciPy 1.17; older ones differ in stacks, empty matrices and refusals",
)

MODES = ("full", "qr", "r", "economic", "raw")
SHAPES = [(5, 3), (3, 5), (4, 4), (1, 4), (4, 1), (1, 1), (0, 3), (3, 0), (0, 0), (2, 5, 3), (2, 3, 3, 5), (2, 1, 4)]
# SciPy fails on stacks in mode 'raw': they have a test of their own
CASES = [(shape, mode) for shape in SHAPES for mode in MODES if len(shape) == 2 or mode != "raw"]


def flat(result):
    """The arrays of a result, whatever it is wrapped in."""
    return [x for part in result for x in flat(part)] if isinstance(result, tuple | list) else [result]


def assert_same(found, expected):
    """Equal shapes, dtypes and integers; other values to a small multiple of rounding."""
    found, expected = flat(found), flat(expected)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert type(ours) is type(theirs)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
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


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0)])
@pytest.mark.parametrize("mode", ["full", "economic", "r"])
def test_a_stack_of_empty_matrices_gives_what_scipy_gives(shape, mode):
    a = np.zeros(shape)
    assert_same(qr(a, mode=mode, pivoting=True), scipy.linalg.qr(a, mode=mode, pivoting=True))


def test_a_stack_in_raw_form_holds_the_raw_forms(dtype):
    a = gaussian(6, 3, dtype).reshape(2, 3, 3)
    (compact, tau), r, p = qr(a, mode="raw", pivoting=True)
    for i in range(2):
        assert_same(((compact[i], tau[i]), r[i], p[i]), qr(a[i], mode="raw", pivoting=True))


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


@pytest.mark.parametrize("character", "?bBhHiIlLqQefdgFDG")
@pytest.mark.parametrize("shape", [(4, 3), (0, 3)])
def test_every_numeric_dtype_gives_scipys_dtype_and_values(character, shape):
    a = (9 * np.abs(gaussian(*shape, np.float64))).astype(character)
    for mode, pivoting in itertools.product(("full", "r", "raw"), (False, True)):
        assert_same(qr(a, mode=mode, pivoting=pivoting), scipy.linalg.qr(a, mode=mode, pivoting=pivoting))


@pytest.mark.parametrize(
    "a",
    [
        [[1, 2], [3, 4]],
        [["1", "2"], ["3", "4"]],
        np.array([[1.0, 2.0], [3.0, 5.0]]).view(np.matrix),
        gaussian(3, 2, "f8").astype(object),
        gaussian(4, 3, "f8").astype(">f8"),
        gaussian(4, 3, "c8").astype(">c8"),
    ],
    ids=["list", "digits", "matrix", "object", "big-endian", "big-endian complex"],
)
def test_array_likes_give_what_scipy_gives(a):
    assert_same(qr(a, pivoting=True), scipy.linalg.qr(a, pivoting=True))


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
    before, expected = a.copy(), scipy.linalg.qr(a.copy(), pivoting=True)
    if order != "broadcast":
        a.flags.writeable = not read_only
    assert_same(qr(a, overwrite_a=overwrite, pivoting=True), expected)
    if not overwrite or not a.flags.writeable:
        np.testing.assert_array_equal(a, before)


def test_overwrite_a_works_in_the_memory_of_a_fortran_ordered_matrix(dtype):
    a = np.asfortranarray(gaussian(8, 5, dtype))
    (compact, _), _ = qr(a, overwrite_a=True, mode="raw")
    assert np.shares_memory(a, compact)


def test_the_results_do_not_share_memory_with_an_input_that_is_kept(dtype):
    for a in orders(dtype).values():
        assert not any(np.shares_memory(a, x) for x in flat(qr(a, mode="raw", pivoting=True)))


REFUSED = {
    "one dimension": (np.ones(3), {}),
    "a number": (3.0, {}),
    "None": (None, {}),
    "nothing": ([], {}),
    "ragged": ([[1.0, 2.0], [3.0]], {}),
    "no matrices": (np.ones((0, 2, 2)), {}),
    "no matrices in a stack of stacks": (np.ones((2, 0, 2, 2)), {"pivoting": True}),
    "unknown mode": (np.eye(2), {"mode": "reduced"}),
    "no mode": (np.eye(2), {"mode": None}),
    "NaN": (np.array([[1.0, np.nan]]), {}),
    "infinity": (np.array([[1.0, np.inf]]), {"pivoting": True}),
    "NaN in a stack": (np.full((2, 2, 2), np.nan), {"mode": "r"}),
    "words": ([["a", "b"]], {}),
    "words as objects": (np.array([["a", "b"]], object), {}),
    "records": (np.zeros((2, 2), [("x", "f8"), ("y", "f8")]), {}),
    "sparse": (scipy.sparse.csr_array(np.eye(3)), {}),
    "overwrite_a is a word": (np.eye(2), {"overwrite_a": "yes"}),
    "overwrite_a is a float": (np.eye(2), {"overwrite_a": 1.0}),
}


def refusal(function, a, options):
    """The class of the exception that a call raises, or None."""
    try:
        function(a, **options)
    except Exception as error:
        return type(error)
    return None


@pytest.mark.parametrize("case", REFUSED)
def test_a_call_that_scipy_refuses_is_refused_in_kind(case):
    theirs = refusal(scipy.linalg.qr, *REFUSED[case])
    assert theirs is not None
    assert issubclass(refusal(qr, *REFUSED[case]), theirs)


@pytest.mark.parametrize(
    "options", [{"overwrite_a": None}, {"overwrite_a": 1}, {"pivoting": 1}, {"check_finite": None}], ids=str
)
def test_any_flag_that_scipy_takes_is_taken(options):
    a = gaussian(3, 2, "f8")
    assert_same(qr(a, **options), scipy.linalg.qr(a, **options))


@pytest.mark.parametrize("lwork", [0, 2, -2])
def test_too_small_a_workspace_is_refused_by_name(lwork):
    with pytest.raises(ValueError, match=f"lwork must be at least 3 .* got {lwork}"):
        qr(np.eye(3), lwork=lwork)


@pytest.mark.parametrize("lwork", [None, -1, 3, 1000])
def test_a_sufficient_workspace_changes_nothing(lwork):
    a = gaussian(3, 3, "f8")
    assert_same(qr(a, lwork=lwork), qr(a))


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
