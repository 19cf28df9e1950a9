"""A torch model as the pruning core sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import numpy as np
import torch

from rrqr_lapack._common.arrays import check_flag

from ..._common.warn import warn
from .._face import Cut, Group
from .._words import some
from ._capture import Capture
from ._check import checked
from ._configs import configure, settings
from ._cut import columns, cut_tensors, rebuilt, stored
from ._samples import (
    Caller,
    Samples,
    at_least_single,
    check_model,
    fingerprints,
    length,
    mask_of,
    peek,
    prepare,
    rows,
)
from ._structure import Coupling, Structure, structure
from ._tape import Tape


class TorchFace:
    """A model in torch: its groups, costs, activations and cuts, as `rrqr_lapack.prune._face.Face` has them.

    Made by `find_groups`, and by `cut` from another.

    Attributes
    ----------
    model : torch.nn.Module
    groups : tuple of Group
    parameters, flops : tuple of Term
        flops are the multiply-adds of linear layers, convolutions, matrix products and attention, for one sample as
        long as the ones that `find_groups` saw; entrywise work is not counted.
    left_alone : dict
        Module or group -> why it keeps its size.

    Examples
    --------
    What the core asks of a model, and the model without half of its units:

    >>> import numpy as np
    >>> import torch
    >>> from rrqr_lapack.prune._face import Cut
    >>> from rrqr_lapack.prune.torch import find_groups
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    >>> face, samples = find_groups(model, torch.rand(10, 3))
    >>> (batch,) = face.batches(samples)
    >>> len(list(face.fingerprints(batch))), face.run(batch).shape, face.tensor("0.bias").shape
    (10, torch.Size([10, 2]), torch.Size([4]))
    >>> (seen,), (outputs,) = face.activations([batch]), face.outputs([batch])
    >>> seen["0"].shape, outputs.shape
    ((10, 4), (10, 2))
    >>> [weight.shape for weight in face.producers("0")], [weight.shape for weight in face.consumers("0")]
    ([(3, 4)], [(4, 2)])
    >>> half = face.cut({"0": Cut(np.array([2, 0]), np.eye(4)[[2, 0]])})
    >>> half.model[0].weight.shape, half.coupling("0").width
    (torch.Size([2, 3]), 2)
    >>> face.only([]).groups
    ()
    """

    def __init__(self, model: torch.nn.Module, found: Structure, caller: Caller, batch_size: int, known=()):
        self.model = model
        self._found = found
        self._caller = caller
        self._batch_size = batch_size
        self._settings = known
        self.left_alone = {**found.whole, **found.unknown}
        self.parameters, self.flops = found.parameters, found.flops
        self.groups = tuple(Group(c.name, c.width, c.unit, c.affine) for c in found.couplings.values())

    def coupling(self, name: str) -> Coupling:
        """What a cut of a group touches.

        Parameters
        ----------
        name : str
            The group.

        Returns
        -------
        Coupling
            The axes that it slices, and the weights that T is folded into.
        """
        return self._found.couplings[name]

    def batches(self, calibration) -> Iterable:
        """The samples in batches of at most `batch_size`, as tensors on the model's device.

        Parameters
        ----------
        calibration : array, tensor, mapping of such, or an iterable of batches
            As for `find_groups`.

        Returns
        -------
        iterable
            Can be iterated over again unless `calibration` is an iterator.
        """
        samples = Samples(calibration, self._batch_size, prepare(self.model))
        return iter(samples) if isinstance(calibration, Iterator) else samples

    def fingerprints(self, batch) -> Iterator[bytes]:
        """The bytes of each sample of what `forward` takes of a batch.

        Parameters
        ----------
        batch : tensor, mapping or tuple
            One of `batches`.

        Returns
        -------
        iterator of bytes
            By which repeated samples are known.
        """
        return fingerprints(self._caller.inputs(batch))

    def run(self, batch, model: torch.nn.Module | None = None):
        """The model's result on a batch, or that of another of its kind.

        Parameters
        ----------
        batch : tensor, mapping or tuple
            One of `batches`.
        model : torch.nn.Module, optional
            The other model.

        Returns
        -------
        object
            Whatever the model returns, in evaluation mode and without gradients.
        """
        return self._caller(model or self.model, batch)

    def tensor(self, name: str) -> torch.Tensor:
        """A parameter or buffer of the model.

        Parameters
        ----------
        name : str
            As in the model's ``state_dict``.

        Returns
        -------
        torch.Tensor
            The model's own memory, without gradients.
        """
        return self._state()[name].detach()

    def activations(self, batches: Iterable, names: Iterable[str] | None = None) -> Iterator[dict[str, np.ndarray]]:
        """For each batch the activations Z of the named groups, as their readers see them; see `Capture`.

        Parameters
        ----------
        batches : iterable
            What `batches` gives.
        names : iterable of str, optional
            Default: all groups.

        Yields
        ------
        dict of str to ndarray
            Z of each group, (rows, columns).
        """
        couplings = [self.coupling(name) for name in (names or self._found.couplings)]
        for batch in batches:
            with Capture(self.model, couplings, mask_of(batch)) as seen:
                self.run(batch)
            yield seen.activations()

    def outputs(self, batches: Iterable) -> Iterator[np.ndarray]:
        """For each batch the tensor to preserve: a row for each sample, or for each position that is not masked.

        Parameters
        ----------
        batches : iterable
            What `batches` gives.

        Yields
        ------
        (rows, outputs) ndarray
            In single or double precision.

        Raises
        ------
        ValueError
            The outputs have NaN or infinity.
        """
        for batch in batches:
            y, mask = self._caller.output(self.run(batch)).detach(), mask_of(batch)
            if mask is not None and y.ndim == 3 and y.shape[:2] == mask.shape:
                y = rows(y, mask)
            y = at_least_single(y).reshape(len(y), -1).cpu().numpy()
            if not np.isfinite(y).all():
                raise ValueError("the outputs of the model have NaN or Inf")
            yield y

    def producers(self, name: str) -> list[np.ndarray]:
        """The weights that make the group, each (inputs, columns).

        Parameters
        ----------
        name : str
            The group.

        Returns
        -------
        list of ndarray
            One for each layer that makes it.
        """
        coupling = self.coupling(name)
        matrices = []
        for member in coupling.makers:
            # Keys and queries may have blocks of another size than Z: a unit's weights fill its columns as they come.
            weights = self._weights(member._replace(unit=())).reshape(coupling.width, -1)
            short = -weights.shape[1] % coupling.unit
            padded = np.pad(weights, ((0, 0), (0, short))).reshape(coupling.width, -1, coupling.unit)
            matrices.append(np.ascontiguousarray(padded.transpose(1, 0, 2).reshape(-1, coupling.width * coupling.unit)))
        return matrices

    def consumers(self, name: str) -> list[np.ndarray]:
        """The weights that read the group, each (columns, outputs).

        Parameters
        ----------
        name : str
            The group.

        Returns
        -------
        list of ndarray
            One for each layer that reads it.
        """
        return [self._weights(reader.member) for reader in self.coupling(name).readers]

    def _weights(self, member):
        return columns(at_least_single(self.tensor(member.name).cpu()), member).numpy()

    def _state(self):
        return dict(chain(self.model.named_parameters(), self.model.named_buffers()))

    def cut(self, cuts: Mapping[str, Cut]) -> TorchFace:
        """A face of a new model in which these groups are cut; shares nothing with this one.

        Parameters
        ----------
        cuts : mapping of str to Cut
            What becomes of which group.

        Returns
        -------
        TorchFace
            With the same groups, narrower.

        Raises
        ------
        ValueError
            A shift for a group that takes none; folded weights too large for the model's dtype.
        TypeError
            The model cannot be copied.
        """
        state, new, couplings = self._state(), {}, dict(self._found.couplings)
        for name, cut in cuts.items():
            new |= cut_tensors(state | new, couplings[name], cut)
            couplings[name] = couplings[name].resized(len(cut.units))
        model = rebuilt(self.model, stored(new, state))
        widths = {name: coupling.width for name, coupling in couplings.items()}
        for name in cuts:
            for module, attribute, each in couplings[name].attributes:
                setattr(model.get_submodule(module), attribute, each * widths[name])
        configure(model, self._settings, widths)
        return TorchFace(model, self._found.only(couplings.values()), self._caller, self._batch_size, self._settings)

    def only(self, couplings: Iterable[Coupling], whole: Mapping[str, str] | None = None) -> TorchFace:
        """A face of the same model with some of its groups; `whole` says why the others are none.

        Parameters
        ----------
        couplings : iterable of Coupling
            Those of the groups that stay.
        whole : mapping of str to str, optional
            Group -> why it keeps its size.

        Returns
        -------
        TorchFace
            Of the same model, which is not copied.
        """
        return TorchFace(self.model, self._found.only(couplings, whole), self._caller, self._batch_size, self._settings)


def find_groups(
    model: torch.nn.Module, calibration, *, call=None, output=None, residual: bool = False, batch_size: int = 64
) -> tuple[TorchFace, Iterable]:
    """The groups of units that can be removed from a model, found by running it.

    One forward pass is recorded: which entries of which tensors go with which, wherever the code puts them. Sets
    of units that weights make and weights read, with nothing in between that mixes them, are groups. Each group is
    tried out before it counts: the model cut to half of its units must equal the one whose other units are silenced.

    Parameters
    ----------
    model : torch.nn.Module
        Never modified. Anything that runs: the classes of its modules do not matter.
    calibration : array, tensor, mapping of such, or an iterable of batches (a DataLoader)
        The first samples are looked at.
    call : callable, optional
        ``call(model, batch)`` runs the model on a batch. Default: keyword arguments from a mapping, positional
        ones from a tuple, without those that ``forward`` does not take (labels).
    output : callable, optional
        ``output(result)`` is the tensor to preserve. Default: the first floating-point tensor.
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
    face = TorchFace(model, Structure({}, (), (), {}, {}), Caller(model, call, output), batch_size)
    example, calibration = peek(calibration, prepare(model))
    face._caller.output(face._caller.try_out(model, example))
    with Tape(model) as tape:
        tape.close(face.run(example))
    found = structure(tape, length(example), residual=residual)
    couplings = list(found.couplings.values())
    face = TorchFace(model, found, face._caller, batch_size, settings(model, couplings))
    passed, failed = checked(face, example, couplings)
    face = face.only(passed, failed)
    said: dict[str, list[str]] = {}
    for name, why in {**found.unknown, **failed}.items():
        said.setdefault(why, []).append(name or "the model itself")
    if said:
        reasons = "; ".join(f"{some(names)}: {why}" for why, names in said.items())
        warn(f"not understood and left alone: {reasons}")
    if not face.groups:
        said = {}
        for name, why in face.left_alone.items():
            said.setdefault(why, []).append(name or "the model itself")
        reasons = "; ".join(f"{some(names)}: {why}" for why, names in said.items())
        raise ValueError(f"no units of this model can be removed ({reasons or 'no weights read what others make'})")
    return face, calibration
