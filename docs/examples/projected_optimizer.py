"""Any optimizer of PyTorch in a subspace of each weight's gradient, so that its state is small: the wrapper.

Gradients of weight matrices lie near a subspace that changes slowly. With an orthonormal basis B of r of its dimensions
an optimizer can work on B^T G, (r, n), in place of G, (m, n), and B times what it answers is what the weights move by.
The basis is found anew every so many steps. J. Zhao, Z. Zhang, B. Chen, Z. Wang, A. Anandkumar, Y. Tian, "GaLore:
memory-efficient LLM training by gradient low-rank projection", ICML 2024, arXiv:2403.03507, takes singular vectors; a
few products find a basis that is nearly as good. All of it happens on the device of the weights.
"""

import torch

from rrqr_lapack import randomized_svd, range_finder, select_columns


def singular_vectors(G, rank, seed):
    """The best subspace, by LAPACK's or cuSOLVER's SVD of all of G."""
    return torch.linalg.svd(G.float(), full_matrices=False)[0][:, :rank]


def randomized_vectors(G, rank, seed):
    """Nearly the same, by products of G with few vectors."""
    return randomized_svd(G, rank, rng=seed).U


def sampled_range(G, rank, seed):
    """An orthonormal basis of as many random combinations of the columns, after one power iteration."""
    return range_finder(G, rank, oversample=0, power=1, rng=seed).Q


def selected_rows(G, rank, seed):
    """The unit vectors of the rows that represent all others best: a list of indices would do."""
    rows = select_columns(G.mT, rank, method="sketch", rng=seed).columns.long()
    return torch.nn.functional.one_hot(rows, len(G)).mT.to(G.dtype)


class Projected:
    """Parameters that a wrapped optimizer moves in subspaces; what is no matrix, or a small one, it moves as it is.

    parameters : iterable of torch.nn.Parameter
    make : callable, ``make(parameters)`` is the optimizer, as ``lambda p: torch.optim.Adam(p, 1e-3)``. Without weight
        decay, which would see the small parameters alone. Schedules of the learning rate take `Projected.optimizer`.
    rank : int, the dimension r of the subspaces
    subspace : callable, ``subspace(G, rank, seed)`` is a basis (m, at most r) of G, (m, n) with m <= n
    every : int, steps after which the subspaces are found anew
    scale : float, what steps in a subspace are multiplied by
    """

    def __init__(self, parameters, make, *, rank, subspace=randomized_vectors, every=200, scale=1.0):
        parameters = list(parameters)
        self._rank, self._subspace, self._every, self._scale = rank, subspace, every, scale
        self._matrices = [p for p in parameters if p.ndim == 2 and min(p.shape) > rank]
        self._small = [torch.nn.Parameter(p.new_zeros(rank, max(p.shape))) for p in self._matrices]
        projected = set(map(id, self._matrices))
        self._whole = [p for p in parameters if id(p) not in projected]
        self.optimizer = make([*self._whole, *self._small])
        self.bases = [None] * len(self._matrices)
        self.steps = 0

    def zero_grad(self):
        """Forget the gradients."""
        for p in (*self._whole, *self._matrices):
            p.grad = None

    @torch.no_grad()
    def step(self):
        """Move the weights by what the optimizer makes of the projected gradients."""
        for i, (weight, small) in enumerate(zip(self._matrices, self._small, strict=True)):
            small.grad = None
            if weight.grad is not None:
                G = _wide(weight.grad)
                if self.bases[i] is None or self.steps % self._every == 0:
                    basis = self._subspace(G, self._rank, self.steps).to(G.dtype)
                    self.bases[i] = torch.nn.functional.pad(basis, (0, self._rank - basis.shape[1]))
                small.grad = self.bases[i].mT @ G
        self.steps += 1
        self.optimizer.step()
        for weight, small, basis in zip(self._matrices, self._small, self.bases, strict=True):
            if small.grad is not None:
                _wide(weight).addmm_(basis, small, alpha=self._scale)
                small.zero_()

    def state_dict(self):
        """Of the optimizer, with the bases and the number of steps."""
        return {"optimizer": self.optimizer.state_dict(), "bases": list(self.bases), "steps": self.steps}

    def load_state_dict(self, state):
        """Go on from there."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.bases, self.steps = list(state["bases"]), state["steps"]


def _wide(matrix):
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT
