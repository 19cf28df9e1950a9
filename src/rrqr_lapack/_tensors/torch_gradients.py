"""Gradients of factorizations in PyTorch, for fixed pivots.

Which columns are chosen does not change in a neighbourhood of almost every matrix, and there the factors are smooth.
Where two columns tie, or a tolerance is met exactly, they jump, and the gradient is that of the side taken.

For ``A P = Q [R11 R12]`` with k columns, Q and R11 are those of an unpivoted QR of the chosen columns A1, and
``R12 = Q^H A2``. D. Roberts, L. Roberts, "QR and LQ decomposition matrix backpropagation algorithms for square, wide,
and deep matrices and their software implementation" (2020), arXiv:2009.10071. For ``T = A1^+ A2`` it is the derivative
of the pseudoinverse: G. H. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares
problems whose variables separate", SIAM J. Numer. Anal. 10(2) (1973), doi:10.1137/0710036.
"""

from collections.abc import Callable
from typing import Any

import torch

from .home import Home


class PivotedQR(torch.autograd.Function):
    """Q and R of a matrix, or of each in a stack, as functions of it; a zero on R's diagonal ends an item's rank."""

    @staticmethod
    def forward(ctx: Any, a: Any, q: Any, r: Any, p: Any) -> tuple[Any, Any]:
        q, r = q.view_as(q), r.view_as(r)
        ctx.save_for_backward(a, q, r, p)
        return q, r

    @staticmethod
    def backward(ctx: Any, q_bar: Any, r_bar: Any) -> tuple[Any, ...]:
        a, q, r, p = ctx.saved_tensors
        k, n = r.shape[-2:]
        order = p.long().unsqueeze(-2)
        chosen = r.diagonal(0, -2, -1) != 0
        among = chosen.unsqueeze(-1) & chosen.unsqueeze(-2)
        others = torch.nn.functional.pad(~chosen, (0, n - k), value=True).unsqueeze(-2)
        r1 = torch.where(among, r[..., :k], torch.eye(k, dtype=r.dtype, device=r.device))
        r1_bar, r2_bar = r_bar[..., :k] * among, r_bar * others
        q_bar = (q_bar + torch.take_along_dim(a, order, -1) @ r2_bar.mH) * chosen.unsqueeze(-2)
        upper = torch.triu(r1_bar @ r1.mH - q.mH @ q_bar)
        hermitian = upper + upper.mH - torch.diag_embed(upper.diagonal(0, -2, -1).real)
        a1_bar = torch.linalg.solve_triangular(r1.mH, q_bar + q @ hermitian, upper=False, left=False)
        permuted = q @ r2_bar + torch.nn.functional.pad(a1_bar, (0, n - k))
        return torch.zeros_like(a).scatter(-1, order.expand(a.shape), permuted), None, None, None


class Interpolation(torch.autograd.Function):
    """T of ``A ~= A[:, C] T`` as a function of A."""

    @staticmethod
    def forward(ctx: Any, a: Any, columns: Any, t: Any) -> Any:
        t = t.view_as(t)
        ctx.save_for_backward(a, columns, t)
        return t

    @staticmethod
    def backward(ctx: Any, t_bar: Any) -> tuple[Any, ...]:
        a, columns, t = ctx.saved_tensors
        columns = columns.long()
        t_bar = t_bar.index_fill(1, columns, 0)
        a1 = a[:, columns]
        q, r = torch.linalg.qr(a1)
        solve = torch.linalg.solve_triangular
        g = q @ solve(r.mH, t_bar, upper=False)
        left = (a - a1 @ t) @ t_bar.mH
        a1_bar = solve(r.mH, solve(r, left, upper=True, left=False), upper=False, left=False) - g @ t.mH
        return g.index_add(1, columns, a1_bar), None, None


def _qr(home: Home, a: Any, options: dict[str, Any], factor: Callable[..., Any]) -> Any:
    """Q, R and P, or R and P; what the other modes give has no gradient."""
    mode = options["mode"]
    if mode not in ("economic", "r"):
        return factor(a.detach())
    work = home.working(a)
    q, r, *p = factor(work.detach(), mode="economic", overwrite_a=False)
    order = p[0] if p else torch.arange(a.shape[-1], device=a.device).expand(*a.shape[:-2], -1)
    q, r = map(home.rounded, PivotedQR.apply(work, q, r, order))
    return (q, r, *p) if mode == "economic" else (r, *p)


def _interpolative(home: Home, a: Any, options: dict[str, Any], factor: Callable[..., Any]) -> Any:
    """An interpolative decomposition, with the gradients of T and of the columns themselves."""
    work = home.working(a)
    result = factor(work.detach(), overwrite_a=False)
    t = Interpolation.apply(work, result.columns, result.coefficients)
    result.coefficients, result.skeleton = home.rounded(t), a[:, result.columns.long()]
    return result


RULES = {"qr": _qr, "qr_truncated": _qr, "interpolative_decomposition": _interpolative}
