"""The benchmark of column selection measures what it says."""

import importlib

import numpy as np
import pytest

selection = importlib.import_module("bench.family.selection")
timing = importlib.import_module("bench.timing")


@pytest.fixture(scope="module")
def table():
    """The columns, and the rows by figure and matrix, of three matrices."""
    chosen = ("outliers", "coherent", "laplace (PSD)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "MATRICES", {name: selection.MATRICES[name] for name in chosen})
        patch.setattr(selection, "peers", lambda a, k: {})
        columns, rows = selection.measure(True, 1, timing.QUICK)
        return columns, {(figure, name): cells for figure, name, *cells in rows}


def test_every_method_has_every_figure(table):
    columns, rows = table
    assert columns[2:] == list(selection.OURS)
    for (_, name), cells in rows.items():
        filled = {way for way, cell in zip(columns[2:], cells, strict=True) if cell}
        assert filled == {way for way in selection.OURS if "PSD" in name or "cholesky" not in way}


def test_no_error_is_below_the_best(table):
    for (figure, _), cells in table[1].items():
        if figure in ("Frobenius", "spectral"):
            assert min(float(cell) for cell in cells if cell) >= 1


def test_figures_are_those_of_a_diagonal_matrix():
    a = np.diag([4.0, 3, 2, 1])
    found = selection.figures(a, [0, 2], (np.sqrt(5), 2))
    np.testing.assert_allclose(found, (np.sqrt(10 / 5), 3 / 2, 1))


@pytest.mark.parametrize("name", selection.MATRICES)
def test_matrices_have_their_shape_and_are_seeded(name):
    shape = (40, 40) if "PSD" in name else (40, 60)
    a, again = (selection.MATRICES[name](shape, np.random.default_rng(1), 4) for _ in range(2))
    assert a.shape == shape
    np.testing.assert_array_equal(a, again)


def test_coherence_is_what_the_names_say():
    scores = {}
    for name in ("coherent", "incoherent"):
        a = selection.MATRICES[name]((60, 90), np.random.default_rng(0), 5)
        scores[name] = (np.linalg.svd(a)[2][:5] ** 2).sum(axis=0) * 90 / 5  # 1 on average
    assert scores["incoherent"].max() < 2.5
    assert np.count_nonzero(scores["coherent"] > 1e-9) == 10
