"""Column subset selection: the error over that of the SVD, the size of the coefficients, and the time of each method.

Random methods are run with five seeds, and what stands in the table is the median.
"""

import importlib

import numpy as np
import scipy.linalg

from rrqr_lapack import select_columns

from .. import matrices, report, timing

SEEDS = 5


def outliers(shape, rng, k):
    """Nine columns in ten in a space of dimension k, the others a bit longer and each in a direction of its own."""
    m, n = shape
    a = with_noise(shape, rng, 1e-3)
    few = min(n // 10, m - k)
    q = np.linalg.qr(rng.standard_normal((m, k + few)))[0]
    inner = rng.standard_normal((k, n - few))
    a[:, : n - few] += q[:, :k] @ (inner / np.linalg.norm(inner, axis=0))
    a[:, n - few :] += 1.2 * q[:, k:]
    return a[:, rng.permutation(n)]


def clustered(shape, rng, k):
    """Columns around k centres, the clusters' sizes falling from half of all columns to one."""
    m, n = shape
    sizes = np.maximum(1, np.geomspace(n / 2, 1, k)).astype(int)
    which = np.minimum(np.repeat(np.arange(k), sizes), k - 1)
    which = np.resize(which, n)
    return rng.standard_normal((m, k))[:, which] + with_noise(shape, rng, 0.1)


def with_noise(shape, rng, level):
    return level * rng.standard_normal(shape)


def coherent(shape, rng, k):
    """Singular values 1/j; the leading right singular vectors live in 2 k columns, the others in the rest."""
    return _with_right_vectors(shape, rng, [2 * k, shape[1] - 2 * k])


def incoherent(shape, rng, k):
    """Singular values 1/j; right singular vectors are cosines, so that no column is more important than another."""
    m, n = shape
    v = scipy.fft.dct(np.eye(n), norm="ortho")[:, rng.permutation(n)[: min(m, n)]]
    u = np.linalg.qr(rng.standard_normal((m, min(m, n))))[0]
    return (u / np.arange(1, min(m, n) + 1)) @ v.T


def _with_right_vectors(shape, rng, sizes):
    """U diag(1/j) V^T where V is block diagonal with random orthogonal blocks, then permuted rows."""
    m, n = shape
    blocks = [np.linalg.qr(rng.standard_normal((size, size)))[0] for size in sizes]
    v = scipy.linalg.block_diag(*blocks)[rng.permutation(n), : min(m, n)]
    u = np.linalg.qr(rng.standard_normal((m, min(m, n))))[0]
    return (u / np.arange(1, min(m, n) + 1)) @ v.T


def gap(shape, rng, k):
    """k singular values 1, the others 1/100."""
    return matrices.with_singular_values(shape, np.repeat([1, 0.01], [k, min(shape) - k]), rng)


def laplace(shape, rng, k):
    """exp(-5 |x_i - x_j|) of random points in the unit square, positive definite."""
    x = rng.random((shape[0], 2))
    return np.exp(-5 * np.linalg.norm(x[:, None] - x, axis=2))


def _shared(name):
    return lambda shape, rng, k: matrices.MATRICES[name](shape, rng)


MATRICES = {
    **{name: _shared(name) for name in ("gaussian", "algebraic", "geometric", "devil's stairs", "relu", "kernel")},
    "gap": gap,
    "incoherent": incoherent,
    "coherent": coherent,
    "clustered": clustered,
    "outliers": outliers,
    "kahan": _shared("kahan"),
    "laplace (PSD)": laplace,
}

WAYS = {  # of any matrix; the tests run them too
    "greedy": ("greedy", {}),
    "strong": ("strong", {}),
    "gks": ("gks", {}),
    "gks randomized": ("gks", {"driver": "randomized"}),
    "arp": ("arp", {}),
    "arp randomized": ("arp", {"driver": "randomized"}),
    "osinsky": ("osinsky", {}),
    "osinsky randomized": ("osinsky", {"driver": "randomized"}),
    "sketch lu": ("sketch", {}),
    "sketch qr": ("sketch", {"pivoting": "qr"}),
    "leverage": ("leverage", {}),
    "uniform": ("uniform", {}),
}
PSD_WAYS = {"cholesky": ("cholesky", {}), "cholesky greedy": ("cholesky", {"pivoting": "greedy"})}
OURS = WAYS | PSD_WAYS
RANDOM = {"arp", "leverage", "uniform", "sketch", "cholesky"}


def ours(name, a, k):
    """The call that chooses, for a seed."""
    method, options = OURS[name]
    return lambda seed=0: select_columns(a, k, method=method, rng=seed, **options).columns


def peers(a, k):
    """The calls of scikit-matter and low-rank-toolbox, where they are installed. The latter's take singular vectors,
    whose computation is part of the time."""
    calls = {}
    skmatter = _module("skmatter.feature_selection")
    if skmatter:
        for name in ("FPS", "CUR"):
            calls[f"skmatter {name}"] = lambda seed=0, name=name: _skmatter(getattr(skmatter, name), a, k)
    toolbox = _module("low_rank_toolbox.cssp")
    if toolbox:
        calls["toolbox ARP"] = lambda seed=0: toolbox.ARP(_vectors(a, k), seed=seed)
        calls["toolbox Osinsky"] = lambda seed=0: toolbox.Osinsky(_vectors(a, k))
    return calls


def _skmatter(selector, a, k):
    return selector(n_to_select=k).fit(a).selected_idx_


def _vectors(a, k):
    return scipy.linalg.svd(a, full_matrices=False)[2][:k].T


def _module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def figures(a, C, best):
    """Frobenius and spectral error over the best, and max |T|."""
    q = scipy.linalg.qr(a[:, C], mode="economic")[0]
    left = a - q @ (q.T @ a)
    gram = left @ left.T
    largest = scipy.linalg.eigh(gram, eigvals_only=True, subset_by_index=[len(a) - 1] * 2)[0]
    T = scipy.linalg.lstsq(a[:, C], a)[0]
    return np.linalg.norm(left) / best[0], np.sqrt(largest) / best[1], np.abs(T).max()


def measured(name, shape, k, threads, budget):
    """For each method its three figures and seconds."""
    psd = name.endswith("(PSD)")
    shape = (shape[0], shape[0]) if psd else shape
    a = np.asfortranarray(MATRICES[name](shape, np.random.default_rng(0), k))
    s = scipy.linalg.svdvals(a)[k:]
    calls = {way: ours(way, a, k) for way in (OURS if psd else WAYS)} | peers(a, k)
    times, first = timing.race(calls, threads, budget)
    found = {}
    for way, call in calls.items():
        random = way == "toolbox ARP" or OURS.get(way, ("",))[0] in RANDOM or way.endswith("randomized")
        choices = [call(seed) for seed in range(SEEDS)] if random else [first[way]]
        quality = np.median([figures(a, C, (np.linalg.norm(s), s[0])) for C in choices], axis=0)
        found[way] = (*quality, times.median(way))
    return found


def measure(quick, threads, budget):
    """Rows: a figure on a matrix; columns: methods."""
    shape, k = ((60, 90), 8) if quick else ((600, 1000), 40)
    names = report.progress(MATRICES, "selection")
    results = {name: measured(name, shape, k, threads, budget) for name in names}
    ways = list(dict.fromkeys(way for found in results.values() for way in found))
    return ["figure", "matrix", *ways], _rows(results, ways)


def _rows(results, ways):
    for i, figure in enumerate(("Frobenius", "spectral", "max abs T", "ms")):
        for name, found in results.items():
            cells = [found[way][i] * (1e3 if figure == "ms" else 1) if way in found else None for way in ways]
            yield [figure, name, *("" if cell is None else f"{cell:.3g}" for cell in cells)]
