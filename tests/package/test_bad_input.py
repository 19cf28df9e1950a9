"""Bad input is refused with the name of the argument, what it was and what is allowed."""

import inspect
import re
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

import rrqr_lapack
from rrqr_lapack import (
    PCA,
    TruncatedQR,
    alternating_least_squares,
    basic_lstsq,
    complete,
    cur,
    generalized_nystrom,
    hold_out,
    interpolative,
    interpolative_decomposition,
    kernel_ridge,
    low_rank_factors,
    nystrom,
    qr_truncated,
    randomized_eigh,
    randomized_svd,
    range_finder,
    rbf,
    row_interpolative_decomposition,
    rpcholesky,
    select_columns,
    soft_impute,
    spectral_embedding,
    strong_rrqr,
    two_sided_interpolative_decomposition,
)

FACTORIZE = [qr_truncated, TruncatedQR, strong_rrqr, interpolative_decomposition]
A = np.random.default_rng(0).standard_normal((6, 5))


def factored(rank=3):
    return TruncatedQR(A, rank=rank)


def assert_refused(error, parts, function, *arguments, **options):
    """The call raises `error` with a message that holds all the parts, in lines short enough to read."""
    with pytest.raises(error) as caught:
        function(*arguments, **options)
    assert type(caught.value) is error
    message = str(caught.value)
    for part in parts:
        assert re.search(part, message), f"{part!r} is missing from {message!r}"
    assert len(message) < 250


every_factorization = pytest.mark.parametrize("factorize", FACTORIZE, ids=lambda f: f.__name__)


@every_factorization
@pytest.mark.parametrize(("a", "ndim"), [(3.0, 0), ([1.0, 2.0], 1), ([], 1), (np.ones(4), 1)], ids=str)
def test_too_few_dimensions(factorize, a, ndim):
    assert_refused(ValueError, [r"\ba\b", "2 dimensions", f"got {ndim}"], factorize, a)


@pytest.mark.parametrize("factorize", FACTORIZE[1:])
def test_a_stack_where_one_matrix_is_expected(factorize):
    assert_refused(ValueError, [r"\ba\b", "2 dimensions", "got 3"], factorize, np.ones((2, 3, 3)))


@every_factorization
@pytest.mark.parametrize(
    ("a", "got"),
    [
        ([["a", "b"]], "<U1"),
        ([["1", "2"]], "<U1"),
        (np.array([[b"1"]]), r"\|S1"),
        (A.astype(object), "object"),
        (None, "object"),
        ([[None, 1.0]], "object"),
        (np.zeros((2, 2), "M8[s]"), "datetime64"),
        (np.zeros((2, 2), "m8[s]"), "timedelta64"),
        (np.zeros((2, 2), [("x", "f8")]), r"\[\('x', '<f8'\)\]"),
    ],
    ids=str,
)
def test_an_array_of_anything_but_numbers(factorize, a, got):
    assert_refused(TypeError, [r"\ba\b", got, "boolean, integer, real or complex"], factorize, a)


