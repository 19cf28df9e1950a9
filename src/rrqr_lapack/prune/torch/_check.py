"""Trying a structure out: a model cut to some units must equal the one whose other units are silenced.

Both are the same function written with different sizes, so whatever the model's code does with its tensors, a group
that passes can be cut. Numbers in the code that follow a width (``view(-1, 2048)``) are found by trying.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from .._face import Batch, Cut, Term
from ._calls import tensors
from ._cut import rebuilt, scaled
from ._face import TorchFace
from ._layout import Layout
from ._numbers import numbers
from ._structure import Attribute, Coupling

TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}  # relative; 0.05 in half precision
CANDIDATES = 8  # numbers in the code that are tried, nearest module first


def checked(face: TorchFace, batch: Batch, couplings: list[Coupling]) -> tuple[list[Coupling], dict[str, str]]:
    """The groups that can be cut, with the attributes that must follow; and for the others why not.

    Parameters
    ----------
    face : TorchFace
        Of these groups.
    batch
        A few samples.
    couplings : list of Coupling
    """
    if not couplings or _fault(face, batch, couplings) is None:
        return couplings, {}
    passed: list[Coupling] = []
    failed: dict[str, str] = {}
    known: list[tuple[str, ...]] = [()]
    for coupling in couplings:
        fault = None
        for attributes in _trials(face.model, coupling, known):
            trial = replace(coupling, attributes=coupling.attributes + attributes)
            fault = _fault(face, batch, [trial])
            if fault is None:
                names = tuple(name for _, name, _ in attributes)
                known = [names, *(other for other in known if other != names)]
                passed.append(trial)
                break
        else:
            failed[coupling.name] = f"a model cut here does not work: {fault}"
    return passed, failed


def _fault(face: TorchFace, batch: Batch, couplings: Sequence[Coupling]) -> str | None:
    """What goes wrong when these groups are cut; None if nothing does."""
    rng = np.random.default_rng(0)
    cuts: dict[str, Cut] = {}
    silent: dict[str, torch.Tensor] = {}
    for i, coupling in enumerate(couplings):
        C = rng.permutation(coupling.width)[: -(-coupling.width // (2 + i % 2))]  # widths that may differ do
        scale = np.zeros(coupling.width)
        scale[C] = rng.standard_normal(len(C))
        cuts[coupling.name] = Cut(C, np.kron(np.diag(scale)[C], np.eye(coupling.unit)))
        for reader in coupling.readers:
            name = reader.member.name
            silent[name] = scaled(silent.get(name, face.tensor(name)), reader.member, scale)
    expected = face.only(couplings).run(batch, rebuilt(face.model, silent))
    try:
        found = face.only(couplings).cut(cuts).run(batch)
    except Exception as error:  # the model's own code, with sizes it may not expect
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    for one, two in zip(tensors(found), tensors(expected), strict=False):
        if one.shape != two.shape:
            return f"its output has the shape {tuple(one.shape)} in place of {tuple(two.shape)}"
        if one.is_floating_point() or one.is_complex():
            wide = torch.promote_types(one.dtype, torch.float64)
            one, two = (torch.nan_to_num(each.to(wide)) for each in (one, two))
            limit = TOLERANCE.get(next(face.model.parameters()).dtype, 0.05)
            if float((one - two).norm()) > limit * float(two.norm()):
                return "its output is not that of the model whose other units are silenced"
    return None


def _trials(
    model: torch.nn.Module, coupling: Coupling, known: Sequence[tuple[str, ...]]
) -> Iterator[tuple[Attribute, ...]]:
    """Sets of attributes to try: what other groups needed, then every choice of up to three."""
    sizes: dict[int, tuple[Term, ...]] = {}
    for member in coupling.members:
        lengths = [member.layout, Layout(coupling.width, coupling.name)]
        lengths += [
            Layout(block.size // each, parts=(Layout(coupling.width, coupling.name), Layout(block.shape[1])))
            for block in member.blocks
            for each in block.shape[2:]
        ]
        for layout in lengths:
            sizes.setdefault(layout.size, layout.terms())
    modules: dict[str, int] = {}
    for member in (*coupling.makers, *(reader.member for reader in coupling.readers)):
        path = member.name.rpartition(".")[0]
        while path not in modules:
            modules[path] = path.count(".") + bool(path)
            path = path.rpartition(".")[0]
    paths = sorted(modules, key=lambda path: -modules[path])
    candidates = [
        (path, name, sizes[value])
        for path in (*paths, *(path for path, _ in model.named_modules() if path not in modules))
        for name, value in numbers(model.get_submodule(path), attributes=path in modules).items()
        if value in sizes
    ][:CANDIDATES]
    for names in known:
        chosen = tuple(each for each in candidates if each[1] in names)
        if len({name for _, name, _ in chosen}) == len(names):
            yield chosen
    for count in (1, 2, 3):
        yield from itertools.combinations(candidates, count)
