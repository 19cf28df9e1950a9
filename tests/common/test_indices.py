"""Index arrays that come in, the same for all who take some."""

import numpy as np
import pytest

from rrqr_lapack import cur, interpolative, nystrom, select_columns

A = np.diag([4.0, 3, 2, 1])

TAKERS = {
    "columns": lambda indices: cur(A, columns=indices, rows=[0]),
    "rows": lambda indices: cur(A, columns=[0], rows=indices),
    "landmarks": lambda indices: nystrom(A, landmarks=indices),
    "include": lambda indices: select_columns(A, 4, include=indices),
    "exclude": lambda indices: select_columns(A, 1, exclude=indices),
    "heldout_rows": lambda indices: select_columns(A, 1, heldout_rows=indices),
    "idx": lambda indices: interpolative.reconstruct_skel_matrix(A, 1, indices),
}
DISTINCT = TAKERS.keys() - {"columns", "rows", "idx"}


@pytest.mark.parametrize("indices", [[1.0], 1, [[1]], ["1"], [None]], ids=repr)
@pytest.mark.parametrize("name", TAKERS)
def test_what_is_no_vector_of_integers_is_refused(name, indices):
    with pytest.raises(TypeError, match=rf"^{name} must be .*a vector of integers.*, got "):
        TAKERS[name](indices)


@pytest.mark.parametrize("wrong", [-1, 4, 2**63 - 1, np.uint64(2**64 - 1)], ids=str)
@pytest.mark.parametrize("name", TAKERS)
def test_an_index_out_of_range_is_refused(name, wrong):
    with pytest.raises(ValueError, match=rf"^{name} must be between 0 and 3, got {wrong}$"):
        TAKERS[name](np.array([wrong]))


@pytest.mark.parametrize("name", sorted(DISTINCT))
def test_an_index_twice_is_refused_where_each_counts_once(name):
    with pytest.raises(ValueError, match=f"^{name} must hold each index once, got 2 more than once$"):
        TAKERS[name]([0, 2, 2])


@pytest.mark.parametrize("name", TAKERS)
def test_any_kind_of_integers_is_taken(name):
    for kind in ("i1", "u2", "i4", "u8"):
        TAKERS[name](np.array([1], kind))