@pytest.mark.parametrize("factorize", [qr_truncated, TruncatedQR])
@pytest.mark.parametrize("format", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_a_sparse_matrix(factorize, format, kind):
    a = getattr(scipy.sparse, f"{format}_{kind}")(np.eye(3))
    assert_refused(TypeError, [r"\ba\b", f"sparse {format}_{kind}", r"a\.toarray\(\)"], factorize, a)


@every_factorization
def test_a_masked_array(factorize):
    assert_refused(TypeError, [r"\ba\b", "masked", r"a\.filled\("], factorize, np.ma.masked_less(A, 0))
    factorize(np.ma.masked_array(A))


@every_factorization
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("order", "CF")
def test_the_first_column_that_is_not_finite_is_named(factorize, value, order, dtype):
    for first in (0, 3, 39):
        a = np.ones((50, 40), dtype, order=order)
        a[[49, 0, 20], [first, 39, min(first + 1, 39)]] = value
        before = a.copy()
        parts = [r"\ba\b", rf"column {first} ", str(value).lstrip("-"), "finite"]
        assert_refused(ValueError, parts, factorize, a)
        assert_refused(ValueError, parts, factorize, a, overwrite_a=True)
        np.testing.assert_array_equal(a, before)


@every_factorization
@pytest.mark.parametrize("value", [1 + 1j * np.nan, 1 - 1j * np.inf, complex(np.nan, 0)], ids=str)
def test_either_part_of_a_complex_number_must_be_finite(factorize, value):
    a = np.ones((4, 3), complex)
    a[3, 1] = value
    assert_refused(ValueError, [r"\ba\b", "column 1 "], factorize, a)


def test_the_column_is_named_in_a_stack():
    a = np.ones((2, 3, 4))
    a[1, 2, 3] = np.nan
    assert_refused(ValueError, [r"\ba\b", "column 3 ", "nan"], qr_truncated, a)


@every_factorization
@pytest.mark.parametrize("name", ["rtol", "atol", "tie_tol"])
@pytest.mark.parametrize("value", [-1, -1e-300, np.nan, np.inf, -np.inf], ids=str)
def test_a_negative_or_infinite_tolerance(factorize, name, value):
    assert_refused(
        ValueError, [rf"\b{name}\b", "at least 0", re.escape(f"got {value!r}")], factorize, A, **{name: value}
    )


@every_factorization
@pytest.mark.parametrize("name", ["rtol", "atol", "tie_tol"])
def test_a_tolerance_too_large_for_a_float(factorize, name):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        factorize(A, **{name: 10**400})


@every_factorization
@pytest.mark.parametrize("name", ["rtol", "atol", "tie_tol"])
@pytest.mark.parametrize(
    "value", ["0.1", b"0.1", 1j, np.complex128(1), [0.1], np.array([0.1]), np.array([0.1, 0.2]), {}, object], ids=repr
)
def test_a_tolerance_that_is_no_number(factorize, name, value):
    assert_refused(TypeError, [rf"\b{name}\b", "number", "got "], factorize, A, **{name: value})


@every_factorization
def test_any_real_number_is_a_tolerance(factorize):
    for value in (0, 1, -0.0, 0.5, np.float32(0.5), np.float16(0.5), np.longdouble(0.5), np.int8(0)):
        factorize(A, rtol=value, atol=value)
    for value in (Fraction(1, 2), None):
        factorize(A, rtol=value, atol=value)


@every_factorization
@pytest.mark.parametrize("value", [1, 1.0, 2])
def test_a_tie_that_takes_any_column(factorize, value):
    assert_refused(ValueError, ["tie_tol", "less than 1", f"got {value!r}"], factorize, A, tie_tol=value)


@every_factorization
@pytest.mark.parametrize("value", [-1, 6, 2**31, 2**63, 10**30, np.int64(-3)], ids=str)
def test_a_rank_out_of_range(factorize, value):
    assert_refused(ValueError, [r"\brank\b", "between 0 and 5", f"got {value}"], factorize, A, rank=value)


@every_factorization
@pytest.mark.parametrize(
    "value", [2.0, "2", True, False, np.True_, [2], np.array([2]), 1j, np.nan, np.float64(2)], ids=repr
)
def test_a_rank_that_is_no_integer(factorize, value):
    assert_refused(TypeError, [r"\brank\b", "integer", re.escape(f"got {value!r}")], factorize, A, rank=value)


@pytest.mark.parametrize("value", ["reduced", "", "R", None, 3, ["r"], ("r",), np.array(["r", "full"])], ids=repr)
def test_an_unknown_mode(value):
    parts = [r"\bmode\b", "'economic', 'r', 'raw', 'full'", re.escape(f"got {value!r}")]
    assert_refused(ValueError, parts, qr_truncated, A, mode=value)


@every_factorization
@pytest.mark.parametrize("value", ["geqp3rk", "", "AUTO", None, 0, ["auto"], np.array(["auto", "greedy"])], ids=repr)
def test_an_unknown_driver(factorize, value):
    parts = [r"\bdriver\b", "'auto', 'greedy', 'randomized', 'lapack'", re.escape(f"got {value!r}")]
    assert_refused(ValueError, parts, factorize, A, driver=value)


@pytest.mark.parametrize("value", ["LSTSQ", "", True, False, 0, np.array(["lstsq", "x"])], ids=repr)
def test_an_unknown_refit(value):
    parts = [r"\brefit\b", "None, 'lstsq'", re.escape(f"got {value!r}")]
    assert_refused(ValueError, parts, interpolative_decomposition, A, refit=value)


@every_factorization
def test_options_go_by_name_only(factorize):
    with pytest.raises(TypeError):
        factorize(A, 3)
    with pytest.raises(TypeError):
        factorize(A, tolerance=3)


@pytest.mark.parametrize("value", [0, 2, 6, -1])
def test_extending_to_a_rank_out_of_range(value):
    f = factored()
    assert_refused(ValueError, [r"\brank\b", "between 3 and 5", f"got {value}"], f.extend, rank=value)
    assert f.rank == 3


def test_extending_with_a_bad_tolerance():
    f = factored()
    for name in ("rtol", "atol"):
        assert_refused(ValueError, [name, "at least 0", "got -1"], f.extend, **{name: -1})
        assert_refused(TypeError, [name, "number", "got '1'"], f.extend, **{name: "1"})
    assert_refused(TypeError, [r"\brank\b", "integer", "got 4.0"], f.extend, rank=4.0)
    assert f.rank == 3


@pytest.mark.parametrize("shape", [(), (5,), (0,), (5, 6), (6, 2, 2), (1, 6)], ids=str)
@pytest.mark.parametrize(("method", "name"), [("lstsq", "b"), ("apply_q", "c")])
def test_an_operand_of_the_wrong_shape(method, name, shape):
    parts = [rf"\b{name}\b", r"\(6,\) or \(6, p\)", re.escape(f"got {shape}")]
    assert_refused(ValueError, parts, getattr(factored(), method), np.ones(shape))


@pytest.mark.parametrize("shape", [(), (5,), (6, 5), (2, 2, 6)], ids=str)
def test_an_operand_of_the_wrong_shape_on_the_right(shape):
    parts = [r"\bc\b", r"\(6,\) or \(p, 6\)", re.escape(f"got {shape}")]
    assert_refused(ValueError, parts, factored().apply_q, np.ones(shape), side="right")


@pytest.mark.parametrize(("method", "name"), [("lstsq", "b"), ("apply_q", "c")])
def test_a_complex_operand_of_a_real_matrix(method, name):
    parts = [rf"\b{name}\b", "complex", "real"]
    assert_refused(TypeError, parts, getattr(factored(), method), np.ones(6, complex))


@pytest.mark.parametrize(("method", "name"), [("lstsq", "b"), ("apply_q", "c")])
@pytest.mark.parametrize(
    "value", [["a"] * 6, [None] * 6, scipy.sparse.csr_array(np.ones((6, 1)))], ids=["str", "None", "sparse"]
)
def test_an_operand_that_is_no_array_of_numbers(method, name, value):
    assert_refused(TypeError, [rf"\b{name}\b"], getattr(factored(), method), value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_right_hand_side_that_is_not_finite(value):
    b = np.ones((6, 3))
    b[2, 1] = value
    assert_refused(ValueError, [r"\bb\b", "column 1 ", "finite"], factored().lstsq, b)
    assert_refused(ValueError, [r"\bb\b", "finite"], factored().lstsq, b[:, 1])


@pytest.mark.parametrize("value", ["both", "L", None, 0], ids=repr)
def test_an_unknown_side(value):
    parts = [r"\bside\b", "'left', 'right'", f"got {value!r}"]
    assert_refused(ValueError, parts, factored().apply_q, np.ones(6), side=value)


def test_interpolating_past_the_numerical_rank_says_where_to_stop():
    a = np.outer(np.arange(1.0, 9), np.arange(1.0, 7)) + np.outer(np.ones(8), np.cos(np.arange(6)))
    f = TruncatedQR(a, rank=4)
    parts = ["rank must be at most the numerical rank, 2", "got 4", "rank=2", "interpolative_decomposition"]
    assert_refused(np.linalg.LinAlgError, parts, f.interpolation)


PSD = A.T @ A
SEEN = scipy.sparse.coo_array(A)
DRAWING = {  # each as it is called without need of a random number, if that can be
    "PCA.fit": lambda **options: PCA(**options).fit(A),
    "PCA.partial_fit": lambda **options: PCA(**options).partial_fit(A),
    "TruncatedQR": lambda **options: TruncatedQR(A, **options),
    "basic_lstsq": lambda **options: basic_lstsq(A, A[:, 0], **options),
    "cur": lambda **options: cur(A, columns=[0], rows=[0], **options),
    "generalized_nystrom": lambda **options: generalized_nystrom(A, 2, **options),
    "interpolative_decomposition": lambda **options: interpolative_decomposition(A, **options),
    "interpolative_decomposition of a sparse array": lambda **options: interpolative_decomposition(SEEN, **options),
    "low_rank_factors": lambda **options: low_rank_factors(A, **options),
    "nystrom": lambda **options: nystrom(PSD, landmarks=[0, 1], **options),
    "qr_truncated": lambda **options: qr_truncated(A, **options),
    "qr_truncated of a stack": lambda **options: qr_truncated(A[None], **options),
    "randomized_eigh": lambda **options: randomized_eigh(PSD, **options),
    "randomized_svd": lambda **options: randomized_svd(A, **options),
    "range_finder": lambda **options: range_finder(A, **options),
    "row_interpolative_decomposition": lambda **options: row_interpolative_decomposition(A, **options),
    "rpcholesky": lambda **options: rpcholesky(PSD, pivoting="greedy", **options),
    "select_columns": lambda **options: select_columns(A, 2, **options),
    "spectral_embedding": lambda **options: spectral_embedding(PSD**2, 1, landmarks=[0, 1], **options),
    "strong_rrqr": lambda **options: strong_rrqr(A, **options),
    "two_sided_interpolative_decomposition": lambda **options: two_sided_interpolative_decomposition(A, **options),
}
DRAWING_ONLY = {
    "alternating_least_squares": lambda **options: alternating_least_squares(SEEN, rank=1, **options),
    "complete": lambda **options: complete(SEEN, **options),
    "estimate_rank": lambda **options: interpolative.estimate_rank(A, 0.1, **options),
    "estimate_spectral_norm": lambda **options: interpolative.estimate_spectral_norm(A, **options),
    "estimate_spectral_norm_diff": lambda **options: interpolative.estimate_spectral_norm_diff(A, A, **options),
    "hold_out": lambda **options: hold_out(SEEN, 0.0, **options),
    "interp_decomp": lambda **options: interpolative.interp_decomp(A, 2, rand=False, **options),
    "interpolative.svd": lambda **options: interpolative.svd(A, 2, rand=False, **options),
    "kernel_ridge": lambda **options: kernel_ridge(rbf, A, A[:, 0], shift=1.0, landmarks=[0], **options),
    "soft_impute": lambda **options: soft_impute(SEEN, penalty=1.0, **options),
}


@pytest.mark.parametrize("name", DRAWING | DRAWING_ONLY)
def test_what_seeds_no_generator_is_refused_also_where_none_is_needed(name):
    function = (DRAWING | DRAWING_ONLY)[name]
    parts = [r"\brng\b", "None, an integer of at least 0 or a numpy Generator"]
    assert_refused(TypeError, [*parts, "got 'a'"], function, rng="a")
    assert_refused(TypeError, [*parts, r"got 1\.5"], function, rng=1.5)
    assert_refused(ValueError, [*parts, "got -1"], function, rng=-1)


def options_that_are_true_or_false(where, but=()):
    """(name, option) of every public function and method that has one."""
    functions = {name: getattr(where, name) for name in where.__all__ if name not in but}
    for name, value in list(functions.items()):
        if inspect.isclass(value):
            functions |= {f"{name}.{k}": v for k, v in vars(value).items() if callable(v) and not k.startswith("_")}
    return [
        (name, option)
        for name, function in functions.items()
        if callable(function) and not (inspect.isclass(function) and issubclass(function, Exception))
        for option, parameter in inspect.signature(function).parameters.items()
        if isinstance(parameter.default, bool)
    ]


SQUARE = np.eye(6) + 1
# how those are called that take more than a square matrix
CALLS = {
    "certify": lambda **option: rrqr_lapack.certify(SQUARE, [0], **option),
    "PCA": lambda **option: PCA(2, **option).fit(SQUARE),
    "TruncatedQR.form_q": lambda **option: TruncatedQR(SQUARE).form_q(**option),
    "TruncatedQR.apply_q": lambda **option: TruncatedQR(SQUARE).apply_q(SQUARE, **option),
    "generalized_nystrom": lambda **option: generalized_nystrom(SQUARE, 2, **option),
    "select_columns": lambda **option: select_columns(SQUARE, 2, **option),
    "spectral_embedding": lambda **option: spectral_embedding(SQUARE, 2, **option),
    "interp_decomp": lambda **option: interpolative.interp_decomp(SQUARE, 2, **option),
    "svd": lambda **option: interpolative.svd(SQUARE, 2, **option),
}
FLAGS = options_that_are_true_or_false(rrqr_lapack, but=["qr"]) + options_that_are_true_or_false(interpolative)


@pytest.mark.parametrize("value", ["no", "", None, 2, 1.0, [True]], ids=repr)
@pytest.mark.parametrize(("name", "option"), FLAGS, ids="-".join)
def test_a_flag_that_is_neither_true_nor_false(name, option, value):
    """In all but `qr`, which is SciPy's; where 'no' overwrites nothing."""
    a = SQUARE.copy(order="F")
    call = CALLS.get(name, lambda **flag: getattr(rrqr_lapack, name)(a, **flag))
    assert_refused(TypeError, [rf"\b{option}\b", "True or False", re.escape(f"got {value!r}")], call, **{option: value})
    np.testing.assert_array_equal(a, SQUARE)


@pytest.mark.parametrize("value", ["no", 2], ids=repr)
def test_a_flag_is_looked_at_for_stacks_and_sparse_matrices_too(value):
    stack, sparse = np.ones((3, 4, 4)), scipy.sparse.eye_array(6, format="csr")
    for function, a in ((qr_truncated, stack), (interpolative_decomposition, sparse)):
        for option in ("overwrite_a", "check_finite"):
            assert_refused(TypeError, [rf"\b{option}\b", "True or False"], function, a, **{option: value})


def test_all_public_options_were_found():
    assert {("qr_truncated", "overwrite_a"), ("TruncatedQR.apply_q", "adjoint"), ("svd", "rand")} <= set(FLAGS)
    assert len(FLAGS) >= 25


@pytest.mark.parametrize("value", [True, False, np.True_])
def test_a_truth_value_is_no_number_of_workers(value):
    assert_refused(TypeError, [r"\bworkers\b", "integer", re.escape(f"got {value!r}")], qr_truncated, A, workers=value)
