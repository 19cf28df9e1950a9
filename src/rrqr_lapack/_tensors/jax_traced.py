"""Factorizations under ``jit`` and ``vmap`` of JAX: calls back to the kernels, of shapes that `rank` fixes."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .._common.arrays import check_rank
from .._common.types import Array
from .home import check_floating
from .libraries import HALF, dtype_name


def qr_truncated(a: Any, name: str, options: dict[str, Any], factor: Callable[..., Any]) -> Any:
    """Q, R and P, or R and P, of exactly `rank` columns and rows: those behind a matrix's own rank are zero.

    None where shapes are not fixed by the options.
    """
    if options["rank"] is None or options["mode"] not in ("economic", "r") or a.ndim < 2:
        return None
    check_floating(a, name)
    jax, (*batch, m, n) = sys.modules["jax"], a.shape
    k = check_rank(options["rank"], min(m, n), 0)
    dtype = np.dtype(np.float32) if dtype_name(a) in HALF else a.dtype
    shapes = [(*batch, m, k), (*batch, k, n)][options["mode"] == "r" :]
    like = [*(jax.ShapeDtypeStruct(shape, dtype) for shape in shapes), jax.ShapeDtypeStruct((*batch, n), np.int32)]

    def call(x: Any) -> tuple[Array, ...]:
        """The same of an ndarray, which `vmap` may have given more leading dimensions."""
        *factors, p = factor(np.asarray(x), **options)
        zeros = [np.zeros((*p.shape[:-1], *shape[-2:]), dtype) for shape in shapes]
        for whole, part in zip(zeros, factors, strict=True):
            whole[..., : part.shape[-2], : part.shape[-1]] = part
        return (*zeros, p)

    *factors, p = jax.pure_callback(call, like, a.astype(dtype), vmap_method="broadcast_all")
    return (*(each.astype(a.dtype) for each in factors), p)


RULES = {"qr_truncated": qr_truncated}
