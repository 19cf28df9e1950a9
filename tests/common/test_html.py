"""What notebooks show of results, and what `plot` draws of them."""

import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from matrices import extreme, geometric, scaled
from scipy import sparse

import rrqr_lapack as rr
from rrqr_lapack._common import html
from rrqr_lapack._common.draw import Curves, draw_curves, svg

A = geometric(40, 30, "d", 1e-8)
GRAM = A.T @ A
RESULTS = {
    "CUR": lambda: rr.cur(A, rank=4),
    "Certificate": lambda: rr.certify(A, [1, 2]),
    "ColumnSelection": lambda: rr.select_columns(A, 4),
    "Completion": lambda: rr.soft_impute(sparse.coo_array(np.where(A > 0, A, 0)), rank=3, penalty=0.1),
    "InterpolativeDecomposition": lambda: rr.interpolative_decomposition(A, rank=4),
    "LinkingMatrix": lambda: rr.cur(A, rank=4).U,
    "LowRankFactors": lambda: rr.low_rank_factors(A, rank=4),
    "Nystrom": lambda: rr.nystrom(GRAM, rank=4, rng=0),
    "PartialCholesky": lambda: rr.rpcholesky(GRAM, rank=4, rng=0),
    "RandomizedEigh": lambda: rr.randomized_eigh(GRAM, rank=4, rng=0),
    "RandomizedQR": lambda: rr.randomized_qr(A, rank=4, rng=0),
    "RandomizedSVD": lambda: rr.randomized_svd(A, rank=4, rng=0),
    "Range": lambda: rr.range_finder(A, rank=4, rng=0),
    "RowInterpolativeDecomposition": lambda: rr.row_interpolative_decomposition(A, rank=4),
    "StrongRRQR": lambda: rr.strong_rrqr(A, rank=4),
    "TruncatedQR": lambda: rr.TruncatedQR(A, rank=4),
    "TwoSidedInterpolativeDecomposition": lambda: rr.two_sided_interpolative_decomposition(A, rank=4),
}


def cells(text):
    """The rows of the tables of well-formed HTML."""
    return [[cell.text for cell in row] for row in ElementTree.fromstring(text).iter("tr")]


@pytest.fixture
def without_matplotlib(monkeypatch):
    """Neither imported nor to be found."""
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("rrqr_lapack._common.draw.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)


@pytest.fixture
def axes():
    """Of a figure that belongs to nobody."""
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is an extra")
    return figure.Figure().add_subplot()


def test_every_result_is_here():
    shown = {name for name in rr.__all__ if hasattr(getattr(rr, name), "_repr_html_")}
    assert shown == set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_shows_its_name_and_its_shape(name):
    result = RESULTS[name]()
    text = result._repr_html_()
    assert f"<strong>{name}</strong>" in text
    facts = dict(row for row in cells(text) if len(row) == 2)
    if name != "Certificate":
        m, n = result.shape
        assert facts["shape"] == f"{m} x {n}"
        assert facts["rank"] == str(result.rank)
    if hasattr(result, "error_kind") and name not in ("Certificate", "ColumnSelection"):
        assert facts["error"].startswith(f"{result.error:.3g} ({result.error_kind}")


def test_showing_a_selection_computes_nothing():
    found = rr.select_columns(A, 20, method="gks")
    first = ", ".join(map(str, found.columns[:12]))
    assert ["columns", f"{first} and 8 more"] in cells(found._repr_html_())
    assert not {"_fit", "_error", "skeleton"} & set(vars(found))


def test_a_certificate_shows_the_bounds_that_say_something():
    found = rr.certify(A, [1, 2])
    shown = dict(cells(found._repr_html_()))
    assert found.leverage == np.inf
    assert "error, by leverage" not in shown
    assert shown["error, by residual"] == f"at most {found.residual:.3g}"


def test_every_word_is_escaped(axes):
    name = "<script>alert('$1$')</script>&\""
    text = html.card(name, html.table([[name, name]], [name, name]), html.table({name: name}.items()))
    text += html.curve(Curves(np.arange(3), {name: np.ones(3), "b": np.ones(3)}, name, "y"))
    assert "<script" not in text
    assert [name, name] in cells(f"<div>{text}</div>")


def test_without_matplotlib_a_curve_is_a_table(without_matplotlib):
    result = rr.TruncatedQR(A)
    text = result._repr_html_()
    assert "<svg" not in text
    rows = cells(text)
    assert rows[5] == ["k", "|r_kk|"]
    assert rows[6] == ["1", f"{abs(result.R[0, 0]):.3g}"]
    assert rows[-1] == [str(result.rank), f"{abs(result.R[-1, result.rank - 1]):.3g}"]
    assert len(rows) == 6 + html.POINTS


def test_an_empty_curve_is_shown(without_matplotlib):
    assert cells(rr.TruncatedQR(np.zeros((3, 3)))._repr_html_())[-1] == ["k", "|r_kk|"]


def test_a_picture_is_the_same_every_time_and_stands_in_html(axes):
    curves = Curves(np.arange(3), {"a": np.ones(3)}, "x", "y")
    one, two = (svg(lambda where: draw_curves(where, curves)) for _ in range(2))
    assert one == two
    assert one.startswith("<svg")
    ElementTree.fromstring(one)


@pytest.mark.parametrize("scale", [1.0, *extreme("d")])
@pytest.mark.parametrize("rank", [0, 1, 12, 30])
def test_the_plot_of_a_factor_has_the_diagonal_and_the_error_of_every_rank(axes, rank, scale):
    factor = rr.TruncatedQR(scaled(A, scale), rank=rank)
    assert factor.plot(axes) is axes
    diagonal, errors = (line.get_ydata() for line in axes.lines)
    np.testing.assert_allclose(diagonal, np.abs(np.diagonal(factor.R)))
    r = np.linalg.qr(A[:, factor.P], "r")
    expected = [np.linalg.norm(r[k:, k:]) for k in range(1, rank + 1)]
    np.testing.assert_allclose(np.nan_to_num(errors) / scale, expected, rtol=1e-6, atol=1e-14)


def test_the_plot_of_a_decomposition_has_the_norms_of_the_coefficients(axes):
    found = rr.interpolative_decomposition(A, rank=4)
    assert found.plot(axes) is axes
    stems = axes.containers[0].markerline
    np.testing.assert_array_equal(stems.get_xdata(), found.columns)
    np.testing.assert_allclose(stems.get_ydata(), np.linalg.norm(found.coefficients, axis=1))


def test_a_plot_has_a_figure_of_its_own_where_none_is_given(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is an extra")
    pyplot.switch_backend("agg")
    axes = rr.TruncatedQR(A, rank=4).plot()
    assert axes.figure.number in pyplot.get_fignums()
    pyplot.close(axes.figure)


@pytest.mark.parametrize("name", ["TruncatedQR", "InterpolativeDecomposition", "ColumnSelection"])
def test_without_matplotlib_plot_says_the_cure(name, without_matplotlib):
    with pytest.raises(ImportError, match=r'plot needs matplotlib.*pip install "rrqr-lapack\[prune\]"'):
        RESULTS[name]().plot()
