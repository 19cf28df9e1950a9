"""The C interface, called through its addresses: the results of the package, and arguments that nobody has checked."""

import ctypes
import itertools
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from handles import (
    AUTO,
    CALLBACK,
    GREEDY,
    INTERRUPTED,
    LETTERS,
    NO_MEMORY,
    NOT_FACTORED,
    NOT_FINITE,
    OK,
    OVERFLOW,
    PREFETCH,
    RRQR,
    SINGULAR,
    Handle,
    Refused,
    signature,
)
from matrices import gaussian, rank_deficient
from measures import THRESHOLD, eps, factor_ratio, orthogonality_ratio, qr_ratio

import rrqr_lapack
from rrqr_lapack import TruncatedQR, _core, qr_truncated, strong_rrqr
from rrqr_lapack._common.random import gaussian as standard_normal

PACKAGE = Path(rrqr_lapack.get_include()).parent
HEADER = (PACKAGE / "include" / "rrqr_lapack.h").read_text(encoding="utf-8")
DECLARATIONS = (PACKAGE / "__init__.pxd").read_text(encoding="utf-8")
DRIVERS = {AUTO: "auto", GREEDY: "greedy", PREFETCH: "_prefetch"}
SHAPES = [(0, 0), (0, 5), (5, 0), (1, 1), (1, 7), (7, 1), (40, 50), (60, 25), (270, 260)]


FUNCTION = re.compile(r"^\s+(\w[\w *]*?)\(\*(\w+)\)\(([^;]*?)\)(?:;| noexcept nogil$)", re.MULTILINE)


def members(text):
    """(result, name, arguments) of the table of functions, in its order."""
    table = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).split("int abi, features")[1]
    for result, name, arguments in FUNCTION.findall(table):
        yield result.strip(), name, re.sub(r"\s+", " ", arguments)


