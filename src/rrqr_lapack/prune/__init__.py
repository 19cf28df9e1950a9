"""Make a trained network smaller, without training: interpolative decompositions of its activations.

Three steps, for a `Network` here and for other models through their own faces: `analyze` streams unlabelled samples
through the model, `plan` chooses how many units of each layer stay and which, `apply` makes the smaller model.
`compress` is all three in one call. `save` and `load` keep networks in files. NumPy and SciPy suffice.

References: J. Chee, M. Renz, A. Damle, C. De Sa, Model preserving compression for neural networks,
NeurIPS 2022, arXiv:2108.00065.
"""

from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec
from typing import Any as _Any

from ._analyze import Analysis
from ._apply import apply
from ._compress import analyze, compress
from ._doubts import CalibrationWarning
from ._network.activations import LeakyReLU
from ._network.files import load, save
from ._network.network import Dense, Network
from ._planning.plan import plan
from ._planning.plans import Plan
from ._report import LayerReport, Report

__all__ = [
    "Analysis",
    "CalibrationWarning",
    "Dense",
    "LayerReport",
    "LeakyReLU",
    "Network",
    "Plan",
    "Report",
    "analyze",
    "apply",
    "compress",
    "load",
    "plan",
    "save",
]


def __getattr__(name: str) -> _Any:
    if name == "torch":  # imported when asked for, where PyTorch is installed
        return _import_module(f"{__name__}.torch")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *(["torch"] if _find_spec("torch") else [])})
