"""Make a trained network smaller, without training: interpolative decompositions of its activations.

Three steps, for a `Network` here and for other models through their own faces: `analyze` streams unlabelled samples
through the model, `plan` chooses how many units of each layer stay and which, `apply` makes the smaller model.
`compress` is all three in one call. `save` and `load` keep networks in files. NumPy and SciPy suffice.

References: J. Chee, M. Renz, A. Damle, C. De Sa, Model preserving compression for neural networks,
NeurIPS 2022, arXiv:2108.00065.
"""

from .activations import LeakyReLU
from .analyze import Analysis
from .apply import apply
from .compress import analyze, compress
from .doubts import CalibrationWarning
from .files import load, save
from .network import Dense, Network
from .plan import plan
from .plans import Plan
from .report import LayerReport, Report

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
