"""Dense layers and networks."""

import numpy as np
import pytest
from networks import random_network

from rrqr_lapack.prune import Dense, Network


def test_a_dense_layer_is_f_of_x_w_plus_b(rng):
    weight, bias, x = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal((7, 4))
    np.testing.assert_array_equal(Dense(weight, bias, "relu")(x), np.maximum(x @ weight + bias, 0))


def test_without_bias_the_bias_is_zero():
    layer = Dense(np.ones((2, 3), np.float32))
    assert not layer.bias.any()
    assert layer.bias.dtype == np.float32


def test_a_network_is_its_layers_one_after_another(rng):
    network = random_network(rng, (5, 8, 6, 3), "tanh")
    x = rng.standard_normal((10, 5))
    one, two, three = network.layers
    hidden = np.tanh(np.tanh(x @ one.weight + one.bias) @ two.weight + two.bias)
    expected = hidden @ three.weight + three.bias
    np.testing.assert_allclose(network(x), expected, rtol=1e-14)


def test_a_softmax_head_gives_probabilities_in_the_order_of_the_logits(rng):
    network = random_network(rng, (5, 8, 3), head="softmax")
    x = 1e3 * rng.standard_normal((10, 5))
    logits, probabilities = network.logits(x), network(x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), logits.argmax(axis=1))


def test_parameters_and_multiply_adds_are_counted(rng):
    network = random_network(rng, (5, 8, 6, 3))
    assert network.widths == (5, 8, 6, 3)
    assert network.multiply_adds == 5 * 8 + 8 * 6 + 6 * 3
    assert network.parameters == network.multiply_adds + 8 + 6 + 3


@pytest.mark.parametrize(
    ("given", "computed"),
    [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)],
)
def test_weights_are_computed_in(given, computed):
    network = Network([Dense(np.ones((2, 2), given), np.ones(2, given))])
    assert network.dtype == computed
    assert network(np.ones((1, 2))).dtype == computed


def test_an_activation_in_double_precision_does_not_widen_a_float32_network():
    network = Network([Dense(np.ones((2, 2), np.float32), activation=lambda x: x.astype(np.float64))])
    assert network(np.ones((1, 2))).dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones(3),), ValueError, r"weight must be 2-D \(inputs x neurons\) and not empty, got shape \(3,\)"),
        ((np.ones((3, 0)),), ValueError, r"weight must be 2-D .* got shape \(3, 0\)"),
        ((np.ones((3, 2)), np.ones(3)), ValueError, r"bias must have shape \(2,\), one entry a neuron, got \(3,\)"),
        ((np.ones((3, 2)) * 1j,), TypeError, "weight must hold real numbers, got complex128"),
        ((np.ones((3, 2)), ["a", "b"]), TypeError, "bias must hold real numbers, got <U1"),
        (([[1.0, np.nan]],), ValueError, "weight must be finite, got NaN or Inf"),
        (([[1.0]], [np.inf]), ValueError, "bias must be finite, got NaN or Inf"),
    ],
)
def test_a_dense_layer_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        Dense(*arguments)


@pytest.mark.parametrize(
    ("layers", "head", "error", "message"),
    [
        ([], "linear", ValueError, "layers must hold at least one layer, got none"),
        ([np.ones((2, 2))], "linear", TypeError, r"layers\[0\] must be a Dense, got ndarray"),
        (
            [Dense(np.ones((2, 3))), Dense(np.ones((4, 1)))],
            "linear",
            ValueError,
            r"layers\[1\] must take 3 inputs, the neurons of layers\[0\], got 4",
        ),
        ([Dense(np.ones((2, 3)))], "sigmoid", ValueError, "head must be one of 'softmax', 'linear', got 'sigmoid'"),
    ],
)
def test_a_network_refuses(layers, head, error, message):
    with pytest.raises(error, match=message):
        Network(layers, head)


@pytest.mark.parametrize("shape", [(4,), (2, 5), (2, 2, 2)])
def test_samples_of_another_shape_are_refused(rng, shape):
    with pytest.raises(ValueError, match=r"x must have shape \(samples, 4\), got \("):
        random_network(rng, (4, 3, 2))(np.ones(shape))


def test_an_activation_that_changes_the_shape_is_refused():
    with pytest.raises(
        ValueError, match=r"must act on each entry by itself, got .*, which turned shape \(2, 3\) into \(2,\)"
    ):
        Dense(np.ones((4, 3)), activation=lambda x: x.sum(axis=1))(np.ones((2, 4)))
