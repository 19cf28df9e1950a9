"""What `compress` refuses, each with the argument, what it was and what is allowed."""

import numpy as np
import pytest
from networks import random_network

from rrqr_lapack.prune import Dense, Network, compress

RNG = np.random.default_rng(1)
NETWORK = random_network(RNG, (4, 8, 6, 2))
X = RNG.standard_normal((30, 4))
NAN = np.where(np.arange(30)[:, None] == 17, np.nan, X)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "exactly one of eps, keep, ranks, params, flops, max_error must be given, got none of them"),
        ({"eps": 0.1, "keep": 0.5}, ValueError, "exactly one of eps, .* must be given, got eps and keep"),
        ({"eps": -0.1}, ValueError, "eps must be at least 0 and less than 1, got -0.1"),
        ({"eps": 1.0}, ValueError, "eps must be at least 0 and less than 1, got 1.0"),
        ({"eps": float("nan")}, ValueError, "eps must be at least 0 and less than 1, got nan"),
        ({"eps": "0.1"}, TypeError, "eps must be a real number, got '0.1'"),
        ({"keep": 0}, ValueError, "keep must be above 0 and at most 1, the fraction of units to keep, got 0"),
        ({"keep": 1.5}, ValueError, "keep must be above 0 and at most 1, .*, got 1.5"),
        ({"keep": True}, TypeError, "keep must be a real number, got True"),
        ({"keep": [0.5, 0.5]}, TypeError, r"keep must be a real number, got \[0.5, 0.5\]"),
        ({"ranks": [4]}, ValueError, "ranks must hold a number for each of the 2 groups, got 1"),
        ({"ranks": [4, 7]}, ValueError, r"ranks must be between 1 and 6 for layers\[1\], got 7"),
        ({"ranks": [0, 3]}, ValueError, r"ranks must be between 1 and 8 for layers\[0\], got 0"),
        ({"ranks": [4.0, 3]}, TypeError, r"ranks must be a sequence of integers, got \[4.0, 3\]"),
        ({"ranks": 4}, TypeError, "ranks must be a sequence of integers, got 4"),
        ({"keep": 0.5, "layers": [2]}, ValueError, "layers must be between 0 and 1, those that can be cut, got 2"),
        ({"keep": 0.5, "layers": [-1]}, ValueError, "layers must be between 0 and 1, those that can be cut, got -1"),
        ({"keep": 0.5, "layers": []}, ValueError, "layers must name at least one layer, got none"),
        ({"keep": 0.5, "layers": [1, 1]}, ValueError, r"layers must hold each index once, got \[1, 1\]"),
        ({"keep": 0.5, "layers": 1}, TypeError, "layers must be a sequence of integers, got 1"),
        ({"eps": 0.1, "eps_scale": "input"}, ValueError, "eps_scale must be one of None, 'output', got 'input'"),
        ({"keep": 0.5, "eps_scale": "output"}, ValueError, "eps_scale must be None without eps, got 'output' and keep"),
        ({"keep": 0.5, "refit": "ridge"}, ValueError, "refit must be one of None, 'auto', 'asymmetric', got 'ridge'"),
        (
            {"keep": 0.5, "method": "best"},
            ValueError,
            "method must be one of 'id', 'weighted', 'forward', .*, got 'best'",
        ),
        (
            {"eps": 0.1, "method": "magnitude"},
            ValueError,
            "eps must go with 'id' or 'weighted', got the method 'magnitude'",
        ),
        (
            {"keep": 0.5, "method": "magnitude", "refit": "asymmetric"},
            ValueError,
            "refit must be None with the correction 'none'",
        ),
    ],
)
def test_an_option_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        compress(NETWORK, X, **options)


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        (X[:, :3], ValueError, r"X must have shape \(samples, 4\), one row a sample, got \(30, 3\)"),
        (X[0], ValueError, r"X must have shape \(samples, 4\), one row a sample, got \(4,\)"),
        (X[None], ValueError, r"X must have shape \(samples, 4\), one row a sample, got \(1, 30, 4\)"),
        (np.float64(3), ValueError, r"X must have shape \(samples, 4\), one row a sample, got \(\)"),
        (X[:0], ValueError, "X must hold samples, got none"),
        ([], ValueError, r"X must have shape \(samples, 4\)"),
        (iter([]), ValueError, "X must hold samples, got none"),
        (X * 1j, TypeError, "X must hold real numbers, got complex128"),
        (X.astype(str), TypeError, "X must hold real numbers, got <U"),
        (X.astype(object), TypeError, "X must hold real numbers, got object"),
        (NAN, ValueError, "X must be finite, got NaN or Inf in sample 17"),
        ((half for half in (NAN[:10], NAN[10:])), ValueError, "X must be finite, got NaN or Inf in sample 17"),
        ([X, X[:, :3]], ValueError, r"X must have shape \(samples, 4\), one row a sample, got \(30, 3\)"),
        (3, TypeError, "X must be an array or an iterable of batches, got int"),
        ("X.npy", TypeError, "X must be an array or an iterable of batches, got str"),
    ],
)
def test_samples_are_refused(samples, error, message):
    with pytest.raises(error, match=message):
        compress(NETWORK, samples, keep=0.5)


def test_samples_that_overflow_in_float32_are_refused():
    with pytest.raises(ValueError, match="X must be finite, got NaN or Inf in sample 0"):
        compress(random_network(RNG, (4, 8, 2), dtype=np.float32), np.full((30, 4), 1e300), keep=0.5)


def test_activations_that_are_not_finite_name_the_layer_and_the_sample():
    def bad(z):
        return np.where(np.arange(len(z))[:, None] == 5, np.nan, z)

    layers = [NETWORK.layers[0], Dense(NETWORK.layers[1].weight, activation=bad), NETWORK.layers[2]]
    with pytest.raises(
        ValueError, match=r"activations of layers\[1\] must be finite, got NaN or Inf for calibration sample 5"
    ):
        compress(Network(layers), X, keep=0.5)


def test_activations_that_overflow_name_the_layer():
    layers = [NETWORK.layers[0], Dense(np.full((8, 6), 1e308)), NETWORK.layers[2]]
    with pytest.raises(
        ValueError, match=r"activations of layers\[1\] must be finite, got NaN or Inf for calibration sample \d+"
    ):
        compress(Network(layers), X, keep=0.5)


def test_a_network_of_one_layer_has_nothing_to_compress():
    with pytest.raises(
        ValueError, match="network must have a hidden layer, got a single layer, which gives the outputs"
    ):
        compress(random_network(RNG, (4, 2)), X, keep=0.5)


def test_what_is_no_network_is_refused():
    with pytest.raises(TypeError, match="network must be a Network, got list"):
        compress(list(NETWORK.layers), X, keep=0.5)
