"""What the package does for arrays of which library: the table in docs/tensors.md, by trying each call."""

import numpy as np
from backends import Backend

import rrqr_lapack as rr
from rrqr_lapack._tensors import home

CALLS = {
    "qr(pivoting=True)": lambda a: rr.qr(a, pivoting=True, mode="economic"),
    "qr_truncated": rr.qr_truncated,
    "qr_truncated, stacks": lambda a: rr.qr_truncated(stacked(a)),
    "qr_truncated(mode='full')": lambda a: rr.qr_truncated(a, rank=2, mode="full"),
    "qr(mode='raw'), qr_truncated(mode='raw')": lambda a: [
        rr.qr(a, pivoting=True, mode="raw")[0][0],
        rr.qr_truncated(a, rank=2, mode="raw")[0][0],
    ],
    "qr_truncated(driver='randomized')": lambda a: rr.qr_truncated(a, driver="randomized", rng=0),
    "TruncatedQR": lambda a: rr.TruncatedQR(a).R,
    "strong_rrqr": lambda a: rr.strong_rrqr(a).R,
    "interpolative_decomposition": lambda a: rr.interpolative_decomposition(a).coefficients,
    "interpolative_decomposition(f=2.0)": lambda a: rr.interpolative_decomposition(a, f=2.0).coefficients,
    "interpolative_decomposition(refit='lstsq')": lambda a: (
        rr.interpolative_decomposition(a, refit="lstsq").coefficients
    ),
    "select_columns(method='greedy', 'strong', 'sketch')": lambda a: [
        rr.select_columns(a, 2, method=method, rng=0).coefficients for method in ("greedy", "strong", "sketch")
    ],
    "select_columns, other methods, include, exclude, heldout_rows": lambda a: [
        rr.select_columns(a, 2, method="gks", exclude=[0]).coefficients
    ],
    "range_finder": lambda a: rr.range_finder(a, 2, rng=0).Q,
    "randomized_svd": lambda a: rr.randomized_svd(a, 2, rng=0).U,
    "TallQR": lambda a: rr.TallQR(a).R,
}
COLUMNS = {
    "PyTorch, CPU": Backend("torch"),
    "PyTorch, other device": Backend("torch", forced=True),
    "JAX, CPU": Backend("jax"),
    "array API, CPU": Backend("array_api_strict"),
    "array API, other device": Backend("array_api_strict", forced=True, device="device1"),
}
A = np.array([[3.0, 1, 2], [1, 4, 0], [0, 1, 5], [1, 1, 1]], "f")


def stacked(a):
    """Two of the same matrix."""
    xp = getattr(a, "__array_namespace__", lambda: None)()
    return a.expand(2, *a.shape) if xp is None else xp.broadcast_to(a, (2, *a.shape))


def cell(backend, call):
    """By what an array is factored, or a dash where it is refused; with what has a gradient."""
    home.HOST, before = not backend.forced, home.HOST
    try:
        a = backend.array(A)
        if backend.library == "torch":
            a.requires_grad_()
        found = call(a)
    except ValueError:
        return "-"
    finally:
        home.HOST = before
    results = found if isinstance(found, tuple | list) else [found]
    assert all(type(each) is type(results[0]) for each in results)
    gradients = any(getattr(each, "requires_grad", False) for each in results)
    return ("kernels" if backend.on_host else "device") + (", gradients" if gradients else "")


def row(name, columns):
    """A row of the table for these columns."""
    return [f"`{name}`", *(cell(COLUMNS[column], CALLS[name]) for column in columns)]


def table():
    """All of it, as it stands on the page."""
    lines = [["call", *COLUMNS], ["---"] * (1 + len(COLUMNS)), *(row(name, COLUMNS) for name in CALLS)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(table())