def same(found, expected, scale=1.0):
    """Equal to rounding."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    limit = THRESHOLD * max(max(expected.shape, default=1), 10) * eps(expected.dtype) * max(float(scale), 1e-300)
    np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("how", DRIVERS)
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_every_result_is_that_of_the_package(m, n, dtype, how):
    a = gaussian(m, n, dtype)
    rank = min(m, n) // 2 + 1
    expected = TruncatedQR(a, rank=min(rank, m, n), driver=DRIVERS[how])
    compact = a.copy("F")
    norm, c = np.linalg.norm(a), gaussian(m, 3, dtype, seed=1)
    with Handle(m, n, dtype) as f:
        f.factor(compact, rank, driver=how)
        k = f.rank
        assert k == expected.rank
        np.testing.assert_array_equal(f.pivots[:k], expected.P[:k])
        np.testing.assert_array_equal(np.sort(f.pivots), np.arange(n))
        r, q, t = f.upper(), f.form_q(), f.interpolation()
        same(r, expected.R[:, np.argsort(expected.P)][:, f.pivots], norm)
        same(q, expected.form_q())
        same(f.form_q(m), expected.form_q(full=True))
        same(f.tau[:k], expected.tau)
        assert not f.tau[k:].any()
        same(np.triu(compact[:k]), r, norm)
        same(t, expected.interpolation(), np.linalg.norm(t))
        assert f.maxresid() == pytest.approx((expected.maxresid, expected.relmaxresid), rel=1e3 * eps(dtype))
        assert np.linalg.norm(f.residual_norms()) == pytest.approx(expected.residual_norm, rel=1e3 * eps(dtype))
        same(f.apply_q(b"L", b"C", c), expected.apply_q(c, adjoint=True), np.linalg.norm(c))
        same(f.apply_q(b"L", b"N", c), expected.apply_q(c), np.linalg.norm(c))
        same(f.apply_q(b"R", b"C", c.T), expected.apply_q(c.T, adjoint=True, side="right"), np.linalg.norm(c))
        same(f.apply_q(b"R", b"N", c.T), expected.apply_q(c.T, side="right"), np.linalg.norm(c))


@pytest.mark.parametrize(("m", "n"), [(128, 128), (129, 128), (64, 64), (65, 64), (321, 319), (320, 320)])
def test_a_handle_goes_the_way_of_the_package(m, n, dtype):
    """Each kernel has another part of the updates still to do: what is stored below R shows which one it was. The
    shapes are on either side of where 'auto' changes from one to the next, for real and for complex numbers."""
    a = gaussian(m, n, dtype)
    rank = 40
    small, greedy, prefetch, auto = (
        TruncatedQR(a, rank=rank, driver=driver).qr for driver in ("_small", "greedy", "_prefetch", "auto")
    )
    least = min(np.linalg.norm(one - two) for one, two in itertools.combinations((small, greedy, prefetch), 2))
    assert least > 0.05 * np.linalg.norm(a)  # measured: 0.078
    for how, expected in ((AUTO, auto), (GREEDY, greedy), (PREFETCH, prefetch)):
        compact = a.copy("F")
        with Handle(m, n, dtype) as f:
            f.factor(compact, rank, driver=how)
        assert np.linalg.norm(compact - expected) < 1e-2 * least


def test_auto_changes_its_way_at_these_sizes():
    assert (_core.TINY, _core.SMALL) == (128 * 128, 320 * 320)


@pytest.mark.parametrize("how", DRIVERS)
@pytest.mark.parametrize(("m", "n"), [(1, 7), (7, 1), (40, 50), (270, 260)])
def test_rows_beyond_the_matrix_are_let_alone(m, n, dtype, how):
    a = gaussian(m, n, dtype)
    padded = np.full((m + 3, n), 7, dtype, order="F")
    padded[:m] = a
    with Handle(m, n, dtype) as f:
        f.factor(padded, driver=how, lda=m + 3)
        assert (padded[m:] == 7).all()
        assert f.rank == min(m, n)
        assert qr_ratio(a, f.form_q(), f.upper(), f.pivots) <= THRESHOLD
        assert orthogonality_ratio(f.form_q()) <= THRESHOLD


def test_one_handle_factors_many_matrices(dtype):
    with Handle(30, 20, dtype) as f:
        for seed in range(4):
            a = gaussian(30, 20, dtype, seed)
            f.factor(a.copy("F"), 20 - seed)
            q, r, p = qr_truncated(a, rank=20 - seed)
            np.testing.assert_array_equal(f.pivots, p)
            same(f.form_q() @ f.upper(), q @ r, np.linalg.norm(a))


@pytest.mark.parametrize("how", DRIVERS)
@pytest.mark.parametrize(
    "rule", [{"rtol": 1e-3}, {"atol": 1e-2}, {"rtol": 1.0}, {"rtol": 0.0}, {"rank": 0}, {"rank": 4}]
)
def test_a_rule_is_that_of_the_package(rule, how):
    a = 1e-2 * gaussian(50, 40, "f8") * 0.7 ** np.arange(40)
    expected = TruncatedQR(a, driver=DRIVERS[how], **rule)
    with Handle(50, 40, "f8") as f:
        f.factor(a.copy("F"), driver=how, **rule)
        assert f.rank == expected.rank
        np.testing.assert_array_equal(f.pivots, expected.P)
        assert f.maxresid() == pytest.approx((expected.maxresid, expected.relmaxresid))


@pytest.mark.parametrize(("m", "n"), [(0, 0), (0, 5), (5, 0)])
def test_a_matrix_without_elements_may_be_null(m, n, dtype):
    with Handle(m, n, dtype) as f:
        f.factor(None)
        assert f.rank == 0
        assert not f.residual_norms().any()
        for call in (("upper", None), ("form_q", 0, None), ("interpolation", None), ("extend", 0, 0.1, 0.1)):
            f.call(*call)
        for side in (b"L", b"R"):
            f.call("apply_q", side, b"N", 0, None)
        np.testing.assert_array_equal(f.form_q(m), np.eye(m))


def test_ties_go_to_the_first_column_within_the_tolerance():
    a = np.diag([1.0, 1.0 + 1e-9, 1.0 + 2e-9])
    with Handle(3, 3, "f8") as f:
        assert f.factor(a.copy("F")).pivots.tolist() == [2, 1, 0]
        assert f.factor(a.copy("F"), tie_tol=1e-8).pivots.tolist() == [0, 1, 2]


def test_a_zero_matrix_has_rank_0(dtype):
    with Handle(6, 5, dtype) as f:
        f.factor(np.zeros((6, 5), dtype, order="F"))
        assert f.rank == 0
        assert f.maxresid() == (0, 0)
        assert f.interpolation().shape == (0, 5)


@pytest.mark.parametrize("how", DRIVERS)
def test_a_factorization_in_pieces_is_one(dtype, how):
    a = gaussian(120, 100, dtype)
    with Handle(120, 100, dtype) as f:
        f.factor(a.copy("F"), 10, driver=how)
        for rank in (10, 45, 99):
            f.extend(rank)
            assert f.rank == rank
        f.extend()
        np.testing.assert_array_equal(f.pivots, TruncatedQR(a, driver=DRIVERS[how]).P)
        assert qr_ratio(a, f.form_q(), f.upper(), f.pivots) <= THRESHOLD
        assert f.maxresid() == (0, 0)


def test_an_extension_stops_at_its_tolerance():
    a = gaussian(50, 40, "f8") * 0.7 ** np.arange(40)
    with Handle(50, 40, "f8") as f:
        f.factor(a.copy("F"), 3)
        f.extend(rtol=1e-3)
        assert f.rank == TruncatedQR(a, rtol=1e-3).rank
        f.extend(atol=1e-5)
        assert f.rank == TruncatedQR(a, atol=1e-5).rank


def test_interpolation_reproduces_the_matrix_from_its_columns(dtype):
    a = rank_deficient(60, 50, dtype)
    with Handle(60, 50, dtype) as f:
        f.factor(a.copy("F"), rtol=1e3 * eps(dtype))
        t, columns = f.interpolation(), f.pivots[: f.rank]
        assert f.rank == 9
        np.testing.assert_array_equal(t[:, columns], np.eye(9))
        assert factor_ratio(a, a[:, columns] @ t) <= THRESHOLD * np.abs(t).max()


# --- least squares, strong, randomized, stacks ---------------------------------------------------------------------


@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_least_squares_is_that_of_the_package(m, n, dtype):
    a, b = gaussian(m, n, dtype), gaussian(m, 3, dtype, seed=1)
    expected = TruncatedQR(a, rank=min(m, n) // 2)
    z, resid = expected.lstsq(b)
    with Handle(m, n, dtype) as f:
        f.factor(a.copy("F"), min(m, n) // 2)
        x, norms = f.lstsq(b)
        same(x[f.pivots[: f.rank]], z, np.linalg.norm(z))
        assert not x[f.pivots[f.rank :]].any()
        np.testing.assert_allclose(norms, resid, rtol=1e3 * eps(dtype))
        np.testing.assert_array_equal(f.lstsq(b, norms=False)[0], x)
        assert [each.size for each in f.lstsq(b[:, :0])] == [0, 0]


def test_dependent_columns_take_no_part_in_least_squares(dtype):
    a = rank_deficient(60, 50, dtype)
    b = a @ gaussian(50, 2, dtype, seed=1)
    with Handle(60, 50, dtype) as f:
        x, norms = f.factor(a.copy("F")).lstsq(b)
        assert np.count_nonzero(x[:, 0]) <= 9
        assert factor_ratio(b, a @ x) <= THRESHOLD * np.abs(x).max()
        assert norms.max() <= THRESHOLD * 60 * eps(dtype) * np.linalg.norm(b)


def kahan(n, dtype):
    """On which greedy pivoting fails; columns that are as long as each other in exact arithmetic differ a little."""
    s = 0.285
    a = np.diag(np.sqrt(1 - s**2) ** np.arange(n)) @ (np.eye(n) - s * np.triu(np.ones((n, n)), 1))
    return (a * (1 - 1e3 * eps(dtype) * np.arange(n))).astype(dtype)


def test_strong_exchanges_what_greedy_pivoting_chose_badly(dtype):
    n = 60
    a = kahan(n, dtype)
    expected = strong_rrqr(a, rank=n - 1, f=1.5)
    with Handle(n, n, dtype) as f:
        f.factor(a.copy("F"), n - 1)
        assert np.abs(f.interpolation()).max() > 100
        rho, largest = f.strong(1.5, n - 1)
        assert largest <= rho <= 1.5
        others = f.interpolation()[:, f.pivots[f.rank :]]
        assert largest == pytest.approx(np.abs(others).max(), rel=1e-2)
        assert set(f.pivots[: f.rank]) == set(expected.P[: f.rank])
        assert qr_ratio(a[:, f.pivots[: f.rank]], f.form_q(), f.upper()[:, : f.rank], np.arange(f.rank)) <= THRESHOLD
        f.call("strong", n - 1, -1.0, -1.0, 1.5, None, None)


@pytest.mark.parametrize(
    ("m", "n", "rank"), [(0, 0, 5), (0, 5, 2), (5, 0, 2), (1, 7, 1), (60, 25, 10), (400, 370, 300)]
)
def test_the_randomized_driver_chooses_as_that_of_the_package(m, n, rank, dtype):
    a = gaussian(m, n, dtype)
    expected = TruncatedQR(a, rank=min(rank, m, n), driver="_randomized", rng=7)
    with Handle(m, n, dtype) as f:
        rows = f.sketch_rows(rank)
        assert rows == _core.sketch_rows(m, n, min(rank, m, n))
        single = "F" if dtype.kind == "c" else "f"
        omega = np.asfortranarray(standard_normal(np.random.default_rng(7), rows, m, single).astype(dtype))
        f.factor_randomized(a.copy("F"), omega, rank)
        k = f.rank
        assert k == expected.rank == min(rank, m, n)
        np.testing.assert_array_equal(f.pivots[:k], expected.P[:k])
        norm = np.linalg.norm(a)
        same(f.upper(), expected.R[:, np.argsort(expected.P)][:, f.pivots], norm)
        f.extend(k + 40)
        assert qr_ratio(a[:, f.pivots[: f.rank]], f.form_q(), f.upper()[:, : f.rank], np.arange(f.rank)) <= THRESHOLD
        residual = a[:, f.pivots] - f.form_q() @ f.upper()
        assert np.linalg.norm(residual) == pytest.approx(
            np.linalg.norm(f.residual_norms()), abs=float(1e3 * eps(dtype) * norm)
        )
        f.factor(a.copy("F"))
        assert f.rank == min(m, n)


STACKS = [(0, 3, 3), (1, 40, 30), (3, 0, 4), (3, 4, 0), (37, 8, 8), (37, 9, 5), (5, 60, 70)]


@pytest.mark.parametrize("rule", [{}, {"rank": 3}, {"rank": 0}, {"rtol": 0.5}], ids=str)
@pytest.mark.parametrize("shape", STACKS, ids=str)
def test_a_stack_is_factored_as_its_matrices(shape, rule, dtype):
    count, m, n = shape
    stack = np.array([gaussian(m, n, dtype, seed=i) for i in range(count)], dtype).reshape(shape)
    with Handle(m, n, dtype) as f:
        f.factor(gaussian(m, n, dtype, seed=99).copy("F"), 2)
        held = f.pivots
        q, r, pivots, ranks = f.factor_stack(stack, **rule)
        np.testing.assert_array_equal(f.factor_stack(stack, **rule, with_q=False)[1], r)
        np.testing.assert_array_equal(f.pivots, held)
    least = min(m, n)
    for a, q1, r1, p, k in zip(stack, q, r, pivots, ranks, strict=True):
        expected = TruncatedQR(a, **(rule | {"rank": min(rule.get("rank", least), least)}))
        assert k == expected.rank
        np.testing.assert_array_equal(p[:k], expected.P[:k])
        assert not r1[k:].any()
        assert not q1[:, k:].any()
        assert factor_ratio(a[:, p[:k]], q1 @ r1[:, :k]) <= THRESHOLD
        assert orthogonality_ratio(q1[:, :k]) <= THRESHOLD
        assert np.linalg.norm(a[:, p] - q1 @ r1) == pytest.approx(
            expected.residual_norm, abs=float(1e3 * eps(dtype) * np.linalg.norm(a))
        )


def test_a_stack_names_the_matrix_that_is_not_finite(dtype):
    stack = np.ones((9, 4, 3), dtype)
    stack[5, 2, 1] = stack[7, 0, 0] = np.nan
    with Handle(4, 3, dtype) as f:
        with pytest.raises(Refused) as refused:
            f.factor_stack(stack)
        assert refused.value.status == NOT_FINITE
        assert RRQR["nonfinite_column"](f.handle) == 5
        f.factor_stack(stack[:5])
        assert RRQR["nonfinite_column"](f.handle) == -1


def test_the_callback_stops_a_stack():
    @CALLBACK
    def stop(data):
        return 1

    with Handle(90, 90, "f8") as f:
        f.call("set_interrupt", stop, None)
        with pytest.raises(Refused) as refused:
            f.factor_stack(gaussian(90 * 300, 90, "f8").reshape(300, 90, 90).copy())
        assert refused.value.status == INTERRUPTED


# --- what is refused ----------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")
BAD_FACTORS = {
    "no matrix": ({"a": None}, -2),
    "lda < m": ({"lda": 5}, -3),
    "negative lda": ({"lda": -6}, -3),
    "negative rank": ({"rank": -1}, -4),
    "rtol NaN": ({"rtol": NAN}, -5),
    "rtol infinite": ({"rtol": INF}, -5),
    "atol NaN": ({"atol": NAN}, -6),
    "atol infinite": ({"atol": -INF}, -6),
    "tie_tol NaN": ({"tie_tol": NAN}, -7),
    "tie_tol negative": ({"tie_tol": -1e-9}, -7),
    "tie_tol 1": ({"tie_tol": 1.0}, -7),
    "driver -1": ({"driver": -1}, -8),
    "driver 3": ({"driver": 3}, -8),
}


@pytest.mark.parametrize("name", BAD_FACTORS)
def test_a_wrong_argument_of_factor_has_its_number_and_changes_nothing(name):
    wrong, status = BAD_FACTORS[name]
    before = gaussian(6, 5, "f8")
    a = before.copy("F")
    with Handle(6, 5, "f8") as f:
        f.factor(gaussian(6, 5, "f8", seed=1).copy("F"), 3)
        pivots = f.pivots
        with pytest.raises(Refused) as refused:
            f.factor(**({"a": a} | wrong))
        assert refused.value.status == status
        np.testing.assert_array_equal(a, before)
        assert f.rank == 3
        np.testing.assert_array_equal(f.pivots, pivots)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [((b"q", 3, 3), -2), ((b"\0", 3, 3), -2), ((b"d", -1, 3), -3), ((b"d", 3, -1), -4), ((b"d", 2**31 - 1, -1), -4)],
)
def test_a_handle_of_no_matrix_is_refused_and_is_null(arguments, status):
    handle = ctypes.c_void_p(1)
    assert RRQR["create"](ctypes.byref(handle), *arguments) == status
    assert handle.value is None


def test_a_handle_needs_a_place_to_be_put():
    assert RRQR["create"](None, b"d", 3, 3) == -1


ROOM = np.zeros(64)
PLACE = ROOM.ctypes.data  # of something
BAD_CALLS = {
    "extend back": (("extend", 2, -1.0, -1.0), -2),
    "extend to NaN": (("extend", 4, NAN, -1.0), -3),
    "extend to an infinite atol": (("extend", 4, -1.0, INF), -4),
    "residual_norms": (("residual_norms", None), -2),
    "upper": (("upper", None), -2),
    "too few columns": (("form_q", 2, None), -2),
    "too many columns": (("form_q", 7, None), -2),
    "form_q": (("form_q", 3, None), -3),
    "side": (("apply_q", b"l", b"N", 1, None), -2),
    "trans": (("apply_q", b"L", b"T", 1, None), -3),
    "negative p": (("apply_q", b"R", b"N", -1, None), -4),
    "apply_q": (("apply_q", b"R", b"C", 1, None), -5),
    "interpolation": (("interpolation", None), -2),
    "negative right-hand sides": (("lstsq", -1, None, None, None), -2),
    "no b": (("lstsq", 1, None, None, None), -3),
    "no x": (("lstsq", 1, PLACE, None, None), -4),
    "strong back": (("strong", 2, -1.0, -1.0, 2.0, None, None), -2),
    "strong to NaN": (("strong", 4, NAN, -1.0, 2.0, None, None), -3),
    "strong to an infinite atol": (("strong", 4, -1.0, INF, 2.0, None, None), -4),
    "a bound below 1": (("strong", 4, -1.0, -1.0, 0.9, None, None), -5),
    "no bound": (("strong", 4, -1.0, -1.0, NAN, None, None), -5),
    "an infinite bound": (("strong", 4, -1.0, -1.0, INF, None, None), -5),
    "no omega": (("factor_randomized", PLACE, 6, 2, -1.0, -1.0, 0.0, None), -8),
    "randomized of nothing": (("factor_randomized", None, 6, 2, -1.0, -1.0, 0.0, PLACE), -2),
    "randomized, lda": (("factor_randomized", PLACE, 5, 2, -1.0, -1.0, 0.0, PLACE), -3),
    "randomized, tie_tol": (("factor_randomized", PLACE, 6, 2, -1.0, -1.0, 1.0, PLACE), -7),
    "negative count": (("factor_stack", -1, PLACE, 2, -1.0, -1.0, 0.0, None, PLACE, PLACE, PLACE), -2),
    "no stack": (("factor_stack", 1, None, 2, -1.0, -1.0, 0.0, None, PLACE, PLACE, PLACE), -3),
    "stack, rank": (("factor_stack", 1, PLACE, -2, -1.0, -1.0, 0.0, None, PLACE, PLACE, PLACE), -4),
    "stack, atol": (("factor_stack", 1, PLACE, 2, -1.0, NAN, 0.0, None, PLACE, PLACE, PLACE), -6),
    "stack, tie_tol": (("factor_stack", 1, PLACE, 2, -1.0, 0.0, -1.0, None, PLACE, PLACE, PLACE), -7),
    "stack, r": (("factor_stack", 1, PLACE, 2, -1.0, -1.0, 0.0, None, None, PLACE, PLACE), -9),
    "stack, pivots": (("factor_stack", 1, PLACE, 2, -1.0, -1.0, 0.0, None, PLACE, None, PLACE), -10),
    "stack, ranks": (("factor_stack", 1, PLACE, 2, -1.0, -1.0, 0.0, None, PLACE, PLACE, None), -11),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_wrong_argument_of_another_function_has_its_number(name):
    call, status = BAD_CALLS[name]
    with Handle(6, 5, "f8") as f:
        f.factor(gaussian(6, 5, "f8").copy("F"), 3)
        with pytest.raises(Refused) as refused:
            f.call(*call)
        assert refused.value.status == status
        assert f.rank == 3


def arguments_of(name):
    """Harmless arguments after the handle: zeros."""
    zeros = {"char": b"L", "int": 0, "double": 0.0}
    return [zeros.get(argument) for argument in signature(name)[1][1:]]


OF_A_HANDLE = [name for name in RRQR if signature(name)[1][0].endswith("rrqr_handle *")]
NUMBERS = {"rank", "nonfinite_column", "sketch_rows"}
STATUSES = {name for name in OF_A_HANDLE if signature(name)[0] == "int"} - NUMBERS
READERS = STATUSES - {"factor", "factor_randomized", "factor_stack", "set_interrupt"}


@pytest.mark.parametrize("name", OF_A_HANDLE)
def test_no_handle_is_a_wrong_first_argument(name):
    result = RRQR[name](None, *arguments_of(name))
    assert result == (-1 if signature(name)[0] == "int" else None)


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_handle_without_a_factorization_says_so(name):
    with Handle(6, 5, "f8") as f:
        assert RRQR[name](f.handle, *arguments_of(name)) == NOT_FACTORED
        assert f.rank == RRQR["nonfinite_column"](f.handle) == -1
        assert RRQR["pivots"](f.handle) is None
        assert RRQR["tau"](f.handle) is None


@pytest.mark.parametrize("how", DRIVERS)
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_what_is_not_finite_is_refused_with_its_column_and_left_as_it_was(bad, dtype, how):
    good = gaussian(40, 30, dtype)
    before = good.copy("F")
    before[17, 11] = before[3, 20] = bad
    a = before.copy("F")
    with Handle(40, 30, dtype) as f:
        f.factor(good.copy("F"))
        with pytest.raises(Refused) as refused:
            f.factor(a, driver=how)
        assert refused.value.status == NOT_FINITE
        assert RRQR["nonfinite_column"](f.handle) == 11
        np.testing.assert_array_equal(a, before)
        assert f.rank == -1
        f.factor(good.copy("F"))
        assert f.rank == 30
        assert RRQR["nonfinite_column"](f.handle) == -1


def test_a_norm_that_is_no_number_of_the_dtype_is_an_overflow(dtype):
    before = np.full((4, 3), np.finfo(dtype).max, dtype, order="F")
    a = before.copy("F")
    with Handle(4, 3, dtype) as f:
        with pytest.raises(Refused) as refused:
            f.factor(a)
        assert refused.value.status == OVERFLOW
        assert RRQR["nonfinite_column"](f.handle) == f.rank == -1
        np.testing.assert_array_equal(a, before)


def test_coefficients_of_dependent_columns_are_refused(dtype):
    a = rank_deficient(60, 50, dtype)
    with Handle(60, 50, dtype) as f:
        f.factor(a.copy("F"))
        assert f.rank > 9  # of rounding errors
        with pytest.raises(Refused) as refused:
            f.interpolation()
        assert refused.value.status == SINGULAR


def test_every_status_has_words_of_its_own():
    words = [RRQR["message"](status) for status in range(-1, SINGULAR + 2)]
    assert len(set(words)) == len(words)
    assert RRQR["message"](-7) == words[0]
    assert RRQR["message"](SINGULAR + 9) == words[-1]
    assert RRQR["message"](OK) == b"success"


# --- interrupts, memory, threads ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", DRIVERS)
def test_the_callback_stops_a_long_factorization_that_can_go_on(how):
    a = gaussian(1200, 1200, "f4")
    mark, asked = ctypes.c_int(5), []

    @CALLBACK
    def stop(data):
        asked.append(data)
        return 1

    with Handle(1200, 1200, "f4") as f:
        f.call("set_interrupt", stop, ctypes.byref(mark))
        with pytest.raises(Refused) as refused:
            f.factor(a.copy("F"), driver=how)
        assert refused.value.status == INTERRUPTED
        assert asked == [ctypes.addressof(mark)]
        assert 0 < f.rank < 1200
        residual = a[:, f.pivots] - f.form_q() @ f.upper()
        assert np.linalg.norm(residual) == pytest.approx(np.linalg.norm(f.residual_norms()), rel=1e-4)
        f.call("set_interrupt", None, None)
        f.extend(f.rank + 1)
        assert len(asked) == 1


def test_the_callback_stops_a_long_product():
    asked = []

    @CALLBACK
    def stop(data):
        asked.append(data)
        return 1

    @CALLBACK
    def go_on(data):
        return 0

    with Handle(1200, 400, "f4") as f:
        f.factor(gaussian(1200, 400, "f4").copy("F"))
        f.call("set_interrupt", stop, None)
        with pytest.raises(Refused) as refused:
            f.form_q(1200)
        assert refused.value.status == INTERRUPTED
        assert asked == [None]
        f.call("set_interrupt", go_on, None)
        assert orthogonality_ratio(f.form_q(1200)) <= THRESHOLD


def operations(f, a, c):
    """All that allocates, after a factorization in two pieces; as arrays."""
    f.factor(a, 10)
    f.extend(35)
    yield f.upper()
    yield f.form_q()
    yield f.apply_q(b"L", b"C", c)
    yield f.interpolation()
    yield f.residual_norms()
    yield np.array(f.maxresid())
    yield f.lstsq(c)[0]
    yield np.array(f.strong(1.5, 36))
    yield from f.factor_stack(gaussian(3 * f.m, f.n, f.dtype, seed=2).reshape(3, f.m, f.n), 12)
    f.factor_randomized(a.copy("F"), gaussian(f.sketch_rows(20), f.m, f.dtype, seed=2).copy("F"), 20)
    yield f.upper()


@pytest.mark.parametrize(("m", "n"), [(45, 40), (140, 135)])
def test_any_failed_allocation_is_a_status_and_the_next_try_is_whole(m, n, dtype):
    a, c = gaussian(m, n, dtype), gaussian(m, 3, dtype, seed=1)
    with Handle(m, n, dtype) as f:
        expected = list(operations(f, a.copy("F"), c))
    created = 0
    for allowed in range(200):
        _core.fail_allocation(allowed)
        try:
            opened = _core.counted_handle(LETTERS[dtype.char].decode(), m, n)
        except MemoryError:
            created = allowed + 1
            continue
        finally:
            _core.fail_allocation(-1)
        with Handle(m, n, dtype, opened) as f:
            try:
                found = list(operations(f, a.copy("F"), c))
            except Refused as refused:
                assert refused.status == NO_MEMORY
                assert f.rank in (-1, 0, 10, 16, 20, 35, 36)
            else:
                break
    assert created == 6
    assert allowed > created
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_residual_that_cannot_be_computed_is_a_status_and_leaves_its_places(dtype):
    """Columns that cancel have no norm at hand, and one allocation is enough to factor."""
    basis = gaussian(100, 3, dtype)
    a = np.hstack([10 * basis, basis @ gaussian(3, 60, dtype, seed=7) + eps(dtype) ** 0.6 * gaussian(100, 60, dtype)])
    _core.fail_allocation(7)
    try:
        opened = _core.counted_handle(LETTERS[dtype.char].decode(), 100, 63)
    finally:
        _core.fail_allocation(-1)
    with Handle(100, 63, dtype, opened) as f:
        f.factor(a.copy("F"), 3, driver=GREEDY)
        places = ctypes.c_double(-5), ctypes.c_double(-5)
        assert RRQR["maxresid"](f.handle, *map(ctypes.byref, places)) == NO_MEMORY
        assert [place.value for place in places] == [-5, -5]


def test_a_handle_that_does_not_fit_is_null():
    _core.fail_allocation(0)
    try:
        with pytest.raises(MemoryError):
            _core.counted_handle("d", 3, 3)
    finally:
        _core.fail_allocation(-1)


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident memory from /proc")
@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer holds freed memory back")
def test_a_destroyed_handle_gives_its_memory_back_and_so_does_one_that_was_not_finished():
    """Of the arrays the smallest, the pivots, would be 7 MB in so many rounds; what is counted is written to."""

    def rounds(count):
        for i in range(count):
            _core.fail_allocation(6 - i % 3)  # the last arrays do not fit, two times of three
            try:
                Handle(3000, 3000, "f8", _core.counted_handle("d", 3000, 3000)).__exit__()
            except MemoryError:
                pass
            finally:
                _core.fail_allocation(-1)

    rounds(600)
    before = resident()
    rounds(1800)
    assert resident() - before < 3_000_000


def test_handles_in_many_threads_do_not_mix(dtype):
    matrices = [gaussian(150, 140 - i, dtype, seed=i) for i in range(6)]
    gate = threading.Barrier(6)

    def factored(i):
        gate.wait()
        with Handle(150, 140 - i, dtype) as f:
            f.factor(matrices[i].copy("F"), 90)
            return f.pivots, f.form_q() @ f.upper()

    with ThreadPoolExecutor(6) as pool:
        for (pivots, product), a in zip(pool.map(factored, range(6)), matrices, strict=True):
            f = TruncatedQR(a, rank=90)
            np.testing.assert_array_equal(pivots, f.P)
            same(product, f.form_q() @ f.R, np.linalg.norm(a))


def test_one_handle_is_read_by_many_threads(dtype):
    c = gaussian(150, 4, dtype, seed=1)
    gate = threading.Barrier(6)

    def everything(_):
        gate.wait()
        return f.upper(), f.form_q(150), f.interpolation(), f.residual_norms(), f.apply_q(b"L", b"C", c)

    with Handle(150, 140, dtype) as f, ThreadPoolExecutor(6) as pool:
        f.factor(gaussian(150, 140, dtype).copy("F"), 90)
        expected, *others = pool.map(everything, range(6))
        assert orthogonality_ratio(expected[1]) <= THRESHOLD
        for found in others:
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


# --- what is declared ---------------------------------------------------------------------------------------------


def test_header_and_declarations_say_the_same():
    header, declared = list(members(HEADER)), list(members(DECLARATIONS))
    assert [name for _, name, _ in header] == list(RRQR)
    assert [(result, name, said.replace(" noexcept nogil", "")) for result, name, said in declared] == header
    constants = re.findall(r"^ +(RRQR_[A-Z_]+) = ", HEADER, re.M)
    assert set(re.findall(r"RRQR_[A-Z_]+", DECLARATIONS)) == set(constants)


def test_each_capsule_is_named_as_the_header_declares_its_function():
    """Up to the names of parameters, which the signatures leave out."""
    for result, name, arguments in members(HEADER):
        found = signature(name)
        assert found[0] == result
        types = re.sub(r"(?<=[ *])\w+(?=,|\)|$)", "", re.sub(r"\(\*\w+\)", "(*)", arguments))
        assert re.sub(r"\s+(?=,|\)|$)", "", types) == ", ".join(found[1])


def test_the_folder_of_the_header_is_in_the_package():
    assert Path(rrqr_lapack.get_include()) == Path(rrqr_lapack.__file__).parent / "include"
