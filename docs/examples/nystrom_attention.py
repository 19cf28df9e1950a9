"""Softmax attention through a few landmarks, and how far that is from exact attention.

    python docs/examples/nystrom_attention.py --tokens 2048 --landmarks 16 32 64 128

Attention softmax(Q K^T / sqrt(d)) V costs n^2 d operations for n tokens. The Nystromformer puts m landmarks between
them,

    softmax(Q K~^T) softmax(Q~ K~^T)^+ (softmax(Q~ K^T) V),

all products divided by sqrt(d), for n m d: Y. Xiong, Z. Zeng, R. Chakraborty, M. Tan, G. Fung, Y. Li, V. Singh,
"Nystromformer: a Nystrom-based algorithm for approximating self-attention", AAAI 2021, arXiv:2102.03902. It takes means
of successive tokens as landmarks ("means"). But attention is also a kernel matrix in a disguise,

    exp(q^T k / sqrt(d)) = exp(||q||^2 / 2 sqrt(d)) exp(-||q - k||^2 / 2 sqrt(d)) exp(||k||^2 / 2 sqrt(d)),

of which the first factor cancels in the softmax: the second is the Gaussian kernel of all queries and keys, positive
semidefinite, and `nystrom` approximates that one, with pivots by `rpcholesky` as landmarks ("kernel").

There is no trained network here: queries and keys are random linear maps of a slowly varying random sequence, and
`scale`, the standard deviation of their entries, says how much the softmax selects: at 0 nothing, at 1 few tokens.
"""

import argparse
import functools
import time

import numpy as np

from rrqr_lapack import KernelMatrix, nystrom, rbf


def softmax(x):
    """Rows exponentiated and divided by their sums."""
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def exact_attention(q, k, v):
    """softmax(Q K^T / sqrt(d)) V."""
    return softmax(q @ k.T / np.sqrt(q.shape[1])) @ v


def means_attention(q, k, v, m):
    """The Nystromformer's, with means of n / m successive queries and keys as landmarks."""
    few_q, few_k = (np.stack([part.mean(axis=0) for part in np.array_split(x, m)]) for x in (q, k))
    root = np.sqrt(q.shape[1])
    core = np.linalg.pinv(softmax(few_q @ few_k.T / root))
    return softmax(q @ few_k.T / root) @ (core @ (softmax(few_q @ k.T / root) @ v))


def kernel_attention(q, k, v, m, rng=0):
    """By a Nystrom approximation of rank m of the Gaussian kernel matrix of queries and keys."""
    n, root = len(q), np.sqrt(q.shape[1])
    kernel = functools.partial(rbf, length_scale=np.sqrt(root))
    approximation = nystrom(KernelMatrix(kernel, np.concatenate([q, k])), rank=m, rng=rng)
    U = approximation.eigenvectors
    exponents = (k**2).sum(axis=1) / (2 * root)
    weights = np.exp(exponents - exponents.max())[:, None]
    sums = (U[:n] * approximation.eigenvalues) @ (U[n:].T @ np.hstack([weights * v, weights]))
    return sums[:, :-1] / np.maximum(sums[:, -1:], np.finfo(float).tiny)


def tokens(n, d, scale, rng):
    """Queries, keys and values: linear maps of an autoregressive sequence, each entry of variance scale^2."""
    x = rng.standard_normal((n, d))
    for t in range(1, n):
        x[t] = 0.95 * x[t - 1] + np.sqrt(1 - 0.95**2) * x[t]
    return [factor * x @ rng.standard_normal((d, d)) / np.sqrt(d) for factor in (scale, scale, 1)]


def table(n, d, scales, landmarks, seed=0):
    """A row for each scale and number of landmarks: relative errors ||found - exact||_F / ||exact||_F and seconds."""
    for scale in scales:
        q, k, v = tokens(n, d, scale, np.random.default_rng(seed))
        exact, seconds = timed(exact_attention, q, k, v)
        for m in landmarks:
            row = [scale, m, seconds]
            for approximate in (means_attention, kernel_attention):
                found, seconds_of_it = timed(approximate, q, k, v, m)
                row += [np.linalg.norm(found - exact) / np.linalg.norm(exact), seconds_of_it]
            yield row


def timed(function, *arguments):
    """Its result and how long that took."""
    start = time.perf_counter()
    return function(*arguments), time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=2048, metavar="N")
    parser.add_argument("--dimension", type=int, default=64, metavar="D", help="of a head")
    parser.add_argument("--scales", type=float, nargs="+", default=[0.25, 0.5, 1.0])
    parser.add_argument("--landmarks", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    args = parser.parse_args()
    columns = ("scale", "landmarks", "exact, s", "means: error", "s", "kernel: error", "s")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for row in table(args.tokens, args.dimension, args.scales, args.landmarks):
        print(f"| {' | '.join(f'{cell:.3g}' for cell in row)} |")


if __name__ == "__main__":
    main()
