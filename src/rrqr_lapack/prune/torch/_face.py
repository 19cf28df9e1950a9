"""A torch model as the pruning core sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch

from .._face import Batch, Cut, Fold, Group, Outputs, total
from .._residence import Activations
from ._capture import Capture
from ._configs import Configuration
from ._cut import columns, cut_tensors, rebuilt, stored
from ._numbers import set_number
from ._samples import Calibration, Caller, Samples, at_least_single, fingerprints, mask_of, prepare, preserved
from ._structure import Coupling, Member, Structure
from ._sweep import sweep


class TorchFace:
    """A model in torch as `analyze`, `plan` and `apply` see it: its groups, costs, activations and cuts.

    Made by `find_groups`, and by `cut` from another.

    Attributes
    ----------
    model : torch.nn.Module
    groups : tuple of Group
    parameters, flops : tuple of Term
        flops are the multiply-adds of linear layers, convolutions, matrix products and attention, for one sample as
        long as the ones that `find_groups` saw; entrywise work is not counted.
    left_alone : dict
        Module or group -> why it keeps its size; "within" one, of the columns of its units.
    streams : tuple of str
        The groups that are residual streams: plans with and without them can be compared.
    alike : tuple of tuple of str
        The groups whose widths the model's configuration can say, those together that it says by one number.

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
    >>> seen["0"].shape, [each.shape for each in outputs]
    ((10, 4), [(10, 2)])
    >>> [weight.shape for weight in face.producers("0")], [weight.shape for weight in face.consumers("0")]
    ([(3, 4)], [(4, 2)])
    >>> half = face.cut({"0": Cut(np.array([2, 0]), np.eye(4)[[2, 0]])})
    >>> half.model[0].weight.shape, half.coupling("0").width
    (torch.Size([2, 3]), 2)
    >>> face.only([]).groups
    ()

    A sweep in which all units stay and are read as before:

    >>> cuts, _ = face.sweep([batch], ["0"], lambda name, pairs, alone: Cut(np.arange(4), np.eye(4)))
    >>> sorted(cuts)
    ['0']
    """

    def __init__(
        self,
        model: torch.nn.Module,
        found: Structure,
        caller: Caller,
        batch_size: int,
        configuration: Configuration,
    ) -> None:
        self.model = model
        self._found = found
        self._caller = caller
        self._batch_size = batch_size
        self._configuration = configuration
        self.left_alone: Mapping[str, str] = {**found.whole, **found.unknown}
        self.parameters, self.flops = found.parameters, found.flops
        self.groups = tuple(Group(c.name, c.width, c.unit, c.affine) for c in found.couplings.values())

    @property
    def streams(self) -> tuple[str, ...]:
        """The groups that are residual streams."""
        return tuple(name for name, coupling in self._found.couplings.items() if coupling.stream)

    @property
    def alike(self) -> tuple[tuple[str, ...], ...]:
        """The groups that the model's configuration can say the widths of, with those of one number together."""
        return tuple(setting.groups for setting in self._configuration.settings)

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

    def batches(self, calibration: Calibration) -> Iterable[Batch]:
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

    def fingerprints(self, batch: Batch) -> Iterator[bytes]:
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

    def run(self, batch: Batch, model: torch.nn.Module | None = None) -> Any:
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

    def activations(
        self, batches: Iterable[Batch], names: Iterable[str] | None = None
    ) -> Iterator[Mapping[str, Activations]]:
        """For each batch the activations Z of the named groups, as their readers see them; see `Capture`.

        Parameters
        ----------
        batches : iterable
            What `batches` gives.
        names : iterable of str, optional
            Default: all groups.

        Yields
        ------
        dict of str to ndarray or tensor
            Z of each group, (rows, columns): of a model on the CPU ndarrays, otherwise tensors on its device.
        """
        couplings = [self.coupling(name) for name in (names or self._found.couplings)]
        for batch in batches:
            with Capture(self.model, couplings, mask_of(batch)) as seen:
                self.run(batch)
            yield seen.activations()

    def outputs(self, batches: Iterable[Batch]) -> Iterator[list[np.ndarray]]:
        """For each batch the tensors to preserve: a row for each sample, or for each position that is not masked.

        Parameters
        ----------
        batches : iterable
            What `batches` gives.

        Yields
        ------
        list of (rows, columns) ndarray
            In single or double precision.

        Raises
        ------
        ValueError
            The outputs have NaN or infinity.
        """
        for batch in batches:
            yield self._kept(self.run(batch), batch)

    def _kept(self, result: Any, batch: Batch) -> list[np.ndarray]:
        return preserved(self._caller, result, batch)

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
            weights = np.hstack([each.reshape(coupling.width, -1) for each in self._weights(member)])
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
        return [each for reader in self.coupling(name).readers for each in self._weights(reader.member)]

    def _weights(self, member: Member) -> list[np.ndarray]:
        tensor = at_least_single(self.tensor(member.name).cpu())
        return [columns(tensor, member.axis, block).numpy() for block in member.blocks]

    def _state(self) -> dict[str, torch.Tensor]:
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
        state, found = self._state(), self._found
        new: dict[str, torch.Tensor] = {}
        for name, cut in cuts.items():
            new |= cut_tensors(state | new, found.couplings[name], cut)
            found = found.resized({name: len(cut.units)})
        model = rebuilt(self.model, stored(new, state))
        for name in cuts:
            for module, attribute, terms in found.couplings[name].attributes:
                set_number(model.get_submodule(module), attribute, total(terms, found.widths))
        self._configuration.configure(model, found.widths)
        return TorchFace(model, found, self._caller, self._batch_size, self._configuration)

    def sweep(self, batches: Sequence[Batch], names: Iterable[str], fold: Fold) -> tuple[dict[str, Cut], list[Outputs]]:
        """Run the model and one that is cut as it goes over all batches, each once, from front to back.

        Parameters
        ----------
        batches : sequence
            Of what `batches` gives.
        names : iterable of str
            The groups to cut.
        fold : callable
            ``fold(name, pairs, alone)`` is given the activations (Z', Z) of the cut model and of the original for the
            number of each batch, and whether no weights read others of the group, and returns the cut.

        Returns
        -------
        cuts : dict of str to Cut
            What `fold` gave, and for a group that is read in several places each place's own.
        outputs : list of tuple
            For each batch the outputs of the original and of the cut model.

        Raises
        ------
        ValueError
            The outputs have NaN or infinity.
        """
        couplings = {name: self.coupling(name) for name in names}
        return sweep(self.model, self._caller, couplings, batches, fold, self._kept)

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
        return TorchFace(
            self.model, self._found.only(couplings, whole), self._caller, self._batch_size, self._configuration
        )
