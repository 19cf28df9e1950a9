"""The face of `rrqr_lapack.prune` for models in torch."""

from .face import TorchFace, find_groups

__all__ = ["TorchFace", "find_groups"]
