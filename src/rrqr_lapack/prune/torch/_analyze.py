"""Step one of three for a model in torch."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..._common.progress import Progress
from .._analyze import Analysis
from ._groups import find_groups
from ._samples import Calibration, Call, Output


def analyze(
    model: torch.nn.Module,
    calibration: Calibration,
    *,
    groups: Iterable[str] | None = None,
    call: Call | None = None,
    output: Output | None = None,
    residual: bool = False,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> Analysis[torch.nn.Module]:
    """Find the groups of units of a model, and gather what `plan` and `apply` need of their activations Z.

    Z is what the weights that read a group see: after activation function, normalization, pooling and dropout, one row
    a sample and position, without positions that an ``attention_mask`` hides. Linear layers and convolutions of any
    model are groups, feed-forward blocks (of gated ones the product), attention heads (with grouped queries a key and
    value head and all its queries), whatever the classes of the modules: see `find_groups`.

    Parameters
    ----------
    model : torch.nn.Module
        Not modified; it runs in evaluation mode and gets its mode back.
    calibration : array, tensor, mapping of such, or an iterable of batches (a DataLoader)
        Samples without labels. A batch is an array (samples first), a mapping of keyword arguments, or a tuple of
        positional ones, of which those that ``forward`` does not take are dropped. An iterator is consumed once.
    groups : iterable of str, optional
        Names of the groups to look at. Default: all.
    call : callable, optional
        ``call(model, batch)`` runs the model on a batch.
    output : callable, optional
        ``output(result)`` is the tensor to preserve. Default: the first floating-point tensor of the result.
    residual : bool, default False
        Whether residual streams are groups too, where no normalization over features forbids it.
    batch_size : int, default 64
        Samples that go through the model at a time.
    progress : callable, optional
        Called as ``progress("reading activations", done, None)`` after each batch.

    Returns
    -------
    Analysis
        For `plan` and `apply`; its ``face`` says which modules were left alone and why.

    Raises
    ------
    TypeError, ValueError
        As `find_groups`; activations with NaN or infinity (the group is named).

    Warns
    -----
    UserWarning
        Modules that are not understood, by name.
    CalibrationWarning
        Samples that cannot tell what is asked, as `rrqr_lapack.prune.Analysis` says.

    Notes
    -----
    One forward pass of each sample and a few of the first ones, and 2 m n^2 flops for m rows of n columns; memory
    O(n^2) a group, whatever the number of samples.

    References
    ----------
    J. Chee, M. Renz, A. Damle, C. De Sa, "Model preserving compression for neural networks", NeurIPS 2022,
    arXiv:2108.00065. M. Flynn, A. Wang, D. E. Alvarez, C. De Sa, A. Damle, "STAT: Shrinking transformers after
    training", 2024, arXiv:2406.00061.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import analyze, apply, plan
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Conv2d(3, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2),
    ...     torch.nn.Flatten(), torch.nn.Linear(64, 10))
    >>> analysis = analyze(model, torch.randn(200, 3, 8, 8))
    >>> small = apply(analysis, plan(analysis, keep=0.5))
    >>> small[5]
    Linear(in_features=32, out_features=10, bias=True)
    """
    face, samples = find_groups(model, calibration, call=call, output=output, residual=residual, batch_size=batch_size)
    return Analysis(face, samples, groups=groups, progress=progress)
