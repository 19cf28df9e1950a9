"""What a compression kept and what it cost."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from rrqr_lapack._common.norms import frobenius

from .._common.atomic import FilePath, write_json
from .._common.draw import Curves
from ._analyze import Analysis, read_again
from ._error_curve import error_curves
from ._network.dense import NetworkFace, index_of
from ._network.network import Network
from ._planning.plans import Plan
from ._tables import Contents, Tabled, change
from ._units.select import PIVOTED


@dataclass(frozen=True)
class LayerReport:
    """One compressed layer; made by `Report.of`.

    Attributes
    ----------
    layer : int
        Index into ``network.layers``.
    before, after : int
        Neurons, that is columns of Z.
    neurons : tuple of int
        The indices C of the neurons that stay, in pivot order.
    diagonal : tuple of float
        The curve ``|r_11|, |r_22|, ... |r_kk|`` of the pivoted QR of Z; empty for methods without one.
    residual : float
        ``||Z - Z[:, C] T||_F / ||Z||_F`` on the calibration samples, Z in the original network and T before
        any refit; for the pivoted QR it is exactly ``||R22||_F / ||Z||_F``. 0 where Z = 0.
    output_error : float
        Of the logits if only this layer is compressed, measured on held-out samples.
    curve : tuple of float
        What `residual` is with 1/32, 2/32, ... and all of the neurons.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, compress
    >>> network = Network([Dense([[1.0, 1.0]], activation="relu"), Dense([[1.0], [1.0]])])
    >>> _, report = compress(network, np.random.default_rng(0).random((100, 1)), keep=0.5)
    >>> layer = report.layers[0]
    >>> layer.before, layer.after, layer.residual < 1e-7
    (2, 1, True)
    """

    layer: int
    before: int
    after: int
    neurons: tuple[int, ...]
    diagonal: tuple[float, ...]
    residual: float
    output_error: float
    curve: tuple[float, ...]


@dataclass(frozen=True)
class Report(Tabled):
    """What `compress` kept and what it cost. ``print(report)`` is a table, `to_json` a file.

    Made by `compress`.

    Attributes
    ----------
    method : str
        How the neurons were chosen.
    samples : int
        Number of calibration samples.
    layers : tuple of LayerReport
        The compressed layers, front to back.
    output_error : float
        ``||Y' - Y||_F / ||Y||_F`` of the logits on the calibration samples, Y' the compressed network's
        (``||Y'||_F`` itself where Y = 0).
    max_output_error : float
        ``max |Y' - Y|`` of the same.
    predicted_error : float
        The same as `output_error`, as the plan predicts it for samples that were not fitted.
    parameters_before, parameters_after : int
        Weights and biases.
    multiply_adds_before, multiply_adds_after : int
        Of the matrix products, for one sample.
    seconds : float
        Wall time of the whole compression.
    doubts : tuple of str
        What the calibration samples cannot tell, so that the errors above may be too small.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, compress
    >>> network = Network([Dense([[1.0, 1.0]], activation="relu"), Dense([[1.0], [1.0]])])
    >>> _, report = compress(network, np.random.default_rng(0).random((100, 1)), keep=0.5)
    >>> report.parameters_before, report.parameters_after, report.output_error < 1e-7
    (7, 4, True)
    >>> report.to_json("report.json")
    """

    method: str
    samples: int
    layers: tuple[LayerReport, ...]
    output_error: float
    max_output_error: float
    predicted_error: float
    parameters_before: int
    parameters_after: int
    multiply_adds_before: int
    multiply_adds_after: int
    seconds: float
    doubts: tuple[str, ...] = ()

    @classmethod
    def of(cls, analysis: Analysis[Network], plan: Plan, small: Network, seconds: float) -> Report:
        """Of the network that was analyzed, with both networks' logits on all calibration samples.

        Parameters
        ----------
        analysis : Analysis
            Of a `Network`, with samples that can be read again.
        plan : Plan
            What stays of it.
        small : Network
            The smaller network.
        seconds : float
            What it all took.

        Returns
        -------
        Report
            With a `LayerReport` for each group of the plan.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack.prune import Dense, Network, Report, analyze, apply, plan
        >>> network = Network([Dense([[1.0, 1.0]], activation="relu"), Dense([[1.0], [1.0]])])
        >>> analysis = analyze(network, np.random.default_rng(0).random((100, 1)))
        >>> half = plan(analysis, keep=0.5)
        >>> Report.of(analysis, half, apply(analysis, half), seconds=0.0).samples
        100
        """
        layers = []
        for group in plan.groups:
            k, pivoted = len(group.units), plan.recipe.method in PIVOTED
            diagonal = plan.recipe.factor(analysis, group.name).diagonal if pivoted else ()
            layers.append(
                LayerReport(
                    index_of(group.name),
                    group.width,
                    k,
                    group.units,
                    tuple(map(float, diagonal[:k])),
                    group.error,
                    group.output_error,
                    group.curve,
                )
            )
        samples, error, size, largest = 0, 0.0, 0.0, 0.0
        faces = (analysis.face, NetworkFace(small))
        for (Y,), (Y_small,) in zip(*(face.outputs(read_again(analysis)) for face in faces), strict=True):
            difference = Y_small.astype(np.float64) - Y
            samples += len(Y)
            error, size = math.hypot(error, frobenius(difference)), math.hypot(size, frobenius(Y))
            largest = max(largest, float(abs(difference).max()))
        return cls(
            plan.recipe.method,
            samples,
            tuple(layers),
            error / size if size else error,
            largest,
            plan.output_error,
            plan.parameters_before,
            plan.parameters_after,
            plan.flops_before,
            plan.flops_after,
            seconds,
            analysis.doubts,
        )

    def _contents(self) -> Contents:
        rows = [
            [
                f"{r.layer}",
                f"{r.before}",
                f"{r.after}",
                f"{r.after / r.before:.1%}",
                f"{r.residual:.2e}",
                f"{r.output_error:.2e}",
            ]
            for r in self.layers
        ]
        title = f"Compressed with {self.samples:,} samples, method '{self.method}'"
        doubtful = " (in doubt)" if self.doubts else ""
        facts = [
            ("parameters", change(self.parameters_before, self.parameters_after)),
            ("multiply-adds", change(self.multiply_adds_before, self.multiply_adds_after)),
            (
                "output error",
                f"{self.output_error:.2e} relative, {self.max_output_error:.2e} at most; "
                f"{self.predicted_error:.2e} predicted for new samples{doubtful}",
            ),
            ("seconds", f"{self.seconds:.2f}"),
            *(("beware", doubt) for doubt in self.doubts),
        ]
        header = ["layer", "columns", "kept", "fraction", "residual of Z", "error of the output"]
        return Contents(title, header, rows, facts)

    def _curves(self) -> Curves:
        return error_curves((f"layer {r.layer}", r.curve, r.after, r.before) for r in self.layers)

    def to_json(self, path: FilePath, *, overwrite: bool = False) -> None:
        """Write every attribute to a JSON file, whole or not at all.

        Parameters
        ----------
        path : path
            The file.
        overwrite : bool, default False
            Whether an existing file may be replaced.

        Raises
        ------
        FileExistsError
            The file exists and `overwrite` is False.
        """
        write_json(path, asdict(self), overwrite)
