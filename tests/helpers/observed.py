"""Low-rank matrices of which some entries are seen, for the tests of matrix completion."""

import numpy as np
from matrices import rank_deficient
from scipy import sparse


def low_rank(m, n, rank, dtype, seed=0):
    """The incoherent random model: a product of Gaussian matrices, its entries near 1."""
    return (rank_deficient(m, n, np.result_type(dtype, np.float64), rank, seed) / np.sqrt(rank)).astype(dtype)


def seen(a, share, seed=0):
    """That share of the entries, drawn independently."""
    mask = np.random.default_rng(seed).random(a.shape) < share
    return at(a, mask)


def at(a, mask):
    """The entries under the mask, zeros among them."""
    return sparse.coo_array((a[mask], mask.nonzero()), shape=a.shape)


def mask_of(observed):
    """The mask itself."""
    mask = np.zeros(observed.shape, bool)
    mask[observed.coords] = True
    return mask


def relative(z, a):
    """||Z - A||_F / ||A||_F."""
    return float(np.linalg.norm(z.reconstruct() - a) / np.linalg.norm(a))
