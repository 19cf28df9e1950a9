"""Random sketches: their shape and distribution, and that every way to apply one is the product with it."""

import numpy as np
import pytest
from matrices import gaussian
from operands import OPERANDS

from rrqr_lapack._randomized.sketch import SIGNS, SKETCHES, Trigonometric, sketch_of_columns, sketch_of_rows

KINDS = list(SKETCHES)


def made(kind, rows, columns, dtype, seed=0):
    """A sketch, and the array that it stands for."""
    omega = SKETCHES[kind](np.random.default_rng(seed), rows, columns, np.dtype(dtype))
    return omega, omega if isinstance(omega, np.ndarray) else omega.toarray()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operand", OPERANDS)
def test_to_apply_a_sketch_is_to_multiply_with_it(kind, operand, dtype):
    a = gaussian(30, 23, dtype)
    right, wide = made(kind, 6, 23, dtype)
    left, high = made(kind, 6, 30, dtype, seed=1)
    form = OPERANDS[operand](a)
    y, x = sketch_of_rows(right, form), sketch_of_columns(left, form)
    assert y.dtype == x.dtype == dtype
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(y, a @ wide.T, rtol=0, atol=tolerance * np.linalg.norm(a))
    np.testing.assert_allclose(x, high @ a, rtol=0, atol=tolerance * np.linalg.norm(a))


@pytest.mark.parametrize("kind", KINDS)
def test_long_rows_are_sketched_some_at_a_time(kind, monkeypatch):
    monkeypatch.setattr("rrqr_lapack._common.products.BUFFER", 50)
    a = gaussian(11, 20, "f8")
    omega, dense = made(kind, 5, 20, "f8")
    np.testing.assert_allclose(sketch_of_rows(omega, a), a @ dense.T, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_makes_the_sketch(kind, dtype):
    same = [made(kind, 6, 50, dtype, seed)[1] for seed in (3, 3, 4)]
    np.testing.assert_array_equal(same[0], same[1])
    assert (same[0] != same[2]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_sketch_is_isotropic_on_average(kind):
    """E Omega^H Omega = c I: over 400 seeds each entry is within 6 standard errors of it."""
    samples = np.array([made(kind, 5, 12, "c16", seed)[1] for seed in range(400)])
    products = np.einsum("sij,sik->sjk", samples.conj(), samples)
    mean = products.mean(axis=0)
    scale = np.trace(mean).real / 12
    spread = np.maximum(products.std(axis=0), 1e-12) / np.sqrt(400)
    assert (np.abs(mean - scale * np.eye(12)) <= 6 * spread + 1e-12 * scale).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coherent", [False, True])
def test_a_sketch_keeps_the_geometry_of_a_subspace(kind, coherent):
    """400 of 3000 coordinates for a subspace of dimension 10: lengths change by less than half in 15 seeds."""
    basis = np.eye(3000, 10) if coherent else np.linalg.qr(gaussian(3000, 10, "f8"))[0]
    for seed in range(15):
        omega, _ = made(kind, 400, 3000, "f8", seed)
        lengths = np.linalg.svd(sketch_of_columns(omega, basis), compute_uv=False)
        assert lengths[0] <= 1.5 / 0.5 * lengths[-1]


@pytest.mark.parametrize("rows", [1, 3, 8, 20])
def test_a_sparse_sketch_has_its_signs_in_every_column(rows, dtype):
    _, dense = made("sparse", rows, 40, dtype)
    assert dense.dtype == dtype
    assert (np.count_nonzero(dense, axis=0) == min(SIGNS, rows)).all()
    assert set(np.unique(np.abs(dense))) <= {0, 1}


def test_a_trigonometric_sketch_keeps_orthogonal_coordinates():
    omega, dense = made("srtt", 7, 40, "f8")
    assert isinstance(omega, Trigonometric)
    np.testing.assert_allclose(dense @ dense.T, np.eye(7), atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_and_no_combinations_of_them_are_sketched(kind):
    omega, _ = made(kind, 0, 5, "f8")
    assert sketch_of_rows(omega, np.zeros((4, 5))).shape == (4, 0)
    omega, _ = made(kind, 3, 5, "f8")
    assert sketch_of_rows(omega, np.zeros((0, 5))).shape == (0, 3)
