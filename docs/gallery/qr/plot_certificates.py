r"""
What a selection guarantees, and what it does
=============================================

`certify` bounds :math:`\|A - A_{:,C} T\|_2` for the columns that were chosen, by what the matrix is like. Here is the
kind of experiment that R. Armstrong, A. Buzali and A. Damle (arXiv:2310.09452) make: the same singular values with
coherent and with incoherent singular vectors, and the activations of a trained network. For every k there are the
errors of pivoted QR on A (greedy, strong) and on its singular vectors (GKS, exact and randomized), with their bounds.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.fft import dct

from rrqr_lapack import certify, select_columns
from rrqr_lapack.prune import load
from rrqr_lapack.prune._command import fashion_mnist, trial

rng = np.random.default_rng(0)
m, n = 200, 120
sigma = 0.9 ** np.arange(n)
U = np.linalg.qr(rng.standard_normal((m, n)))[0]

# %%
# Coherent singular vectors live in blocks of four columns each. Of random ones, and of cosines, every column has about
# the same share; cosines are smooth besides. The network is the one that `rrqr demo` compresses: 120 neurons of its
# first hidden layer on 300 images.

blocks = np.zeros((n, n))
for start in range(0, n, 4):
    part = slice(start, start + 4)
    blocks[part, part] = np.linalg.qr(np.eye(4) + 0.4 * rng.standard_normal((4, 4)))[0]
network = load(trial.NETWORK)
with np.load(fashion_mnist.SHIPPED) as data:
    images = data["calibration_images"][:300].reshape(300, -1) / 255
layer = network.layers[0]
matrices = {
    "coherent": (U * sigma) @ blocks.T,
    "incoherent: random": (U * sigma) @ np.linalg.qr(rng.standard_normal((n, n)))[0].T,
    "incoherent: cosines": (U * sigma) @ dct(np.eye(n), norm="ortho").T,
    "activations": np.maximum(images @ layer.weight + layer.bias, 0)[:, :n].astype(float),
}
methods = {
    "greedy": ("o-", {"method": "greedy"}),
    "strong": ("x", {"method": "strong"}),
    "GKS": ("s-", {"method": "gks"}),
    "GKS, randomized": ("+", {"method": "gks", "driver": "randomized", "power": 1, "rng": 0}),
}
counts = range(2, 60, 4)


def error(A, C):
    """In the spectral norm."""
    Q = np.linalg.qr(A[:, C])[0]
    return np.linalg.norm(A - Q @ (Q.T @ A), 2)


# %%
# Errors over the least that rank k allows, :math:`\sigma_{k+1}`, and the smallest bound of each choice, dashed. With
# coherent vectors there is little to choose between: the columns that hold them are the best, and all methods find
# them. With incoherent ones a choice of columns must lose something. Which method loses least depends on more: on
# cosines it is GKS, on random vectors and on the network none. A randomized basis chooses nearly as well as an exact
# one. Greedy pivots are strong on all four, so that there is nothing to exchange.

figure, axes = plt.subplots(2, 2, figsize=(9, 7), sharex=True, sharey=True)
for axis, (name, A) in zip(axes.flat, matrices.items(), strict=True):
    best = np.linalg.svd(A, compute_uv=False)
    for method, (style, options) in methods.items():
        columns = [select_columns(A, k, **options).columns for k in counts]
        errors = [error(A, C) / best[k] for k, C in zip(counts, columns, strict=True)]
        (line,) = axis.semilogy(counts, errors, style, ms=4, lw=1, mfc="none", label=method)
        bounds = [found.error_bound / found.basis_error for found in (certify(A, C) for C in columns)]
        axis.semilogy(counts, bounds, "--", lw=0.8, color=line.get_color())
        assert all(e <= b for e, b in zip(errors, bounds, strict=True))
    axis.set_title(name)
axes[0, 0].legend(fontsize=8)
figure.supxlabel("k")
figure.supylabel(r"over $\sigma_{k+1}$")
figure.tight_layout()

# %%
# The four bounds for GKS. `residual`, `singular_vectors` and `leverage` follow from one another, each from less
# knowledge than the one before. The leverage scores alone say something only where the vectors are coherent. What the
# chosen columns have outside the leading singular vectors, which `residual` knows and `singular_vectors` takes for the
# worst, makes the largest difference. `coefficients` looks at T instead: it is the smallest on coherent vectors and on
# the network, there from k = 18 on.

figure, axes = plt.subplots(2, 2, figsize=(9, 7), sharex=True, sharey=True)
for axis, (name, A) in zip(axes.flat, matrices.items(), strict=True):
    columns = [select_columns(A, k, method="gks").columns for k in counts]
    certificates = [certify(A, C) for C in columns]
    for bound in certificates[0].bounds:
        ratios = [found.bounds[bound] / found.basis_error for found in certificates]
        axis.semilogy(counts, ratios, ".-", ms=4, lw=0.8, label=bound)
    errors = [error(A, C) / found.basis_error for C, found in zip(columns, certificates, strict=True)]
    axis.semilogy(counts, errors, "k", lw=1, label="error")
    axis.set_title(name)
axes[0, 0].legend(fontsize=8)
figure.supxlabel("k")
figure.supylabel(r"over $\sigma_{k+1}$")
figure.tight_layout()
