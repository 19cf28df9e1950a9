r"""
Where LoRA begins
=================

LoRA trains a product of two thin matrices beside a frozen weight. It can begin at random times zero, or with the
principal part of the weight (PiSSA: F. Meng et al., arXiv:2404.02948), of which `low_rank_factors` is the
factorization: then the frozen rest is small, and quantizing it costs less.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import low_rank_factors
from rrqr_lapack.prune import load
from rrqr_lapack.prune._command import trial

weight = load(trial.NETWORK).layers[1].weight


def quantized(w, bits=4):
    """Rounded to 2^bits levels between the largest entries."""
    step = 2 * np.abs(w).max() / (2**bits - 1)
    return np.round(w / step) * step


ranks = (0, 2, 4, 8, 16, 32)
errors, rest = [], []
for rank in ranks:
    principal = low_rank_factors(weight, rank=rank).reconstruct() if rank else np.zeros_like(weight)
    errors.append(np.linalg.norm(quantized(weight - principal) + principal - weight) / np.linalg.norm(weight))
    rest.append(np.linalg.norm(weight - principal) / np.linalg.norm(weight))

figure, axis = plt.subplots(figsize=(6, 3.4))
axis.semilogy(ranks, rest, "o-", label="norm of the frozen rest")
axis.semilogy(ranks, errors, "s-", label="error of quantizing it to 4 bits")
axis.set(xlabel="rank of the adapter", title="relative to the weight")
axis.legend()
figure.tight_layout()
