"""What others offer for the same job, each called as its authors meant it: optimal workspace, the layout it prefers."""

import importlib.util

import numpy as np
import scipy.linalg
import scipy.linalg.interpolative as sli

from . import geqp3rk
from .method import Method, greedy_tolerance, id_error, qr_error


def scipy_qr(mode, pivoting):
    """scipy.linalg.qr, which knows no rank: the error is that of its first columns."""

    def run(a, rank, mode=mode):
        return scipy.linalg.qr(a, mode=mode, pivoting=pivoting)

    def error(a, rank, result):
        q, r, *p = run(a, rank, "economic") if mode == "r" else result
        return qr_error(a, q[..., :rank], r[..., :rank, :], *p)

    name = f"scipy {mode}" if pivoting else f"scipy unpivoted {mode}"
    return Method(name, run, error, (lambda result: result[-1]) if pivoting else None)


def scipy_loop():
    """scipy.linalg.qr on each matrix of a stack."""

    def run(a, rank):
        return [scipy.linalg.qr(item, mode="economic", pivoting=True) for item in a]

    def error(a, rank, result):
        return qr_error(a, *map(np.stack, zip(*result, strict=True)))

    return Method("scipy in a loop", run, error)


def lapack_geqp3():
    """LAPACK's pivoted QR without what scipy.linalg.qr does around it: the compact form of a copy."""

    def run(a, rank):
        (routine,) = scipy.linalg.get_lapack_funcs(("geqp3",), (a,))
        size = routine(a, lwork=-1, overwrite_a=True)[-2][0].real  # asks, and leaves `a` alone
        return routine(a, lwork=int(size))

    def error(a, rank, result):
        return qr_error(a, _q(result[0], result[2], rank), np.triu(result[0][:rank]), result[1] - 1)

    return Method("geqp3", run, error, lambda result: result[1] - 1)


def lapack_geqp3rk():
    """LAPACK's truncated pivoted QR: the compact form of a copy."""

    def error(a, rank, result):
        q = _q(result.factor, result.tau, result.rank)
        return qr_error(a, q, np.triu(result.factor[: result.rank]), result.pivots)

    return Method("geqp3rk", geqp3rk.geqp3rk, error, lambda result: result.pivots)


def lapack_geqrf():
    """LAPACK's QR without pivoting: the compact form of a copy. SciPy's wrapper defaults to the smallest workspace."""

    def run(a, rank):
        routine, workspace = scipy.linalg.get_lapack_funcs(("geqrf", "geqrf_lwork"), (a,))
        return routine(a, lwork=int(workspace(*a.shape)[0]))

    def error(a, rank, result):
        return qr_error(a, _q(result[0], result[1], rank), np.triu(result[0][:rank]))

    return Method("geqrf", run, error)


def scipy_id(rand):
    """scipy.linalg.interpolative.interp_decomp.

    It copies into C order and refuses single precision, so it gets double in C order, the making of which is not timed.
    """

    def run(a, stop):
        *rank, index, proj = sli.interp_decomp(a, stop, rand=rand, **({"rng": 0} if rand else {}))
        return index[: rank[0] if rank else stop], sli.reconstruct_interp_matrix(index, proj)

    def error(a, stop, result):
        return id_error(a, *result)

    def tolerance(a, rank):
        """The random mode goes by estimates of its own: halve the tolerance until it gets there, then bisect."""
        low = high = greedy_tolerance(a, rank)
        while len(run(a, low)[0]) < rank:
            low, high = low / 2, low
        for _ in range(8):
            middle = (low * high) ** 0.5
            low, high = (low, middle) if len(run(a, middle)[0]) < rank else (middle, high)
        return low

    return Method(
        f"scipy ID {'random' if rand else 'exact'}",
        run,
        error,
        lambda result: result[0],
        flops=None,
        tolerance=tolerance if rand else greedy_tolerance,
        prepare=lambda a: np.ascontiguousarray(a, float),
    )


def sklearn_svd():
    """scikit-learn's randomized SVD with its defaults."""

    from sklearn.utils.extmath import randomized_svd

    def error(a, rank, result):
        u, s, vt = result
        return qr_error(a, u * s, vt)

    def run(a, rank):
        return randomized_svd(a, rank, random_state=0)

    return Method("sklearn rsvd", run, error, flops=None, prepare=np.ascontiguousarray)


def gemm():
    """The matrix product of the BLAS under all of the others, a square one of the same number of columns up to 2000."""

    def square(a):
        n = min(2000, *a.shape)
        return np.asfortranarray(a[:n, :n])

    def run(a, rank):
        (product,) = scipy.linalg.get_blas_funcs(("gemm",), (a,))
        return product(1, a, a)

    return Method("gemm", run, flops=lambda shape, rank: 2 * min(2000, *shape) ** 3, prepare=square)


def _q(factor, tau, k):
    """The first k columns of Q from the compact form."""
    (orgqr,) = scipy.linalg.get_lapack_funcs(("orgqr",), (factor,))
    return orgqr(factor[:, :k], tau[:k], lwork=max(1, 64 * k))[0]


METHODS = {
    method.name: method
    for method in (
        *(scipy_qr(mode, pivoting) for pivoting in (True, False) for mode in ("r", "economic")),
        scipy_loop(),
        lapack_geqp3(),
        *([lapack_geqp3rk()] if geqp3rk.available() else []),
        lapack_geqrf(),
        scipy_id(rand=False),
        scipy_id(rand=True),
        *([sklearn_svd()] if importlib.util.find_spec("sklearn") else []),
        gemm(),
    )
}
