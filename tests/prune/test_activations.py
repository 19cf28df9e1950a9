"""Activations: their formulas, their dtypes, their descriptions."""

import math

import numpy as np
import pytest

from rrqr_lapack.prune import LeakyReLU
from rrqr_lapack.prune._network.activations import NAMED, describe, from_description, resolve

FORMULAS = {
    "identity": lambda x: x,
    "relu": lambda x: max(x, 0.0),
    "leaky_relu": lambda x: x if x >= 0 else 0.01 * x,
    "gelu": lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2)),
    "gelu_tanh": lambda x: x / (1 + math.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
}
POINTS = np.linspace(-4, 4, 33)


def test_every_named_activation_has_its_formula_here():
    assert set(FORMULAS) == set(NAMED)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMED)
def test_an_activation_is_its_formula_and_keeps_the_dtype(name, dtype):
    x = POINTS.astype(dtype)
    values = resolve(name)(x)
    assert values.dtype == dtype
    expected = [FORMULAS[name](float(point)) for point in x]
    np.testing.assert_allclose(values, expected, rtol=0, atol=20 * np.finfo(dtype).eps)


def test_the_two_gelus_differ_by_less_than_a_thousandth():
    difference = abs(resolve("gelu")(POINTS) - resolve("gelu_tanh")(POINTS)).max()
    assert 1e-5 < difference < 1e-3


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "tanh", "sigmoid"])
def test_smooth_activations_take_large_arguments_without_a_warning(name):
    assert np.isfinite(resolve(name)(np.array([-1e4, 1e4]))).all()


@pytest.mark.parametrize("activation", [*NAMED.values(), LeakyReLU(0.25)], ids=[*NAMED, "leaky_relu 0.25"])
def test_a_description_gives_the_same_activation_back(activation):
    assert from_description(describe(activation)) == activation


def test_a_callable_stands_for_itself_but_has_no_description():
    assert resolve(math.sin) is math.sin
    with pytest.raises(
        ValueError, match=r"activation must be one of identity, .* in a file, which holds no code, got .*sin"
    ):
        describe(math.sin)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"activation must be one of identity, relu, .* or a callable, got 'rule'"):
        resolve("rule")


def test_what_is_no_activation_is_refused():
    with pytest.raises(TypeError, match="activation must be a name or a callable, got int"):
        resolve(3)
