"""The groups of units of a torch model, found by running it and each tried out before it counts."""

from __future__ import annotations

import torch

from rrqr_lapack._common.arrays import check_flag

from ..._common.warn import warn
from ..._common.words import by_reason
from ._check import checked
from ._configs import Configuration
from ._face import TorchFace
from ._plain import plain
from ._rules import Recording
from ._samples import Calibration, Call, Caller, Output, check_model, length, peek, prepare
from ._structure import Structure, structure


def find_groups(
    model: torch.nn.Module,
    calibration: Calibration,
    *,
    call: Call | None = None,
    output: Output | None = None,
    residual: bool = False,
    batch_size: int = 64,
) -> tuple[TorchFace, Calibration]:
    """The groups of units that can be removed from a model, found by running it.

    One forward pass is recorded: which entries of which tensors go with which, wherever the code puts them. Sets
    of units that weights make and weights read, with nothing in between that mixes them, are groups. Each group is
    tried out before it counts: the model cut to half of its units must equal the one whose other units are silenced.

    Parameters
    ----------
    model : torch.nn.Module
        Never modified. Anything that runs: the classes of its modules do not matter. Weights that weight norms,
        spectral norms and other parametrizations compute are ordinary weights in the result.
    calibration : array, tensor, mapping of such, or an iterable of batches (a DataLoader)
        The first samples are looked at.
    call : callable, optional
        ``call(model, batch)`` runs the model on a batch. Default: keyword arguments from a mapping, positional
        ones from a tuple, without those that ``forward`` does not take (labels).
    output : callable, optional
        ``output(result)`` is the tensor to preserve. Default: every floating-point tensor.
    residual : bool, default False
        Whether residual streams are groups too, where no normalization over features forbids it.
    batch_size : int, default 64
        Samples that go through the model at a time.

    Returns
    -------
    face : TorchFace
        The model as `analyze` takes it, with its groups.
    calibration : iterable
        The samples again, those included that were looked at.

    Raises
    ------
    TypeError
        `model` is no module, or one that was scripted or compiled; `calibration` neither arrays nor batches; no tensor
        to preserve.
    ValueError
        Nothing can be removed; parameters without values or with NaN or Inf; samples with NaN, or ones that the model
        does not run on.

    Warns
    -----
    UserWarning
        Modules whose operations are not understood, weights that the first samples do not reach, and groups that fail
        when they are tried out; all are named and left alone.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import find_groups
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.GELU(), torch.nn.Linear(8, 2))
    >>> face, _ = find_groups(model, torch.randn(10, 3))
    >>> face.groups
    (Group(name='0', width=8, unit=1, affine=True),)
    """
    check_model(model)
    check_flag("residual", residual)
    model = plain(model)
    caller = Caller(model, call, output)
    face = TorchFace(model, Structure({}, (), (), {}, {}), caller, batch_size, Configuration(model, ()))
    example, calibration = peek(calibration, prepare(model))
    caller.outputs(caller.try_out(model, example))
    with Recording(model) as tape:
        tape.close(face.run(example))
    found = structure(tape, length(example), residual=residual)
    couplings = list(found.couplings.values())
    face = TorchFace(model, found, caller, batch_size, Configuration(model, couplings))
    passed, failed = checked(face, example, couplings)
    face = face.only(passed, failed)
    if not_understood := by_reason({**found.unknown, **failed}):
        warn(f"not understood and left alone: {'; '.join(not_understood)}")
    if not face.groups:
        reasons = "; ".join(by_reason(face.left_alone)) or "no weights read what others make"
        raise ValueError(f"model must have units that can be removed, got none ({reasons})")
    return face, calibration
