"""Networks and samples that the tests compress."""

import itertools

import numpy as np

from rrqr_lapack import prune
from rrqr_lapack.prune import Dense, Network


def random_network(rng, widths, activation="relu", dtype=np.float64, head="linear"):
    """Dense layers of these widths (inputs first), the last one without activation."""
    layers = [
        Dense(
            (rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype(dtype),
            (0.1 * rng.standard_normal(m)).astype(dtype),
            activation if i + 2 < len(widths) else "identity",
        )
        for i, (n, m) in enumerate(itertools.pairwise(widths))
    ]
    return Network(layers, head)


def redundant_network(rng, widths, activation="tanh"):
    """As `random_network`, with singular values that fall to a hundredth in each weight, as training makes them."""
    network = random_network(rng, widths, activation)
    for layer in network.layers:
        U, s, Vt = np.linalg.svd(layer.weight, full_matrices=False)
        layer.weight = 1.5 * (U * s[0] * np.logspace(0, -2, len(s))) @ Vt
    return network


def reveal_t(hidden):
    """The network of these hidden layers whose last layer is the identity: compressed, its last weights are T."""
    return Network([*hidden, Dense(np.eye(hidden[-1].weight.shape[1], dtype=hidden[-1].weight.dtype))])


def activations(network, x, layer):
    """Z: the outputs of `layer`."""
    for each in network.layers[: layer + 1]:
        x = each(x)
    return x


def relative_error(one, two):
    """||one - two||_F / ||two||_F."""
    return np.linalg.norm(one - two) / np.linalg.norm(two)


def plain_plan(analysis, **options):
    """`plan` of Chee et al.: pivoted QR, fitted to the original once, unless the options say otherwise."""
    return prune.plan(analysis, **{"method": "id", "refit": None, **options})


def plain_compress(network, X, **options):
    """`compress` of Chee et al., as `plain_plan`."""
    return prune.compress(network, X, **{"method": "id", "refit": None, **options})
