"""What the binding and the C core hold to whoever calls them: lengths that are LAPACK's, rooms that suffice."""

import numpy as np
import pytest
from matrices import gaussian
from measures import THRESHOLD, qr_ratio

from rrqr_lapack import (
    TruncatedQR,
    _core,
    interpolative_decomposition,
    qr,
    qr_truncated,
    row_interpolative_decomposition,
    strong_rrqr,
)

WIDE = 2**24  # columns whose blocks have a workspace that LAPACK's integers do not hold
REFUSED = r"^{} must have fewer than 2\*\*31 rows and columns .* got 2,147,483,648; take it in parts$"


def huge(*shape):
    """A matrix whose entries are all one number, and take its room."""
    return np.broadcast_to(np.float32(1), shape)


@pytest.mark.parametrize("shape", [(2**31, 1), (1, 2**31), (2, 2**31, 1)], ids=str)
@pytest.mark.parametrize("function", [qr, qr_truncated, TruncatedQR, strong_rrqr, interpolative_decomposition])
def test_more_rows_or_columns_than_lapack_counts_are_refused_before_anything_is_copied(function, shape):
    if len(shape) == 3 and function not in (qr, qr_truncated):
        pytest.skip("takes no stacks")
    with pytest.raises(ValueError, match=REFUSED.format("a")):
        function(huge(*shape), check_finite=False)


@pytest.mark.parametrize("options", [{"overwrite_a": True}, {"driver": "_randomized"}], ids=str)
def test_the_same_where_nothing_would_be_copied(options):
    try:
        a = np.zeros((2**31, 1), "f4")  # of which the system provides nothing until it is written to
    except MemoryError:
        pytest.skip("needs 8 GiB of address space")
    for function in (qr_truncated, TruncatedQR, interpolative_decomposition):
        with pytest.raises(ValueError, match=REFUSED.format("a")):
            function(a, check_finite=False, **options)
    with pytest.raises(ValueError, match=REFUSED.format("a")):
        qr(a, overwrite_a=True, check_finite=False, mode="economic")


def test_a_row_decomposition_and_right_hand_sides_are_counted_too():
    f = TruncatedQR(np.eye(3, dtype="f4"))
    with pytest.raises(ValueError, match=REFUSED.format("a")):
        row_interpolative_decomposition(huge(1, 2**31), check_finite=False)
    with pytest.raises(ValueError, match=REFUSED.format("b")):
        f.lstsq(huge(3, 2**31))
    with pytest.raises(ValueError, match=REFUSED.format("c")):
        f.apply_q(huge(3, 2**31))
    with pytest.raises(ValueError, match=REFUSED.format("c")):
        f.apply_q(huge(2**31, 3), side="right")


def test_a_q_that_fits_no_memory_is_a_memory_error():
    f = TruncatedQR(np.ones((2**25, 1), "f4"), overwrite_a=True)  # in little more than its own room
    with pytest.raises(MemoryError):
        f.form_q(full=True)


def test_a_workspace_whose_length_is_no_int_is_done_without():
    """32 columns of a block times 70,000,000 are more than 2^31."""
    a = np.ones((1, 70_000_000), "f4", order="F")
    factor = _core.Factor(a)
    factor.geqrf()
    assert factor.rank == 1
    assert np.abs(a[0, [0, 1, -1]]).tolist() == [1, 1, 1]


def test_so_wide_a_matrix_is_factored_by_its_leading_columns():
    m, rng = 3, np.random.default_rng(0)
    ends = rng.standard_normal((m, 7)).astype("f4")
    a = np.zeros((m, WIDE + 5), "f4", order="F")
    a[:, :4], a[:, -3:] = ends[:, :4], ends[:, 4:]
    factor = _core.Factor(a)
    factor.geqrf()
    q, r = factor.form_q(m), factor.upper(m)
    assert qr_ratio(ends, q, np.hstack([r[:, :4], r[:, -3:]]), np.arange(7)) <= THRESHOLD
    assert not r[:, 4:-3].any()


def test_what_lapack_cannot_pivot_in_blocks_is_refused_in_words():
    """Up to 32 rows it needs none."""
    with pytest.raises(ValueError, match=r"a must have fewer columns, but .* LAPACK's geqp3.*take another driver"):
        _core.Factor(np.zeros((33, WIDE), "f4", order="F")).full()
    f = TruncatedQR(np.arange(WIDE, dtype="f4").reshape(1, WIDE), driver="lapack", overwrite_a=True)
    assert (f.rank, f.P[0], abs(f.qr[0, 0])) == (1, WIDE - 1, WIDE - 1)


def test_the_prefetching_kernel_keeps_to_the_room_that_another_made(dtype):
    """The plain kernel makes room for 32 deferred updates, a block would like 96."""
    a = gaussian(300, 280, dtype)
    factor = _core.Factor(np.asfortranarray(a))
    factor.greedy(5, -1, -1, 0)
    factor.prefetch(280, -1, -1, 0)
    assert qr_ratio(a, factor.form_q(280), factor.upper(280), factor.pivots) <= THRESHOLD
