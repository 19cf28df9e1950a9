"""The example docs/examples/nystrom_attention.py."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "docs" / "examples" / "nystrom_attention.py"


@pytest.fixture(scope="module")
def example():
    specification = importlib.util.spec_from_file_location("nystrom_attention", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_with_a_landmark_for_every_token_both_are_exact(example):
    q, k, v = example.tokens(40, 8, 0.7, np.random.default_rng(0))
    exact = example.exact_attention(q, k, v)
    np.testing.assert_allclose(example.means_attention(q, k, v, 40), exact, rtol=0, atol=1e-8)
    np.testing.assert_allclose(example.kernel_attention(q, k, v, 80), exact, rtol=0, atol=1e-8)


def test_the_error_falls_with_the_number_of_landmarks(example):
    rows = list(example.table(256, 16, [0.25], [4, 64]))
    for column in (3, 5):
        assert rows[1][column] < 0.3 * rows[0][column] < 0.3


def test_exact_attention_averages_the_values_with_the_softmax(example):
    q, k, v = example.tokens(5, 3, 1.0, np.random.default_rng(0))
    weights = np.exp(q @ k.T / np.sqrt(3))
    np.testing.assert_allclose(example.exact_attention(q, k, v), weights @ v / weights.sum(axis=1, keepdims=True))
