"""Make models in torch smaller without training: the face of `rrqr_lapack.prune` for them.

`analyze` finds the groups of units that can be removed by running the model, and streams calibration samples through
it; `plan` chooses how many of each group stay; `apply` makes a new model of the same classes. `factorize` replaces
layers by products of two smaller ones instead. `save` and `load` keep the results in files. `register_rule` says what
an operation of your own means for the units. The extra ``[torch]`` installs what this needs.
"""

from .. import apply, plan
from ._analyze import analyze
from ._face import TorchFace
from ._factored import Factored
from ._factorize import FactorReport, factorize
from ._files import load, save
from ._groups import find_groups
from ._lora import lora_init
from ._registry import register_rule

__all__ = [
    "FactorReport",
    "Factored",
    "TorchFace",
    "analyze",
    "apply",
    "factorize",
    "find_groups",
    "load",
    "lora_init",
    "plan",
    "register_rule",
    "save",
]
